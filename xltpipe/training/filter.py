"""Filter: learns from a text and its translation together, in two phases (Fang et al., 2021).

A teacher learns from labelled pairs; then a student with the same beginning learns from the
labels and from what the teacher says of the target side. It is the one recipe that needs both
sides: also a test text comes with its translation.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from xltpipe.errors import RecipeError
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.training.fine_tuning import FineTuning
from xltpipe.training.labelled import check_task
from xltpipe.training.resumable import Resumable
from xltpipe.training.small_bert import SmallBert
from xltpipe.types import Example, Unit


class Filter(FineTuning):
    """Settings; `model` must be an encoder built like BERT or XLM-R.

    The paper: one local and one fusion layer for classes and tags; its temperature was 0.1 for
    classes and 1 for tags. Its target labels were the teacher's alone (alpha 1); ours are
    projected, so both speak by default.
    """

    kind: Literal["filter"] = "filter"
    tasks: ClassVar[frozenset[Task]] = frozenset({"spans", "classification", "pairs"})
    config: SmallBert | None = None
    local_layers: int = Field(default=1, ge=0)  # the first, each language alone
    fusion_layers: int = Field(default=1, ge=0)  # the next, both languages together
    phases: Literal[1, 2] = 2  # 1: the teacher is the model
    alpha: float = Field(default=0.5, ge=0, le=1)  # the teacher's share in the target's loss
    temperature: float = Field(default=1.0, gt=0)
    first_phase: Literal["paper", "source", "both"] = "paper"
    """Whose labels the teacher learns. In the paper those of the source for tags, where the
    target had none, and of both sides for classes."""

    def learns_both(self, task: Task) -> bool:
        """Whether the teacher learns the labels of the target, too."""
        return self.first_phase == "both" or (self.first_phase == "paper" and task != "spans")

    def build(self, seed: int, task: Task = "spans") -> Trainer:
        """Make the trainer; the seed draws new weights, the order of rows and dropout.

        Raises:
            RecipeError: the task is none of `tasks`.
        """
        check_task(self.kind, self.tasks, task)
        self.check()
        return FilterTrainer(self, seed, task)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        from xltpipe.training.filter_tagger import FilterTagger

        return FilterTagger(home, device=self.device, batch_size=self.predict_batch_size)


class FilterTrainer(Resumable):
    """A `PairTrainer`: fits with transformers' Trainer, once a phase."""

    def __init__(self, spec: Filter, seed: int, task: Task) -> None:
        self._spec, self._seed, self._task = spec, seed, task

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:  # noqa: ARG002
        """Raise: one side is not enough.

        Raises:
            RecipeError: always.
        """
        raise RecipeError(
            "Trainer filter must have texts with their translations, was: one side alone; use it "
            "with a strategy that translates, or take another trainer"
        )

    def train_pairs(self, units: Iterable[Unit], dev: Iterable[Unit], home: Path) -> None:
        """Write the model, its tokenizer, `settings.json` and `report.json`.

        `dev` decides when a phase stops, with `patience`; without, its loss stands in the report.

        Raises:
            DataError: nothing to learn from, `patience` without dev, or `home` is not empty.
            RecipeError: the checkpoint cannot be loaded or does not fit.
        """
        from xltpipe.training.filter_phases import learn

        work = self._work(home)
        learn(self._spec, self._seed, self._task, list(units), list(dev), home, work)
