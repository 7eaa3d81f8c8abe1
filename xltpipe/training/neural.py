"""CharCnn and BiGru: small networks from scratch, for any script and a CPU.

They know characters only: no weights, no tokenizer, no word list. The same seed gives the same
model on the same machine with as many threads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from xltpipe.errors import require
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.spec import Incidental, Spec
from xltpipe.text import tokenise
from xltpipe.training.continuing import GoingOn, check_labels
from xltpipe.training.fitting import IGNORED
from xltpipe.training.labelled import Labelled, balanced, check_task, parts
from xltpipe.training.neural_fitting import Plan, Row, fit
from xltpipe.training.neural_growing import Earlier
from xltpipe.training.sentences import REPORT, SETTINGS, Reading, Sentence, make_home, write_json
from xltpipe.training.tfidf_model import MODEL
from xltpipe.types import Bounds, Example

if TYPE_CHECKING:
    from xltpipe.training.neural_networks import LabelNetwork, TagNetwork, Text

LONGEST = 32
"""Characters of a word that a network over words sees; of longer ones both ends."""
BORDER, UNKNOWN, FIRST = 1, 2, 3
"""Numbers of what is no character: the ends of a text or word (0 fills up), and unseen ones."""


class Neural(Spec, ABC):
    """Settings that both networks share."""

    kind: str
    depth: int = Field(default=32, ge=1)
    """Of the embedding of a character."""
    filters: int = Field(default=64, ge=1)
    """Filters of each width."""
    dropout: float = Field(default=0.3, ge=0, lt=1)
    epochs: int = Field(default=20, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    batch_size: int = Field(default=16, ge=1)
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced`: all labels (of spans, all tags) weigh the same in sum."""
    patience: int | None = Field(default=None, ge=1)
    """Epochs without a better loss on dev after which training stops; the best one is kept."""
    predict_batch_size: Annotated[int, Incidental] = Field(default=64, ge=1)

    def check(self) -> None:
        require("torch", "train")
        require("safetensors", "train")

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        from xltpipe.training.neural_tagger import load_tagger

        return load_tagger(self, home)

    @abstractmethod
    def network(self, characters: int, task: Task, labels: int) -> LabelNetwork | TagNetwork:
        """A network with weights drawn from torch's generator."""

    @abstractmethod
    def cut(self, text: str) -> list[str]:
        """The strings of characters that the network sees of a text; at least one."""


class CharCnn(Neural):
    """Settings of the CNN over the characters of a text (after Zhang et al., 2015; Kim, 2014)."""

    tasks: ClassVar[frozenset[Task]] = frozenset({"classification", "pairs"})

    kind: Literal["charcnn"] = "charcnn"
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(3, 4, 5, 6), min_length=1)
    """Of the filters, in characters."""
    filters: int = Field(default=128, ge=1)

    def build(self, seed: int, task: Task = "classification") -> Trainer:
        """Make the trainer; the seed draws weights, the order of examples and dropout.

        Raises:
            RecipeError: it cannot learn this task.
        """
        return _build(self, seed, task, self.tasks)

    def network(self, characters: int, task: Task, labels: int) -> LabelNetwork:
        """A network over characters."""
        from xltpipe.training.neural_networks import CharacterCnn, LabelNetwork

        encoder = CharacterCnn(characters, self.depth, self.filters, self.widths)
        return LabelNetwork(encoder, 2 if task == "pairs" else 1, labels, self.dropout)

    def cut(self, text: str) -> list[str]:
        """The text as a whole."""
        return [text]


class BiGru(Neural):
    """Settings of the GRU over words, which it knows by their characters."""

    tasks: ClassVar[frozenset[Task]] = frozenset({"classification", "pairs", "spans"})

    kind: Literal["bigru"] = "bigru"
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(2, 3, 4), min_length=1)
    """Of the filters, in characters."""
    hidden: int = Field(default=96, ge=1)
    """Of the state in each direction."""

    def build(self, seed: int, task: Task = "spans") -> Trainer:
        """Make the trainer; the seed draws weights, the order of examples and dropout.

        Raises:
            RecipeError: it cannot learn this task.
        """
        return _build(self, seed, task, self.tasks)

    def network(self, characters: int, task: Task, labels: int) -> LabelNetwork | TagNetwork:
        """A network over words."""
        from xltpipe.training.neural_networks import LabelNetwork, TagNetwork, WordGru

        size = (self.depth, self.filters, self.widths, self.hidden, self.dropout)
        encoder = WordGru(characters, *size)
        if task == "spans":
            return TagNetwork(encoder, labels, self.dropout)
        return LabelNetwork(encoder, 2 if task == "pairs" else 1, labels, self.dropout)

    def cut(self, text: str) -> list[str]:
        """Its words; an empty string stands for none."""
        return words(text, tokenise(text).bounds) or [""]


def words(text: str, bounds: Sequence[Bounds]) -> list[str]:
    """The words between bounds, each as long as a network sees it."""
    found = [text[start:end] for start, end in bounds]
    half = LONGEST // 2
    return [w if len(w) <= LONGEST else w[:half] + w[-half:] for w in found]


class Characters:
    """Numbers for the characters that training saw: in the order of Unicode, stage by stage."""

    def __init__(self, known: str) -> None:
        self.known = known
        self._numbers = {char: at for at, char in enumerate(known, FIRST)}

    @classmethod
    def learn(cls, strings: Iterable[str], known: str = "") -> Characters:
        """Take up all characters of the strings, behind those that are `known` already."""
        return cls(known + "".join(sorted(set().union(*strings) - set(known))))

    def __len__(self) -> int:
        return FIRST + len(self.known)

    def encode(self, strings: Iterable[str]) -> Text:
        """The numbers of each string, between borders."""
        get = self._numbers.get
        return [[BORDER, *(get(char, UNKNOWN) for char in s), BORDER] for s in strings]


def _build(spec: Neural, seed: int, task: Task, able: frozenset[Task]) -> Trainer:
    check_task(spec.kind, able, task)
    spec.check()
    return NeuralTrainer(spec, seed, task)


class NeuralTrainer(GoingOn):
    """Fits a network to labels or tags; torch's global generator is left as it was.

    One that goes on from an earlier network keeps its labels and adds characters to its own.
    """

    def __init__(self, spec: Neural, seed: int, task: Task) -> None:
        self._spec = spec
        self._seed = seed
        self._task: Task = task

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """Write `model.safetensors`, `settings.json` and `report.json`.

        `dev` decides when to stop, with `patience`; without, its loss stands in the report.

        Raises:
            DataError: nothing to learn from, `patience` without dev, `home` is not empty, or an
                earlier network does not fit or lacks a label.
        """
        earlier = None
        if self._earlier is not None:
            earlier = Earlier.read(self._earlier, self._spec.kind, self._task)
        rows, held, labels, counts = self._read(examples, dev, earlier)
        make_home(home)
        strings = (string for texts, _ in rows for text in texts for string in text)
        characters = Characters.learn(strings, "" if earlier is None else earlier.characters)
        torch = require("torch", "train")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            network = self._spec.network(len(characters), self._task, len(labels))
            if earlier is not None:
                earlier.begin(network)
                counts["new_characters"] = len(characters.known) - len(earlier.characters)
            taught, watched = ([_row(characters, row) for row in part] for part in (rows, held))
            report = fit(network, taught, watched, self._plan(taught, len(labels)))
        tensors = {name: t.contiguous() for name, t in network.state_dict().items()}
        safetensors: Any = require("safetensors.torch", "train")
        (home / MODEL).write_bytes(safetensors.save(tensors))
        known = {"task": self._task, "labels": labels, "characters": characters.known}
        write_json(home / SETTINGS, self._spec.identity() | known | {"seed": self._seed})
        write_json(home / REPORT, counts | report | {"labels": labels})

    def _plan(self, rows: Sequence[Row], labels: int) -> Plan:
        spec, weights = self._spec, None
        if spec.class_weights == "balanced":
            seen = Counter(str(t) for row in rows for t in row.targets if t != IGNORED)
            weights = balanced(seen, [str(number) for number in range(labels)])
        return Plan(
            epochs=spec.epochs,
            learning_rate=spec.learning_rate,
            batch_size=spec.batch_size,
            patience=spec.patience,
            weights=weights,
            seed=self._seed,
        )

    def _read(
        self, examples: Iterable[Example], dev: Iterable[Example], earlier: Earlier | None
    ) -> tuple[list[_Cut], list[_Cut], list[str], dict[str, int]]:
        """Rows of training and dev, the labels or tags in order, and the counts.

        Rows of dev of which nothing is asked are left out: their loss is 0 whatever was learnt.
        """
        if self._task == "spans":
            reading = Reading("bio", partial=True)
            sentences = list(reading.sentences(examples))
            reading.check()
            found = sorted(reading.labels)
            tags = ["O", *(f"{prefix}-{label}" for label in found for prefix in "BI")]
            if earlier is not None:
                check_labels(earlier.types, found, earlier.home)
                tags = earlier.labels
            held = list(Reading("bio", partial=True).sentences(dev))
            asked = [row for row in (_tagged(s, tags) for s in held) if {*row[1]} != {IGNORED}]
            return [_tagged(s, tags) for s in sentences], asked, tags, reading.counts
        labelled = Labelled(self._task)
        rows = list(labelled.examples(examples))
        labelled.check()
        labels = sorted(labelled.labels)
        if earlier is not None:
            check_labels(earlier.labels, labels, earlier.home)
            labels = earlier.labels
        held_rows = list(Labelled(self._task, known=labels).examples(dev))
        taught, watched = ([self._cut(e, labels) for e in part] for part in (rows, held_rows))
        return taught, watched, labels, labelled.counts

    def _cut(self, example: Example, labels: Sequence[str]) -> _Cut:
        texts = [self._spec.cut(text) for text in parts(example, self._task)]
        return texts, (labels.index(str(example.label)),)


_Cut = tuple[list[list[str]], tuple[int, ...]]
"""The strings of each text, and the targets."""


def _tagged(sentence: Sentence, tags: Sequence[str]) -> _Cut:
    """What is unspecified, or a label that only dev has, is not asked for."""
    targets = tuple(tags.index(tag) if tag in tags else IGNORED for tag in sentence.tags)
    return [words(sentence.text, sentence.bounds)], targets


def _row(characters: Characters, cut: _Cut) -> Row:
    return Row(tuple(characters.encode(text) for text in cut[0]), cut[1])
