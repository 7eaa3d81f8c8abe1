"""Findings: what each method of a comparison made of the same source spans."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from xltpipe.durable import digest_json
from xltpipe.evaluation.projection_agreement import Agreement, compared, pairwise
from xltpipe.evaluation.projection_errors import Outcome, outcomes
from xltpipe.recipe_parts import Contender
from xltpipe.types import Example, Unit

State = Literal["done", "failed", "not_applicable"]


@dataclass(frozen=True, slots=True)
class Seconds:
    """Where the time went when the steps were made; None where that was not recorded.

    `project` is without `align`, the time in which aligners linked words, and without `train`.
    """

    project: float | None = None
    align: float | None = None
    train: float = 0.0


@dataclass(frozen=True, eq=False)
class Finding:
    """One method in one language: its units, one per row, or the error that kept it from them.

    `settings` is a digest of all that decides the method's result; `aligner` names the aligners
    that were used, "none" where there are none.
    """

    method: str
    kind: str
    settings: str
    state: State = "done"
    error: str | None = None
    aligner: str = "none"
    units: tuple[Unit, ...] = ()
    seconds: Seconds = Seconds()

    @classmethod
    def without(cls, method: Contender, state: State, error: str) -> Finding:
        """A method that has nothing to show, and why."""
        spec = method.projection
        return cls(method.name, spec.kind, "unknown", state, error)

    @property
    def spans(self) -> int:
        return sum(len(unit.source.spans) for unit in self.units)

    @property
    def placed(self) -> int:
        return sum(p.target is not None for u in self.units for p in u.placements if not u.error)

    @property
    def spans_per_second(self) -> float | None:
        """Source spans by the seconds of projecting alone."""
        return self.spans / self.seconds.project if self.seconds.project else None


def settings_of(identity: object) -> str:
    """A short digest of settings, to tell in a signature."""
    return digest_json(identity)[:8]


@dataclass(frozen=True, eq=False)
class InLanguage:
    """All methods on the rows of one language; `gold` has one example a row, or is None.

    Equal only to itself, as findings are: their scores are remembered by identity.
    """

    source: str
    lang: str
    rows: int
    left_out: int
    gold: tuple[Example, ...] | None
    findings: tuple[Finding, ...]

    @property
    def done(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.state == "done"]

    @cached_property
    def outcomes(self) -> list[list[list[Outcome]]]:
        """For each row, and each method that is done, what became of the spans."""
        rows = zip(*(finding.units for finding in self.done), strict=True)
        if self.gold is None:
            return [compared(units) for units in rows]
        return (
            [
                [outcomes(unit, gold) for unit in units]
                for units, gold in zip(rows, self.gold, strict=True)
            ]
            if self.done
            else []
        )

    @cached_property
    def agreement(self) -> dict[tuple[str, str], Agreement]:
        """Of each two methods that are done, by name: spans placed alike."""
        names = [finding.method for finding in self.done]
        rows = zip(*(finding.units for finding in self.done), strict=True)
        found = pairwise(rows, len(names))
        return {(names[a], names[b]): pairs for (a, b), pairs in found.items()}

    def agreed(self, one: str, other: str) -> Agreement | None:
        """How two methods agree, in either order; None if no span can be compared."""
        found = self.agreement.get((one, other)) or self.agreement.get((other, one))
        return found if found is not None and found.comparable else None

    def of(self, finding: Finding) -> list[Outcome]:
        """All outcomes of one method."""
        number = self.done.index(finding)
        return [outcome for row in self.outcomes for outcome in row[number]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison in each target language of a recipe."""

    name: str
    languages: tuple[InLanguage, ...]

    @property
    def failed(self) -> bool:
        """A method failed in some language."""
        return any(f.state == "failed" for one in self.languages for f in one.findings)
