"""Growing: networks from scratch go on from an earlier one, with the characters they had not met.

The embedding gets a row for each new character, drawn by the run's seed; all else begins as the
earlier network ended. So a language in another script starts from rows that mean nothing yet, and
no language has a say in the alphabet of those before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltpipe.errors import DataError, require
from xltpipe.kinds import Task
from xltpipe.training.continuing import settings_of
from xltpipe.training.tfidf_model import MODEL, damaged

if TYPE_CHECKING:
    from xltpipe.training.neural_networks import LabelNetwork, TagNetwork

_GROWING = "embed.weight"
"""How the name of the one tensor ends that has a row for each character."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A network to go on from: its labels (of spans, its tags) in order, and its characters."""

    home: Path
    labels: list[str]
    characters: str
    tensors: dict[str, Any]

    @classmethod
    def read(cls, home: Path, kind: str, task: Task) -> Earlier:
        """What a trainer of this kind left in `home`.

        Raises:
            DataError: nothing, nothing of this task, or it cannot be read.
        """
        settings = settings_of(home, kind, task)
        safetensors: Any = require("safetensors.torch", "train")
        broken = require("safetensors", "train").SafetensorError
        try:
            tensors = safetensors.load((home / MODEL).read_bytes())
        except (OSError, ValueError, broken) as error:
            raise damaged(home / MODEL, error) from error
        return cls(home, list(settings["labels"]), str(settings["characters"]), tensors)

    @property
    def types(self) -> set[str]:
        """The labels of spans that its tags are of."""
        return {tag[2:] for tag in self.labels if tag != "O"}

    def begin(self, network: LabelNetwork | TagNetwork) -> None:
        """Put the earlier weights into a new network, whose rows of new characters are kept.

        Raises:
            DataError: the two are not of the same size.
        """
        state = network.state_dict()
        for name, tensor in sorted(self.tensors.items()):  # a file gives them in any order
            own = state.get(name)
            grows = name.endswith(_GROWING) and own is not None and len(own) >= len(tensor)
            if own is None or own.shape[int(grows) :] != tensor.shape[int(grows) :]:
                raise DataError(
                    f"Earlier model must be of the same size as the one to train, was: {name} of "
                    f"{list(tensor.shape)} ({self.home}); train both with the same settings"
                )
            own[: len(tensor)] = tensor
        if missing := sorted(set(state) - set(self.tensors)):
            raise damaged(self.home / MODEL, KeyError(", ".join(missing)))
        network.load_state_dict(state)
