"""Transfer: the transfer matrices of one sequence over seeds: mean, deviation, and as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isnan
from statistics import mean, stdev
from typing import Any

from xltpipe.compared.results import Result
from xltpipe.compared.sequence import Test, TransferMatrix, columns, of_results

Axes = tuple[str | None, str | None, str]
"""Projection, filter, training."""
SEQUENTIAL = "sequential"


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over seeds; None where it was not measured, no deviation (n - 1) of one seed."""

    mean: float | None
    deviation: float | None = None

    def __str__(self) -> str:
        if self.mean is None:
            return ""
        apart = "" if self.deviation is None else f" ± {self.deviation:.4f}"
        return f"{self.mean:.4f}{apart}"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Matrices of one sequence by seed; all are of the same languages."""

    matrices: Mapping[int, TransferMatrix]
    axes: Axes | None = None
    """Of a comparison; None for a run."""

    @property
    def languages(self) -> tuple[str, ...]:
        return max((m.languages for m in self.matrices.values()), key=len)

    @property
    def tests(self) -> tuple[Test, ...]:
        return max((m.tests for m in self.matrices.values()), key=len)

    def score(self, stage: int, test: int) -> Spread:
        return self._over(lambda m: m.scores[stage][test])

    def transfer(self, test: int) -> Spread:
        return self._over(lambda m: m.transfer(test))

    def forgetting(self, test: int) -> Spread:
        return self._over(lambda m: m.forgetting(test))

    @property
    def mean_forgetting(self) -> Spread:
        return self._over(lambda m: m.mean_forgetting)

    def _over(self, number: Callable[[TransferMatrix], float]) -> Spread:
        """Only of seeds that came as far as the others."""
        whole = [m for m in self.matrices.values() if m.languages == self.languages]
        found = [n for m in whole if m.tests == self.tests and not isnan(n := number(m))]
        if not found:
            return Spread(None)
        return Spread(mean(found), stdev(found) if len(found) > 1 else None)


def of_run(results: Iterable[Mapping[str, Any]], seed: int = 0) -> Transfer | None:
    """The one matrix of a run; None where it learnt no languages one after another."""
    found = of_results(results)
    return None if found is None else Transfer({seed: found})


def of_comparison(results: Iterable[Result]) -> list[Transfer]:
    """One for each projection, filter and training with which a sequence was learnt."""
    grouped: dict[Axes, dict[int, list[dict[str, Any]]]] = {}
    for one in results:
        cell = one.cell
        if cell.strategy == SEQUENTIAL:
            told = {
                "lang": cell.target,
                "test": one.test,
                "value": one.score.value,
                "signature": one.score.signature,
            }
            axes = (cell.projection, cell.filter, cell.training)
            grouped.setdefault(axes, {}).setdefault(cell.seed, []).append(told)
    return [
        Transfer({seed: m for seed, rows in seeds.items() if (m := of_results(rows))}, axes)
        for axes, seeds in grouped.items()
    ]


def grid(found: Transfer) -> tuple[list[str], list[list[str]]]:
    """The columns' names, and a line per stage, then transfer and forgetting, all in words."""
    tests = range(len(found.tests))
    lines = [
        [lang, *(str(found.score(stage, test)) for test in tests)]
        for stage, lang in enumerate(found.languages)
    ]
    lines.append(["transfer", *(str(found.transfer(test)) for test in tests)])
    lines.append(["forgetting", *(str(found.forgetting(test)) for test in tests)])
    return ["after learning", *columns(found.tests)], lines


NOTE = (
    "Transfer: the score before the language was learnt. Forgetting: the score right after it was "
    "learnt, less that after the last stage; below 0, what came later helped."
)


def caption(found: Transfer) -> str:
    """What the table is of, and its mean forgetting."""
    named = ", ".join(filter(None, found.axes or ()))
    seeds = len(found.matrices)
    over = f", {seeds} seeds" if seeds > 1 else ""
    lost = str(found.mean_forgetting)
    forgotten = f", mean forgetting {lost}" if lost else ""
    return f"{' > '.join(found.languages)}{f' ({named})' if named else ''}{over}{forgotten}"


def document(found: Transfer) -> dict[str, Any]:
    """The matrix as plain values: numbers are `[mean, sd]`, null where there is none."""
    tests = range(len(found.tests))
    axes = zip(("projection", "filter", "training"), found.axes or (), strict=False)
    return dict(axes) | {
        "languages": list(found.languages),
        "tests": [list(test) for test in found.tests],
        "seeds": sorted(found.matrices),
        "scores": [
            [_plain(found.score(stage, test)) for test in tests]
            for stage in range(len(found.languages))
        ],
        "transfer": [_plain(found.transfer(test)) for test in tests],
        "forgetting": [_plain(found.forgetting(test)) for test in tests],
        "mean_forgetting": _plain(found.mean_forgetting),
    }


def _plain(number: Spread) -> list[float | None]:
    return [number.mean, number.deviation]
