"""Cases: rows in which some method erred, with what each method made of them, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from xltpipe.comparison.findings import InLanguage
from xltpipe.comparison.scores import wrong
from xltpipe.evaluation.projection_errors import Outcome
from xltpipe.types import Example, Placement


@dataclass(frozen=True, slots=True)
class Seen:
    """One method's result on a row; `kind` is the projector's."""

    method: str
    kind: str
    target: Example
    outcomes: tuple[Outcome, ...]
    placements: tuple[Placement, ...] = ()
    error: str | None = None

    def how(self, outcome: Outcome) -> str:
        """Why the span was lost, else how sure the method was; of a chain also which method."""
        placed = next((p for p in self.placements if p.source == outcome.source), None)
        if placed is None or placed.target is None:
            return outcome.reason or ""
        by = f"{placed.rank + 1}: {placed.method}" if self.kind == "chain" else ""
        return by if placed.score is None else f"{by} {placed.score:.2f}".strip()


@dataclass(frozen=True, slots=True)
class Case:
    """A row of a comparison; `number` counts rows from 1, as a person does."""

    number: int
    lang: str
    source: Example
    gold: Example | None
    seen: tuple[Seen, ...]

    def holds(self, kinds: Iterable[str]) -> bool:
        """Some method has an outcome of one of these kinds here."""
        wanted = set(kinds)
        return any(o.kind in wanted for seen in self.seen for o in seen.outcomes)


def cases(one: InLanguage, kind: str | None = None) -> list[Case]:
    """The rows with an outcome of this kind, in order; None: of any kind that is an error."""
    wanted = wrong(one) if kind is None else {kind}
    found = (_case(one, row) for row in range(len(one.outcomes)))
    return [case for case in found if case.holds(wanted)]


def _case(one: InLanguage, row: int) -> Case:
    units = [finding.units[row] for finding in one.done]
    seen = tuple(
        Seen(
            finding.method,
            finding.kind,
            unit.target,
            tuple(outcomes),
            unit.placements,
            unit.error,
        )
        for finding, unit, outcomes in zip(one.done, units, one.outcomes[row], strict=True)
    )
    gold = None if one.gold is None else one.gold[row]
    return Case(row + 1, one.lang, units[0].source, gold, seen)


def sample(found: Sequence[Case], most: int) -> list[Case]:
    """At most so many cases, in order: of each method and kind in turn, so that none is missing."""
    if len(found) <= most:
        return list(found)
    groups: dict[tuple[str, str, str], list[int]] = {}
    for place, case in enumerate(found):
        for key in {(case.lang, s.method, o.kind) for s in case.seen for o in s.outcomes}:
            groups.setdefault(key, []).append(place)
    chosen: dict[int, None] = {}
    for turn in zip_longest(*(groups[key] for key in sorted(groups))):
        for place in turn:
            if place is not None and len(chosen) < most:
                chosen[place] = None
    return [found[place] for place in sorted(chosen)]
