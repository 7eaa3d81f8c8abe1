"""Encoded pairs on disk: piece ids, their ends, and links between their words, mapped into memory.

Memory does not grow with the corpus: only the ends (8 bytes a side) are read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.uint16]
Links = NDArray[np.uint8]

Number = TypeVar("Number", np.uint16, np.uint8)

_BATCH = 4096
LONGEST = 250
"""Words of a side that links can name: one byte each."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Pairs of two languages. `ends` has two entries a pair, `link_ends` one; all ascending."""

    ids: Ids
    ends: NDArray[np.int64]
    links: Links
    link_ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends) // 2

    def pair(self, place: int) -> tuple[Ids, Ids, Links]:
        """Source ids, target ids, and (n, 2) links between words of source and target."""
        start = self.ends[2 * place - 1] if place else 0
        middle, end = self.ends[2 * place], self.ends[2 * place + 1]
        link = self.link_ends[place - 1] if place else 0
        return (
            np.asarray(self.ids[start:middle]),
            np.asarray(self.ids[middle:end]),
            np.asarray(self.links[link : self.link_ends[place]]),
        )

    def longest(self) -> NDArray[np.int64]:
        """Pieces of the longer side of each pair."""
        sides: NDArray[np.int64] = np.diff(self.ends, prepend=0).reshape(-1, 2)
        return np.maximum(sides[:, 0], sides[:, 1])

    @classmethod
    def read(cls, home: Path) -> Encoded:
        ids, links = (_mapped(home / "ids.u16", np.uint16), _mapped(home / "links.u8", np.uint8))
        return cls(
            ids,
            np.fromfile(home / "ends.i64", np.int64),
            links.reshape(-1, 2),
            np.fromfile(home / "link_ends.i64", np.int64),
        )


Row = tuple[Ids, Ids, Links]
"""Source ids, target ids, and (n, 2) links between words."""


def write(rows: Iterable[Row], home: Path) -> int:
    """Write pairs of ids with their links (n, 2); gives back how many."""
    home.mkdir(parents=True, exist_ok=True)
    count = position = linked = 0
    with (
        (home / "ids.u16").open("wb") as ids,
        (home / "ends.i64").open("wb") as ends,
        (home / "links.u8").open("wb") as links,
        (home / "link_ends.i64").open("wb") as link_ends,
    ):
        for batch in _batches(rows):
            sides = [side for source, target, _ in batch for side in (source, target)]
            np.concatenate(sides).tofile(ids)
            sizes = np.cumsum([len(side) for side in sides]) + position
            sizes.astype(np.int64).tofile(ends)
            np.concatenate([one.reshape(-1, 2) for _, _, one in batch]).tofile(links)
            known = np.cumsum([len(one) for _, _, one in batch]) + linked
            known.astype(np.int64).tofile(link_ends)
            position, linked = int(sizes[-1]), int(known[-1])
            count += len(batch)
    return count


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _mapped(path: Path, kind: type[Number]) -> NDArray[Number]:
    """A file of numbers, mapped into memory where it holds any: an empty one cannot be."""
    return np.memmap(path, kind, "r") if path.stat().st_size else np.empty(0, kind)
