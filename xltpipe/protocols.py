"""The contracts between stages and components, all on one page.

Components take and give plain values in batches: one result per input, same order, and empty
input gives empty output. One suite (tests/test_contracts.py) runs over all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from xltpipe.types import Alignment, Example, Score, Translation, Unit, Words

Pair = tuple[Words, Words]


class Reader(Protocol):
    """Gives the examples of one source of data, streaming."""

    repairs: int  # labels that were invalid and repaired by rule, so far

    def __iter__(self) -> Iterator[Example]: ...


class Translator(Protocol):
    """Translates texts from language `source` to `target` (ISO 639-3)."""

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]: ...

    def round_trip(self, text: str, source: str, target: str) -> str:
        """The text through the engine's tokeniser and back, to see what would be lost."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A component that counts what it met on the way: the step's manifest takes it over."""

    @property
    def counts(self) -> Mapping[str, int | float]: ...


class Aligner(Protocol):
    """Links the words of sentence pairs; never fails on an empty side."""

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]: ...


class Sender(Protocol):
    """What translation needs of a projector."""

    def prepare(self, example: Example) -> tuple[str, ...]:
        """What to send to the engine, one string per text."""
        ...


class Projector(Sender, Protocol):
    """Carries the spans of `unit.source` over to `unit.target`.

    `in_place` projectors label a given target text and never change it; the others send a
    marked text to the engine and read the labels back from what it returns.
    """

    @property
    def in_place(self) -> bool: ...

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        """Fill `target.spans` and one placement per source span."""
        ...


class Tagger(Protocol):
    """Predicts: gives each example back with its spans (or label) replaced."""

    def predict(self, examples: Sequence[Example]) -> list[Example]: ...


@runtime_checkable
class Scoring(Tagger, Protocol):
    """A tagger that knows how likely each label is: of classes, or of options by their numbers."""

    def probabilities(self, examples: Sequence[Example]) -> list[dict[str, float]]:
        """The probability of every label, for each example; they add up to one."""
        ...


@runtime_checkable
class Writing(Tagger, Protocol):
    """A tagger that writes the last text of each example; what stands there is not shown to it."""

    writes_last: ClassVar[bool]


class Trainer(Protocol):
    """Learns from labelled examples and writes a model to `home` (a path that is not there yet)."""

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None: ...


@runtime_checkable
class Resuming(Trainer, Protocol):
    """A trainer that writes checkpoints on its way, and goes on from them after it was killed."""

    def keep(self, folder: Path) -> None:
        """Where the checkpoints of this one training go; the folder is gone when it is done."""
        ...


@runtime_checkable
class Continuing(Trainer, Protocol):
    """A trainer whose models can learn further, from other examples."""

    def go_on(self, earlier: Path) -> None:
        """Let `train` begin with the model of this folder, which stays as it is.

        The labels of that model stay: `train` raises DataError where the examples have others.
        """
        ...


@runtime_checkable
class PairTrainer(Protocol):
    """A trainer that needs both sides of each unit, both labelled; see `PairTagger`."""

    def train_pairs(self, units: Iterable[Unit], dev: Iterable[Unit], home: Path) -> None: ...


@runtime_checkable
class PairTagger(Protocol):
    """Predicts the labels of each unit's target with the help of its source; returns targets.

    `source` is the side of the language that labels came from: of a test text, its translation.
    """

    def predict_units(self, units: Sequence[Unit]) -> list[Example]: ...


class Metric(Protocol):
    """Compares predicted with gold examples, in the same order."""

    def measure(self, gold: Sequence[Example], predicted: Sequence[Example]) -> Score: ...
