"""Agreement: other projectors label the target texts again, blindly, and are compared.

Two methods that err independently seldom err alike (docs/findings.md has recall by kind of error).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Literal

import numpy as np
from pydantic import model_validator

from xltpipe.alignment import AlignerSpec
from xltpipe.projection import ProjectorSpec
from xltpipe.projection.tools import Tools
from xltpipe.protocols import Projector
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats, Limits
from xltpipe.spec import Spec
from xltpipe.types import Placement, Span, Unit, one_each

COLUMNS = (
    Column(
        "agreement",
        "projectors_disagree",
        "share",
        "Share of placed spans that another projector gives the same bounds and label.",
        "ours",
        high=1.0,
        usual=Limits(min=1.0),
    ),
    Column(
        "agreement_overlap",
        "projectors_differ",
        "share",
        "Mean overlap (F1 of characters) of placed spans with another projector's.",
        "ours",
        high=1.0,
    ),
    Column(
        "agreement_worst",
        "projectors_apart",
        "share",
        "Least overlap (F1 of characters) of a placed span with another projector's.",
        "ours",
        high=1.0,
        usual=Limits(min=0.5),
    ),
)


class Agreement(Spec):
    """Settings: the second method, and further ones, of which the nearest counts for each span.

    Methods whose aligners differ see what the first cannot; each further one takes away false
    alarms and hardly any right ones. Where one of them is the very method that projected the
    rows, they agree by construction: scores then only tell what was changed afterwards.
    """

    kind: Literal["agreement"] = "agreement"
    projection: ProjectorSpec
    further: tuple[ProjectorSpec, ...] = ()

    @model_validator(mode="after")
    def _in_place(self) -> Agreement:
        for spec in self.projections:
            if not spec.in_place:
                raise ValueError(
                    f"projection must label a given target text, was: {spec.kind}; "
                    "name aligned, candidates, constrained, or a chain of them"
                )
        return self

    @property
    def projections(self) -> tuple[ProjectorSpec, ...]:
        return (self.projection, *self.further)

    def idle(self, projection: ProjectorSpec) -> bool:
        """Whether one of them is what projected the rows: they agree by construction."""
        return any(spec.identity() == projection.identity() for spec in self.projections)

    def aligners(self) -> tuple[AlignerSpec, ...]:
        return tuple(dict.fromkeys(a for spec in self.projections for a in spec.aligners()))

    def check(self) -> None:
        for spec in self.projections:
            spec.check()

    def meet(self, tools: Tools) -> None:
        for spec in self.projections:
            spec.meet(tools)

    def fingerprint(self) -> dict[str, str]:
        return {}  # the projectors' own identities hold their files

    def build(self, tools: Tools) -> AgreementScorer:
        return AgreementScorer(*(spec.build(tools) for spec in self.projections))


class AgreementScorer:
    """Scores of rows with placed spans; NaN without any."""

    columns = COLUMNS

    def __init__(self, *projectors: Projector) -> None:
        self._projectors = projectors

    def score(self, batch: Batch) -> list[Floats]:
        out = [np.full(batch.rows, np.nan) for _ in self.columns]
        asked = np.unique(batch.placed.row).tolist()
        units = [batch.units[row] for row in asked]
        done = [self._again(projector, units) for projector in self._projectors]
        for row, unit, *others in zip(asked, units, *done, strict=True):
            spans = [_nearest(unit, placement, others) for placement in _placed(unit)]
            same, overlaps = zip(*spans, strict=True)
            out[0][row] = fmean(same)
            out[1][row], out[2][row] = fmean(overlaps), min(overlaps)
        return out

    def _again(self, projector: Projector, units: Sequence[Unit]) -> list[Unit]:
        done = projector.project([_bare(unit) for unit in units])
        one_each("Projector", len(units), done)
        return done


def _placed(unit: Unit) -> list[Placement]:
    return [p for p in unit.placements if p.target is not None]


def _nearest(unit: Unit, placement: Placement, others: Sequence[Unit]) -> tuple[bool, float]:
    """Whether any of the others has the same span, and the best overlap with theirs."""
    own = unit.target.spans[placement.target or 0]
    theirs = [_counterpart(other, placement.source) for other in others]
    return own in theirs, max(_overlap(own, span) for span in theirs)


def _counterpart(unit: Unit, source: int) -> Span | None:
    target = next((p.target for p in unit.placements if p.source == source), None)
    return None if target is None else unit.target.spans[target]


def _bare(unit: Unit) -> Unit:
    """The unit as it was before projection."""
    return replace(unit, target=replace(unit.target, spans=(), masked=(), links=()), placements=())


def _overlap(one: Span, other: Span | None) -> float:
    """F1 of the characters of two spans; labels have no part in it."""
    if other is None or one.text != other.text:
        return 0.0
    common = min(one.end, other.end) - max(one.start, other.start)
    return max(0, 2 * common) / (one.end - one.start + other.end - other.start)
