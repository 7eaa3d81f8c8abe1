"""Crf: a linear-chain CRF over word features (Lafferty et al., 2001) by CRFsuite (Okazaki, 2007).

Needs no weights and no GPU: 11,590 sentences train in well under a minute on one core.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from xltpipe import progress
from xltpipe.errors import DataError
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.schemes import Scheme, spans_from_tags
from xltpipe.spec import Spec
from xltpipe.training.features import extract
from xltpipe.training.labelled import check_task
from xltpipe.training.sentences import (
    REPORT,
    SETTINGS,
    Reading,
    Sentence,
    make_home,
    read_settings,
    word_bounds,
    write_json,
)
from xltpipe.types import Example, Span

MODEL = "model.crfsuite"
CHUNK = 256
"""Examples between two ticks of the progress."""


class Crf(Spec):
    """Settings of the CRF.

    Held-out English (the last 1,590 sentences of WikiNEuRal en.val) gives F1 .750 after 60
    iterations and .749 after 100: the shorter training is the default.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"spans"})

    kind: Literal["crf"] = "crf"
    scheme: Scheme = "bio"
    c1: float = Field(default=0.1, ge=0)  # L1 penalty
    c2: float = Field(default=0.05, ge=0)  # L2 penalty
    max_iterations: int = Field(default=60, ge=1)  # of L-BFGS (OWL-QN where c1 > 0)
    min_count: int = Field(default=1, ge=1)  # features seen less often are left out

    def build(self, seed: int, task: Task = "spans") -> Trainer:  # noqa: ARG002 - draws nothing
        """Make the trainer; every seed gives the same model: L-BFGS starts at zero.

        Raises:
            RecipeError: it cannot learn this task.
        """
        check_task(self.kind, self.tasks, task)
        return CrfTrainer(self)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        return build_tagger(home)


class CrfTrainer:
    """Streams sentences into CRFsuite, which holds their features in memory, and optimises."""

    def __init__(self, spec: Crf) -> None:
        self._spec = spec

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:  # noqa: ARG002
        """Write `model.crfsuite`, `settings.json` and `report.json`; `dev` is not looked at.

        Raises:
            DataError: no sentence or no span to learn from, or `home` is not empty.
            OSError: the disk is full.
        """
        reading = Reading(self._spec.scheme)
        fitting = Fitting(self._spec)
        for sentence in reading.sentences(examples):
            fitting.add(sentence)
        reading.check()
        make_home(home)
        fitting.write(home / MODEL)
        write_json(home / SETTINGS, self._spec.identity() | {"task": "spans"})
        write_json(home / REPORT, reading.counts | {"labels": sorted(reading.labels)})


class Fitting:
    """CRFsuite's training: takes sentences in, then optimises and writes the model."""

    def __init__(self, spec: Crf) -> None:
        import pycrfsuite

        self._iterations = spec.max_iterations
        self._trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
        self._trainer.set_params(
            {
                "c1": spec.c1,
                "c2": spec.c2,
                "max_iterations": spec.max_iterations,
                "feature.minfreq": spec.min_count,
            }
        )

    def add(self, sentence: Sentence) -> None:
        """Take up a sentence; its features are held in memory."""
        self._trainer.append(extract(sentence.words), sentence.tags)

    def write(self, model: Path) -> None:
        """Optimise.

        Raises:
            OSError: the disk is full.
        """
        progress.expect("train", self._iterations)
        self._trainer.message = _tick  # raising in it ends the training
        self._trainer.train(str(model))
        if not _whole(model):  # CRFsuite does not look whether its writes succeed
            raise OSError(errno.ENOSPC, "No space left to write the model whole", str(model))


def _tick(message: str) -> None:
    if message.startswith("***** Iteration"):
        progress.tick("train", 1)


def build_tagger(home: Path) -> Tagger:
    """Open a trained model.

    Raises:
        DataError: there is none in `home`, or it cannot be read.
    """
    return CrfTagger(home)


class CrfTagger:
    """Predicts the spans of each text; not to be shared between threads."""

    def __init__(self, home: Path) -> None:
        self._model = Model(home / MODEL, read_settings(home, "crf").get("scheme", "bio"))

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with predicted spans, on `Example.tokens` where given."""
        out: list[Example] = []
        for start in range(0, len(examples), CHUNK):
            batch = examples[start : start + CHUNK]
            out += [replace(example, spans=tuple(self._spans(example))) for example in batch]
            progress.tick("predict", len(batch))
        return out

    def _spans(self, example: Example) -> list[Span]:
        spans: list[Span] = []
        for index in range(len(example.texts)):
            found = self._model.tag(example, index)[1]
            spans += [replace(span, text=index) for span in found]
        return spans


class Model:
    """A file of CRFsuite: the best tag sequence of a text (Viterbi)."""

    def __init__(self, path: Path, scheme: Scheme) -> None:
        import pycrfsuite

        self._scheme: Scheme = scheme
        self._tagger = pycrfsuite.Tagger()
        try:
            if _whole(path):  # opening one that was cut off ends the process
                self._tagger.open(str(path))
                return
            fault = "cut off, or another kind of file"
        except (OSError, ValueError) as error:
            fault = str(error)
        raise DataError(
            f"Model must be a file that CRFsuite wrote, was: {path} ({fault}); "
            "train the model again"
        )

    def tag(self, example: Example, index: int) -> tuple[Sentence, list[Span]]:
        """The words of `texts[index]` with their tags, and the spans these say, as of text 0."""
        text, bounds = example.texts[index], word_bounds(example, index)
        if not bounds:
            return Sentence(text, (), ()), []
        tags = self._tagger.tag(extract([text[start:end] for start, end in bounds]))
        return Sentence(text, bounds, tuple(tags)), spans_from_tags(tags, bounds, self._scheme)[0]


def _whole(model: Path) -> bool:
    """The file is as long as its header says (bytes 4 to 7, after the word `lCRF`)."""
    with model.open("rb") as file:
        header = file.read(8)
    return header[:4] == b"lCRF" and int.from_bytes(header[4:], "little") == model.stat().st_size
