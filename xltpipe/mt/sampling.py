"""Sampling: which pair to learn next, in which direction, marked or joined or as it is.

Temperature sampling over languages (Arivazhagan et al., 2019), target tokens in front of the
source (Johnson et al., TACL 2017), and Strategic Downsampling of the directions into English
(LMT, 2025).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xltpipe.errors import DataError
from xltpipe.mt.encoded import Encoded
from xltpipe.mt.markers import Side, choose, insert
from xltpipe.mt.vocabulary import END, MARKERS, SPACE, Pieces

Ids = NDArray[np.uint16]

MARKED = 6
"""Pieces that markers add to a side at most: three pairs."""

_JOINED = 60
"""Pieces of a side up to which pairs are joined."""


@dataclass(frozen=True, slots=True)
class Example:
    """Source with target token and end, target with end, and (n, 2) links target-source pieces."""

    source: Ids
    target: Ids
    links: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """Pairs of one file, how often to draw from it, and how its two directions share."""

    pairs: Encoded
    share: float
    tokens: tuple[int, int]
    """Ids of the target tokens of its target and of its source language."""
    backward: float
    """Share of draws that go from target to source."""


@dataclass(frozen=True, slots=True)
class Variation:
    """Shares of examples that are marked, and that are joined from several pairs."""

    marked: float
    joined: float
    longest: int
    """Pieces of a side at most; longer pairs are left out."""


def shares(sizes: Sequence[float], temperature: float) -> list[float]:
    """Shares in proportion to size to the power of 1/temperature; they sum to one."""
    raised = [size ** (1 / temperature) for size in sizes]
    return [one / sum(raised) for one in raised]


class Sampler:
    """Draws examples without end; `state` and `restore` carry it over a kill.

    An example has the pieces of a side, the target token, the end, and at most `MARKED` more.
    """

    def __init__(
        self, groups: Sequence[Group], pieces: Pieces, variation: Variation, seed: int
    ) -> None:
        """Raises DataError if all pairs are too long."""
        self._groups = groups
        self._pieces = pieces
        self._variation = variation
        self._draw = random.Random(seed)  # noqa: S311 - not for secrets
        self._letters = np.array([kind == 0 for kind in pieces.kind])
        self._capitals = np.array([n.removeprefix(SPACE)[:1].isupper() for n in pieces.names])
        self._capitals &= self._letters
        self._brackets = [
            (pieces.index(f"{SPACE}[{name}]"), pieces.index(f"{SPACE}[/{name}]"))
            for name in MARKERS
        ]
        fitting = [np.flatnonzero(group.pairs.longest() <= variation.longest) for group in groups]
        self._orders = [_Order(places, seed + n) for n, places in enumerate(fitting)]
        self._weights = [
            group.share if len(places) else 0.0
            for group, places in zip(groups, fitting, strict=True)
        ]
        if not any(self._weights):
            raise DataError(
                f"Pairs must have one of at most {variation.longest} pieces a side, was: none; "
                "raise drawing.longest (and network.positions)"
            )
        self.skipped = sum(len(one.pairs) for one in groups) - sum(map(len, fitting))
        """Pairs left out because a side is too long."""

    def state(self) -> dict[str, object]:
        return {
            "draw": self._draw.getstate(),
            "orders": [(order.round, order.next) for order in self._orders],
        }

    def restore(self, state: dict[str, object]) -> None:
        self._draw.setstate(state["draw"])  # type: ignore[arg-type]
        for order, (turn, place) in zip(self._orders, state["orders"], strict=True):  # type: ignore[call-overload]
            order.go(turn, place)

    def draw(self, count: int) -> list[Example]:
        out: list[Example] = []
        places = range(len(self._groups))
        while len(out) < count:
            (place,) = self._draw.choices(places, self._weights)
            out.append(self._example(place))
        return out

    def _example(self, place: int) -> Example:
        group = self._groups[place]
        source, target, links = self._pair(place)
        backward = self._draw.random() < group.backward
        if backward:
            source, target, links = target, source, links[:, ::-1]
        built = self._built(source, target, links)
        token = group.tokens[backward]
        return Example(
            np.concatenate([[token], built[0], [END]]).astype(np.uint16),
            np.concatenate([built[1], [END]]).astype(np.uint16),
            built[2] + np.array([[0, 1]]),
        )

    def _pair(self, place: int) -> tuple[Ids, Ids, NDArray[np.int64]]:
        """A pair, or several joined; links between words, of the first one only if joined."""
        group, order, variation = self._groups[place], self._orders[place], self._variation
        one, other, links = group.pairs.pair(order.take())
        wide = links.astype(np.int64)
        if self._draw.random() >= variation.joined:
            return one, other, wide
        most = min(_JOINED, variation.longest)
        for _ in range(self._draw.choice((1, 1, 2, 3))):
            more, further, _ = group.pairs.pair(order.take())
            if max(len(one) + len(more), len(other) + len(further)) > most:
                break
            one, other = np.concatenate([one, more]), np.concatenate([other, further])
        return one, other, wide

    def _built(
        self, source: Ids, target: Ids, links: NDArray[np.int64]
    ) -> tuple[Ids, Ids, NDArray[np.int64]]:
        """Pieces, marked now and then, and links (target piece, source piece)."""
        if not len(links):
            return source, target, np.empty((0, 2), np.int64)
        left = Side(source, self._pieces.starts(source))
        right = Side(target, self._pieces.starts(target))
        pairs = _piece_links(left, right, links)
        if self._draw.random() >= self._variation.marked:
            return source, target, pairs
        chosen = choose(left, right, links, self._letters, self._capitals, self._draw)
        if not chosen:
            return source, target, pairs
        brackets = self._names(len(chosen))
        marked, places = insert(left, [one[:2] for one in chosen], brackets)
        other, others = insert(right, [one[2:] for one in chosen], brackets)
        moved = np.stack([others[pairs[:, 0]], places[pairs[:, 1]]], 1)
        known = [_where(other, marked, edge) for pair in set(brackets) for edge in pair]
        return marked, other, np.concatenate([moved, *known])

    def _names(self, count: int) -> list[tuple[int, int]]:
        if self._draw.random() < 0.6:
            return self._brackets[:count]
        if self._draw.random() < 0.3:
            return [self._draw.choice(self._brackets)] * count
        return self._draw.sample(self._brackets, count)


def _where(target: Ids, source: Ids, piece: int) -> NDArray[np.int64]:
    """Links between the markers of one name, in order of appearance."""
    there, here = np.flatnonzero(target == piece), np.flatnonzero(source == piece)
    if len(there) != 1 or len(here) != 1:
        return np.empty((0, 2), np.int64)
    return np.stack([there, here], 1)


def _piece_links(source: Side, target: Side, links: NDArray[np.int64]) -> NDArray[np.int64]:
    """Every target piece of a word with every source piece of the words linked to it."""
    out = [
        (t, s)
        for i, j in links.tolist()
        for t in range(target.edge(j), target.edge(j + 1))
        for s in range(source.edge(i), source.edge(i + 1))
    ]
    return np.array(out, np.int64).reshape(-1, 2)


class _Order:
    """Places in random order, each once a round."""

    def __init__(self, places: NDArray[np.int64], seed: int) -> None:
        self._all, self._seed = places, seed
        self.go(0, 0)

    def go(self, turn: int, place: int) -> None:
        self.round, self.next = turn, place
        self._places = np.random.default_rng((self._seed, turn)).permutation(self._all)

    def take(self) -> int:
        if self.next >= len(self._places):
            self.go(self.round + 1, 0)
        self.next += 1
        return int(self._places[self.next - 1])
