"""Summary: mean and deviation over seeds, difference from the baseline, and cost beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from statistics import mean, stdev

from xltpipe.compared.axes import UPPER
from xltpipe.compared.results import Cost, Result
from xltpipe.errors import DataError
from xltpipe.evaluation.significance import holm, paired_bootstrap, randomisation
from xltpipe.evaluation.statistics import Statistics
from xltpipe.matrix import Baseline

Group = tuple[str, str, str | None, str | None, str]
"""Target, strategy, projection, filter, training."""
Key = tuple[Group, str, str | None]
"""A group, a test set, and what `sequential` had learnt."""
Counted = Callable[[Sequence[Result]], Statistics]
"""The statistics of some results on one test set, in their order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row less its baseline: points, 95 % interval, p by approximate randomisation.

    `holm` is p adjusted to the number of differences of the whole comparison.
    """

    value: float
    low: float
    high: float
    p: float
    holm: float


@dataclass(frozen=True, slots=True)
class Row:
    """All seeds of one group on one test set; `scores` by seed."""

    group: Group
    test: str
    learnt: str | None
    """Of `sequential`, the languages learnt by then."""
    metric: str
    scores: Mapping[int, float]
    signatures: tuple[str, ...]
    cost: Cost
    baseline: bool = False
    difference: Difference | None = None
    untested: str | None = None
    """Why there is no difference, where there is none."""
    share: float | None = None
    """Of the supervised upper bound with the same trainer."""

    @property
    def mean(self) -> float:
        return mean(self.scores.values())

    @property
    def deviation(self) -> float | None:
        """Of a sample (n - 1); None for one seed."""
        return stdev(self.scores.values()) if len(self.scores) > 1 else None

    @property
    def lang(self) -> str:
        return self.group[0]

    @property
    def strategy(self) -> str:
        return self.group[1]


def summarise(
    results: Sequence[Result], baseline: Baseline | None, counted: Counted, rounds: int
) -> list[Row]:
    """One row per group, test set and stage of `sequential`, in the order of the cells."""
    grouped: dict[Key, list[Result]] = {}
    for result in results:
        grouped.setdefault((result.cell.group, result.test, result.learnt), []).append(result)
    rows = [_shared(_row(key, found), grouped) for key, found in grouped.items()]
    if baseline is None:
        return [replace(row, untested="no baseline is set") for row in rows]
    return _adjusted([_against(row, grouped, baseline, counted, rounds) for row in rows])


def _row(key: Key, found: Sequence[Result]) -> Row:
    costs = [result.cost for result in found]
    n = len(costs)
    cost = Cost(
        sum(c.seconds for c in costs) / n,
        round(sum(c.tokens_in for c in costs) / n),
        round(sum(c.tokens_out for c in costs) / n),
    )
    scores = {result.cell.seed: _number(result.score.value) for result in found}
    signatures = tuple(result.score.signature for result in found)
    return Row(*key, found[0].score.name, scores, signatures, cost)


def _number(value: float) -> float:
    """Neither side had a span: nothing was found, and nothing was to be found."""
    return 0.0 if isnan(value) else value


def _shared(row: Row, grouped: Mapping[Key, Sequence[Result]]) -> Row:
    upper = grouped.get(((row.lang, UPPER, None, None, row.group[4]), row.test, None))
    if not upper or row.strategy == UPPER:
        return row
    best = mean(_number(result.score.value) for result in upper)
    return replace(row, share=row.mean / best if best else None)


def _against(
    row: Row,
    grouped: Mapping[Key, Sequence[Result]],
    baseline: Baseline,
    counted: Counted,
    rounds: int,
) -> Row:
    group = _baseline_of(row, [g for g, test, _ in grouped if test == row.test], baseline)
    if group is None:
        return replace(row, untested="its baseline has no score")
    # a baseline that learns by stages is what the last one leaves
    of = max((k for k in grouped if k[:2] == (group, row.test)), key=lambda k: len(k[2] or ""))
    own = (row.group, row.test, row.learnt)
    if of == own:
        return replace(row, baseline=True)
    ours, theirs = _paired(grouped[own], grouped[of])
    if not ours:
        return replace(row, untested="no seed in common with the baseline")
    try:
        tested = _difference(ours, theirs, counted, rounds)
    except DataError as error:
        return replace(row, untested=str(error))
    return replace(row, difference=tested)


def _difference(
    ours: Sequence[Result], theirs: Sequence[Result], counted: Counted, rounds: int
) -> Difference:
    """Raises DataError where a score is not defined, or predictions cannot be read."""
    found = counted([*ours, *theirs])
    most = max(len(ours), len(theirs))
    first = [n % len(ours) for n in range(most)]
    second = [len(ours) + n % len(theirs) for n in range(most)]
    drawn = paired_bootstrap(found, first, second, rounds)
    exchanged = randomisation(found, first, second, rounds)
    low, high = drawn.low or 0.0, drawn.high or 0.0
    return Difference(exchanged.difference, low, high, exchanged.p, exchanged.p)


def _baseline_of(row: Row, groups: Sequence[Group], baseline: Baseline) -> Group | None:
    """The baseline's group beside a row: axes that it does not name are the row's.

    Where one of the two does not know such an axis it does not tell them apart: the first is taken.
    """
    named = (baseline.projection, baseline.filter, baseline.training)
    axes = list(zip(named, row.group[2:], strict=True))
    beside = (group for group in groups if group[:2] == (row.lang, baseline.strategy))
    return next((g for g in beside if all(map(_fits, axes, g[2:]))), None)


def _fits(axis: tuple[str | None, str | None], found: str | None) -> bool:
    """Whether a baseline has the value of an axis that it names, or else the row's, if any."""
    named, own = axis
    return found == named if named is not None else found == own or None in (found, own)


def _paired(ours: Sequence[Result], theirs: Sequence[Result]) -> tuple[list[Result], list[Result]]:
    """Both sides by the seeds in common; one with a single seed stands for all."""
    a, b = ({result.cell.seed: result for result in side} for side in (ours, theirs))
    if len(a) == 1 or len(b) == 1:
        return list(a.values()), list(b.values())
    common = [seed for seed in a if seed in b]
    return [a[seed] for seed in common], [b[seed] for seed in common]


def _adjusted(rows: Sequence[Row]) -> list[Row]:
    tested = [row.difference for row in rows if row.difference is not None]
    adjusted = iter(holm([one.p for one in tested]))
    return [
        row
        if row.difference is None
        else replace(row, difference=replace(row.difference, holm=next(adjusted)))
        for row in rows
    ]
