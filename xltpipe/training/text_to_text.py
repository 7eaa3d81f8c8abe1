"""TextToText: a tagger that writes the text again with tags in it (Raman et al., 2022).

An encoder-decoder of transformers learns to copy its input and to put `<LOC> … </LOC>` around
spans. By default it is held to that form when it writes, after De Cao et al. (2021), so that no
span is lost between output and input. Decoder-only models are not supported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from xltpipe.errors import require
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.schemes import spans_from_tags
from xltpipe.spec import Incidental
from xltpipe.training import checkpoint
from xltpipe.training.continuing import GoingOn, check_labels, settings_of
from xltpipe.training.fine_tuning import FineTuning
from xltpipe.training.fitting import IGNORED, fit
from xltpipe.training.labelled import check_task
from xltpipe.training.resumable import Resumable
from xltpipe.training.sentences import REPORT, SETTINGS, Reading, Sentence, make_home, write_json
from xltpipe.training.tag_grammar import Chunk
from xltpipe.training.text_to_text_model import SmallMarian, load_model, longest_output, new_model
from xltpipe.training.text_to_text_windows import cut
from xltpipe.training.text_to_text_words import Speller, TagStyle, speller
from xltpipe.training.transformers_beginning import after, load
from xltpipe.training.windows import Inputs
from xltpipe.types import Example

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


class TextToText(FineTuning):
    """Settings of the text-to-text tagger: exactly one of `model` and `config` is given.

    `model` is a folder or a hub name of an encoder-decoder with a fast tokenizer (such as T5,
    mT5 or BART; `revision` pins it); `config` sizes a new model that learns its tokenizer from
    the training text. `constrained = false` shows what the same model writes when nothing holds
    it: texts that come back otherwise lose their spans, and are counted.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"spans"})

    kind: Literal["text_to_text"] = "text_to_text"
    config: SmallMarian | None = None
    tags: TagStyle = "tokens"
    epochs: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)  # a new model needs about 1e-3
    weight_decay: float = Field(default=0.0, ge=0)
    constrained: bool = True
    beams: int = Field(default=4, ge=1)
    length_penalty: float = Field(default=1.0, ge=0)  # score = sum of log p / length ** this
    predict_batch_size: Annotated[int, Incidental] = Field(default=16, ge=1)

    def build(self, seed: int, task: Task = "spans") -> Trainer:
        """Make the trainer; the seed draws new weights, the order of sentences and dropout.

        Raises:
            RecipeError: it cannot learn this task.
        """
        check_task(self.kind, self.tasks, task)
        self.check()
        return TextToTextTrainer(self, seed)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        from xltpipe.training.text_to_text_tagger import TextToTextTagger

        return TextToTextTagger(
            home,
            device=self.device,
            batch_size=self.predict_batch_size,
            beams=self.beams,
            length_penalty=self.length_penalty,
            constrained=self.constrained,
        )


@dataclass(frozen=True, slots=True)
class _Learner:
    """What is fitted: a model of transformers, how it spells, its labels in order."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    speller: Speller
    labels: list[str]


class TextToTextTrainer(GoingOn, Resumable):
    """Fine-tunes with transformers' Trainer; seeds torch, numpy and random, as that does."""

    def __init__(self, spec: TextToText, seed: int) -> None:
        self._spec = spec
        self._seed = seed

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """Write the model, its tokenizer, `settings.json` and `report.json`.

        `dev` decides when to stop, with `patience`; without, its loss stands in the report.

        Raises:
            DataError: no sentence or span to learn from, `patience` without dev, or `home` is not
                empty.
            RecipeError: the checkpoint cannot be loaded or does not fit.
        """
        reading = Reading("bio")
        sentences = list(reading.sentences(examples))
        reading.check()
        learner = self._learner(sentences, sorted(reading.labels))
        make_home(home)
        rows, counts = self._rows(sentences, learner)
        dev_rows, _ = self._rows(list(Reading("bio").sentences(dev)), learner)
        fitted = fit(
            learner.model,
            learner.tokenizer,
            rows,
            dev_rows,
            after(self._spec.schedule(self._seed), self._earlier),
            self._work(home),
            _collator(learner),
        )
        with checkpoint.quiet():
            learner.model.save_pretrained(home)
            learner.tokenizer.save_pretrained(home)
        settings = {"seed": self._seed, "task": "spans", "labels": learner.labels}
        write_json(home / SETTINGS, self._spec.identity() | settings)
        write_json(home / REPORT, reading.counts | counts | fitted | {"labels": learner.labels})

    def _learner(self, sentences: Sequence[Sentence], labels: list[str]) -> _Learner:
        spec, length = self._spec, self._spec.max_tokens
        require("transformers", "train").set_seed(self._spec.drawing(self._seed))
        if self._earlier is not None:
            known = settings_of(self._earlier, spec.kind, "spans")["labels"]
            check_labels(known, labels, self._earlier)
            labels = known
            model, tokenizer = load("AutoModelForSeq2SeqLM", self._earlier, length)
        elif spec.config is not None:
            texts = (sentence.text for sentence in sentences)
            model, tokenizer = new_model(spec.config, texts, labels, spec.tags, length)
        else:
            name = spec.model or ""
            model, tokenizer = load_model(name, spec.revision, labels, spec.tags, length)
        return _Learner(model, tokenizer, speller(tokenizer, labels, spec.tags), labels)

    def _rows(
        self, sentences: Sequence[Sentence], learner: _Learner
    ) -> tuple[list[Inputs], dict[str, int]]:
        """Windows and what to write for them; those that the decoder cannot write are left out."""
        spell, limit = learner.speller, longest_output(learner.model)
        rows: list[Inputs] = []
        names = ("windows", "windowed_sentences", "overlong_windows")
        counts = Counter(dict.fromkeys((*names, *spell.counted), 0))
        for sentence in sentences:
            size = (self._spec.max_tokens, self._spec.overlap)
            windows = cut(spell, sentence.text, sentence.bounds, *size)
            counts.update(windows.counts)
            counts["windows"] += len(windows.ranges)
            counts["windowed_sentences"] += len(windows.ranges) > 1
            for part, words in zip(windows.ranges, windows.words, strict=True):
                chunks = _chunks(sentence.tags[part.start : part.stop], learner.labels)
                output = [*spell.before, *spell.grammar.write(words, chunks)]
                if limit is not None and len(output) > limit:
                    counts["overlong_windows"] += 1
                    continue
                read = spell.read(words)
                seen = [1] * len(read)
                rows.append({"input_ids": read, "attention_mask": seen, "labels": output})
        return rows, dict(counts)


def _chunks(tags: Sequence[str], labels: Sequence[str]) -> list[Chunk]:
    """The tagged words as ranges; labels that are not among these are left out (those of dev)."""
    words = [(i, i + 1) for i in range(len(tags))]
    spans = spans_from_tags(tags, words, "bio")[0]
    return [(s.start, s.end, labels.index(s.label)) for s in spans if s.label in labels]


def _collator(learner: _Learner) -> Any:
    return require("transformers", "train").DataCollatorForSeq2Seq(
        learner.tokenizer, model=learner.model, label_pad_token_id=IGNORED
    )
