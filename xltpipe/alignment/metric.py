"""Alignment error rate, precision and recall with sure and possible links (Och & Ney, 2003)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from xltpipe.errors import DataError
from xltpipe.types import Score, one_each

Link = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GoldLinks:
    """Links a person made for one sentence pair; sure links are possible, too."""

    sure: frozenset[Link]
    possible: frozenset[Link] = frozenset()

    @property
    def allowed(self) -> frozenset[Link]:
        """All links that are not wrong."""
        return self.sure | self.possible


def parse_links(line: str, *, first: int) -> GoldLinks:
    """Read `0-0 2p1`: `-` makes a link sure, `p` possible; `first` is the number of the first word.

    Raises:
        DataError: a link is malformed or lies before the first word.
    """
    sure: set[Link] = set()
    possible: set[Link] = set()
    for link in line.split():
        mark = "p" if "p" in link else "-"
        source, _, target = link.partition(mark)
        if not (source.isdecimal() and target.isdecimal()):
            raise DataError(f"Link must look like 3-4 or 3p4, was: {link!r} (in {line[:60]!r})")
        place = (int(source) - first, int(target) - first)
        if min(place) < 0:
            raise DataError(f"Link must count words from {first}, was: {link!r}")
        (possible if mark == "p" else sure).add(place)
    return GoldLinks(frozenset(sure), frozenset(possible))


def alignment_error_rate(gold: Sequence[GoldLinks], found: Sequence[Iterable[Link]]) -> Score:
    """AER over all sentence pairs together: 0 is perfect; one entry of each per pair, same order.

    Precision counts possible links as right, recall asks for the sure ones only.
    """
    one_each("Aligner", len(gold), found)
    links: list[AbstractSet[Link]] = [set(one) for one in found]
    proposed = sum(map(len, links))
    wanted = sum(len(one.sure) for one in gold)
    sure = sum(len(one.sure & some) for one, some in zip(gold, links, strict=True))
    right = sum(len(one.allowed & some) for one, some in zip(gold, links, strict=True))
    return Score(
        name="aer",
        value=1 - (sure + right) / (proposed + wanted) if proposed + wanted else 0.0,
        signature=f"aer|links:sure+possible|n:{len(gold)}",
        details={
            "precision": right / proposed if proposed else 0.0,
            "recall": sure / wanted if wanted else 0.0,
            "links": float(proposed),
        },
    )
