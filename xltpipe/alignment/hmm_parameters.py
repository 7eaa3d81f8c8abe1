"""What HMM training leaves behind: parameters, and their files."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from xltpipe.alignment.bitext import Ids, Vocabulary
from xltpipe.alignment.lexicon import Doubles, Longs
from xltpipe.alignment.similarity import Smoothing
from xltpipe.alignment.trellis import Floats, Jumps
from xltpipe.errors import DataError
from xltpipe.json_text import loads

FORMAT = 1


@dataclass(frozen=True, slots=True)
class HMMParameters:
    """A trained model.

    `codes` are `source id * target.size + target id`, ascending; `counts` are theirs without
    smoothing. The totals of both directions and the empty word's counts are by word id, and
    smoothed; their entry PAD is what unknown words get. `null_share` is the probability that a
    word is emitted by the empty word.
    """

    source: Vocabulary
    target: Vocabulary
    codes: Longs
    counts: Floats
    source_totals: Floats
    target_totals: Floats
    null_source: Floats
    null_target: Floats
    jumps: Jumps
    smoothing: Smoothing
    null_share: float

    def find(self, source: Ids, target: Ids) -> Doubles:
        """The count of each (source id, target id); 0 for pairs that training did not keep."""
        if not len(self.codes):
            return np.zeros(len(source))
        codes = source.astype(np.int64) * self.target.size + target
        place = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.where(self.codes[place] == codes, self.counts[place], 0).astype(np.float64)

    def swapped(self) -> HMMParameters:
        """The same model with source and target exchanged."""
        source, target = np.divmod(self.codes, self.target.size)
        codes = target * self.source.size + source
        order = np.argsort(codes)
        return HMMParameters(
            self.target, self.source, codes[order], self.counts[order],
            self.target_totals, self.source_totals, self.null_target, self.null_source,
            Jumps(self.jumps.reverse, self.jumps.forward), self.smoothing, self.null_share,
        )  # fmt: skip


_ARRAYS = (
    "codes", "counts", "source_totals", "target_totals", "null_source", "null_target",
)  # fmt: skip


def save(parameters: HMMParameters, home: Path, notes: Mapping[str, int]) -> None:
    """Write parameters.npz, vocabulary.json and settings.json (with `notes`) under `home`."""
    home.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(parameters, name) for name in _ARRAYS}
    arrays |= {"forward": parameters.jumps.forward, "reverse": parameters.jumps.reverse}
    np.savez_compressed(home / "parameters.npz", **arrays)
    words = {"source": parameters.source.words, "target": parameters.target.words}
    (home / "vocabulary.json").write_text(json.dumps(words, ensure_ascii=False), "utf-8")
    settings = {
        "format": FORMAT,
        "smoothing": asdict(parameters.smoothing),
        "null_share": parameters.null_share,
        "notes": {**notes, "kept": len(parameters.codes)},
    }
    (home / "settings.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")


def load(home: Path) -> HMMParameters:
    """Read what `save` wrote.

    Raises:
        DataError: a file is missing or of another format.
    """
    try:
        return _read(home)
    except (OSError, KeyError, ValueError, TypeError, BadZipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"HMM artefact must be readable with format {FORMAT}, was: {error} ({home}); "
            "train it again"
        ) from error


def _read(home: Path) -> HMMParameters:
    settings = loads((home / "settings.json").read_bytes())
    if settings["format"] != FORMAT:
        raise ValueError(f"format {settings['format']}")
    words = loads((home / "vocabulary.json").read_bytes())
    with np.load(home / "parameters.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in _ARRAYS}
        jumps = Jumps(stored["forward"], stored["reverse"])
    return HMMParameters(
        source=Vocabulary.of(words["source"]),
        target=Vocabulary.of(words["target"]),
        jumps=jumps,
        smoothing=Smoothing(**settings["smoothing"]),
        null_share=float(settings["null_share"]),
        **arrays,
    )
