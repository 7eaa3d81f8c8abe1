"""Subsample: any trainer on a share of its rows, drawn by the seed (Politis & Romano, 1994).

A CRF, or a linear classifier, draws nothing by chance: two seeds give the same model, and their
standard deviation would be nought by construction. On another part of the rows for each seed it is
that of learning from such data. Rows are drawn by their ids, so the same seed draws the
counterparts of the same rows from a corpus, its translation and what a filter leaves of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from pydantic import Field

from xltpipe.errors import DataError
from xltpipe.kinds import Task
from xltpipe.protocols import Resuming, Tagger, Trainer
from xltpipe.spec import Spec
from xltpipe.training.continuing import go_on
from xltpipe.training.sentences import REPORT, write_json
from xltpipe.training.single import SingleTrainerSpec
from xltpipe.types import Example

_WHOLE = float(1 << 64)


class Subsample(Spec):
    """Settings: `of` learns from the share `share` of the rows; `dev` is left whole."""

    kind: Literal["subsample"] = "subsample"
    share: float = Field(gt=0, lt=1)
    of: SingleTrainerSpec

    def check(self) -> None:
        """Meet what the trainer itself lacks."""
        self.of.check()

    @property
    def told(self) -> str:
        """What signatures call it."""
        return f"{self.of.kind}@{self.share:g}"

    @property
    def tasks(self) -> frozenset[Task]:
        """What the trainer itself can learn."""
        return self.of.tasks

    def build(self, seed: int, task: Task = "spans") -> Trainer:
        """Make the trainer; the seed draws the rows, and is the trainer's, too."""
        return SubsampleTrainer(self.of.build(seed, task), self.share, seed)

    def load(self, home: Path) -> Tagger:
        """The tagger that the trainer itself left in `home`.

        Raises:
            DataError: there is none.
        """
        return self.of.load(home)


class SubsampleTrainer:
    """Passes on the rows that the seed draws."""

    def __init__(self, trainer: Trainer, share: float, seed: int) -> None:
        self._trainer, self._share, self._seed = trainer, share, seed

    def keep(self, folder: Path) -> None:
        """Where the trainer itself keeps checkpoints, if it writes any."""
        if isinstance(self._trainer, Resuming):
            self._trainer.keep(folder)

    def go_on(self, earlier: Path) -> None:
        """Let the trainer itself begin with an earlier model.

        Raises:
            RecipeError: its models cannot learn further.
        """
        go_on(self._trainer, earlier, type(self._trainer).__name__)

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """As the trainer itself does; `report.json` tells also how many rows were drawn.

        Raises:
            DataError: as the trainer's own; or no row was drawn.
        """
        count = seen = 0

        def some() -> Iterator[Example]:
            nonlocal count, seen
            for example in examples:
                seen += 1
                if drawn(example.id, self._share, self._seed):
                    count += 1
                    yield example
            if seen and not count:
                raise DataError(
                    f"Share must be so large that a row is drawn, was: {self._share:g}, by which "
                    f"seed {self._seed} drew none of {seen} rows; take a larger share, another "
                    "seed, or more rows"
                )

        self._trainer.train(some(), dev, home)
        report = json.loads((home / REPORT).read_text(encoding="utf-8"))
        write_json(home / REPORT, report | {"rows_drawn": count})


def drawn(id: str, share: float, seed: int) -> bool:
    """Whether a seed draws the row of this id."""
    digest = blake2b(f"{seed}\n{id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / _WHOLE < share
