"""Resumable: where a trainer keeps what it needs to go on after it was killed."""

from __future__ import annotations

from pathlib import Path


class Resumable:
    """The part of a trainer that makes it `xltpipe.protocols.Resuming`."""

    _kept: Path | None = None

    def keep(self, folder: Path) -> None:
        """Where checkpoints go until the training is done."""
        self._kept = folder

    def _work(self, home: Path) -> Path:
        """The folder for them: unless told where to `keep` them, one beside the model."""
        return self._kept or home.with_name(f"{home.name}.work")
