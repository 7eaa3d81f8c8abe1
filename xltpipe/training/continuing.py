"""Going on: a trainer that begins with an earlier model of its kind instead of a new one.

The head and its labels stay as they are: a score after a later stage is one of the same classes
(Niyongabo et al., 2020). A label that the earlier model does not know is an error that names it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xltpipe.errors import DataError, RecipeError
from xltpipe.kinds import Task
from xltpipe.protocols import Continuing, Trainer
from xltpipe.training.sentences import read_settings


class GoingOn:
    """A trainer that can begin with an earlier model."""

    _earlier: Path | None = None

    def go_on(self, earlier: Path) -> None:
        """Let `train` begin with the model of this folder; its labels and vocabulary stay."""
        self._earlier = earlier


def go_on(trainer: Trainer, earlier: Path, kind: str) -> None:
    """Let a trainer of this kind begin with an earlier model.

    Raises:
        RecipeError: its models cannot learn further.
    """
    if not isinstance(trainer, Continuing):
        raise RecipeError(
            f"Trainer must be of a kind whose models can learn further, was: {kind!r}; choose "
            "bigru, charcnn, transformers or text_to_text"
        )
    trainer.go_on(earlier)


def settings_of(earlier: Path, kind: str, task: Task) -> dict[str, Any]:
    """The settings of an earlier model.

    Raises:
        DataError: there is none of this kind, or it has learnt another kind of task.
    """
    settings = read_settings(earlier, kind)
    learnt = settings.get("task", "spans")
    if learnt != task:
        raise DataError(
            f'Earlier model must have learnt "{task}", was: "{learnt}" ({earlier}); go on with a '
            "model of the same task"
        )
    return settings


def check_labels(known: Iterable[str], found: Iterable[str], earlier: Path) -> None:
    """Check that an earlier model knows all labels of what it is to learn.

    Raises:
        DataError: it does not; the new ones are named.
    """
    kept = sorted(set(known))
    new = sorted(set(found) - set(kept))
    if new:
        raise DataError(
            f"Labels must be among those of the earlier model ({', '.join(kept)}), was: "
            f"{', '.join(new)} beside them ({earlier}); a model that goes on keeps its head: "
            "leave rows of other labels out (of spans: `labels` in the recipe), or begin with "
            "data that has them all"
        )
