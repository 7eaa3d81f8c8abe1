"""Averaged: the mean of a training's epochs, of several runs, or of both (Schmidt et al., 2023).

Nothing is chosen, so no development data is looked at, least of all the target language's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from xltpipe.errors import require
from xltpipe.json_text import loads
from xltpipe.kinds import Task
from xltpipe.protocols import Resuming, Tagger, Trainer
from xltpipe.spec import Spec
from xltpipe.training.averaging import average
from xltpipe.training.checkpoint import quiet
from xltpipe.training.fitting import WHOLE, begin, watched
from xltpipe.training.labelled import check_task
from xltpipe.training.resumable import Resumable
from xltpipe.training.sentences import REPORT, make_home, write_json
from xltpipe.training.text_to_text import TextToText
from xltpipe.training.transformers import Transformers
from xltpipe.types import Example

_APART = 1000
"""Runs of seed 1 have the seeds 1000, 1001, …: runs of other seeds share none with them."""


class Averaged(Spec):
    """Settings: what is trained, how often, and which of its epochs count.

    All runs begin with the same new weights, drawn by the trainer's `head_seed` (unset: this
    run's seed): heads drawn apart would cancel out.
    """

    kind: Literal["averaged"] = "averaged"
    tasks: ClassVar[frozenset[Task]] = Transformers.tasks | TextToText.tasks
    trainer: Annotated[Transformers | TextToText, Field(discriminator="kind")]
    runs: int = Field(default=1, ge=1, le=_APART)
    first_epoch: int = Field(default=1, ge=1)  # epochs before it are left out

    @model_validator(mode="after")
    def _something_to_average(self) -> Self:
        kept = self.trainer.epochs - self.first_epoch + 1
        if kept < 1 or kept * self.runs < 2:
            raise ValueError(
                "averaged must have two or more checkpoints, was: epochs "
                f"{self.first_epoch} to {self.trainer.epochs} of {self.runs} run(s)"
            )
        if self.trainer.patience is not None:
            raise ValueError(
                "trainer.patience must be left out of averaged, which looks at no development "
                f"data, was: {self.trainer.patience}"
            )
        return self

    def check(self) -> None:
        self.trainer.check()

    def build(self, seed: int, task: Task = "spans") -> Trainer:
        """Make the trainer; the seed decides those of the runs.

        Raises:
            RecipeError: it, or the trainer, cannot learn this task.
        """
        check_task(self.kind, self.tasks, task)
        self.check()
        return AveragedTrainer(self, seed, task)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`: one of `trainer`.

        Raises:
            DataError: there is none.
        """
        return self.trainer.load(home)


class AveragedTrainer(Resumable):
    """Trains run after run, keeps the weights of each epoch, and averages them.

    Unless told where to `keep` them they lie beside `home`, and are gone with the training.
    """

    def __init__(self, spec: Averaged, seed: int, task: Task) -> None:
        self._spec, self._seed, self._task = spec, seed, task
        spec.trainer.build(seed, task)  # says now what it cannot learn

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:  # noqa: ARG002
        """Write the averaged model as `transformers` writes one; `dev` is not looked at.

        Raises:
            DataError: nothing to learn from, or `home` is not empty.
            RecipeError: the checkpoint cannot be loaded or does not fit.
        """
        rows = list(examples)
        make_home(home)
        if self._kept is None:
            with TemporaryDirectory(prefix=".averaged-", dir=home.parent) as folder:
                self._runs(rows, Path(folder), home)
        else:
            begin(self._kept, repr((self._spec.identity(), self._seed, self._task)), rows)
            self._runs(rows, self._kept, home)
            shutil.rmtree(self._kept)

    def _runs(self, rows: Sequence[Example], work: Path, home: Path) -> None:
        kept: list[Path] = []
        reports: list[dict[str, Any]] = []
        for run in range(self._spec.runs):
            place = work / f"run-{run}"
            kept += self._run(rows, self._seed * _APART + run, place)
            reports.append(loads((place / "model" / REPORT).read_bytes()))
        said = average(kept, home)
        report = {k: v for k, v in reports[0].items() if k not in ("loss", "dev_loss")}
        losses = [one["loss"] for one in reports]
        write_json(home / REPORT, report | said | {"losses": losses})

    def _run(self, rows: Sequence[Example], seed: int, place: Path) -> list[Path]:
        """Train once, if that was not done; the folders of the epochs that count, ascending."""
        spec, begun = self._spec, self._spec.trainer.drawing(self._seed)
        kept = [place / f"epoch-{n:04}" for n in range(spec.first_epoch, spec.trainer.epochs + 1)]
        if (place / WHOLE).exists():
            return kept
        shutil.rmtree(place / "model", ignore_errors=True)
        trainer = spec.trainer.model_copy(update={"head_seed": begun}).build(seed, self._task)
        if isinstance(trainer, Resuming):
            trainer.keep(place / "work")
        with watched(_keeping(place, spec.first_epoch)):
            trainer.train(rows, [], place / "model")
        for folder in kept:
            for file in (place / "model").iterdir():
                if file.name != REPORT and not (folder / file.name).exists():
                    shutil.copyfile(file, folder / file.name)
        (place / WHOLE).touch()
        return kept


def _keeping(place: Path, first: int) -> Any:
    class Keeping(require("transformers", "train").TrainerCallback):  # type: ignore[misc]
        """Saves the weights after each epoch that counts."""

        def on_epoch_end(self, _args: Any, state: Any, _control: Any, **rest: Any) -> None:
            epoch = round(state.epoch)
            if epoch >= first:
                with quiet():
                    rest["model"].save_pretrained(place / f"epoch-{epoch:04}")

    return Keeping()
