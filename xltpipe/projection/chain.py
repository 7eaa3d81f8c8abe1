"""Chain: for each span the first method that is confident enough (docs/findings.md on the order).

A method sees only the spans that those before it left open; what they placed stays, so a later
method can neither move nor overlap it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import Annotated, Literal

from pydantic import Field, model_validator

from xltpipe.alignment import AlignerSpec
from xltpipe.projection.filling import Placed, filled
from xltpipe.projection.markers import Markers
from xltpipe.projection.single import SingleProjectorSpec
from xltpipe.projection.tags import Tags
from xltpipe.projection.tools import Projection, Tools
from xltpipe.protocols import Projector
from xltpipe.spec import Spec
from xltpipe.types import Example, Span, Unit, one_each


class Method(Spec):
    """One link of the chain: spans that it scores below `floor` go on to the next one.

    A method that gives no scores (markers) is trusted wherever it places a span.
    """

    projector: SingleProjectorSpec
    floor: float = Field(default=0.0, ge=0, le=1)


class Chain(Projection):
    """Settings. Markers and tags write the target text themselves, so they can only come first."""

    kind: Literal["chain"] = "chain"
    methods: Annotated[tuple[Method, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _possible(self) -> Chain:
        late = [m.projector.kind for m in self.methods[1:] if not m.projector.in_place]
        if late:
            raise ValueError(
                f"methods after the first must label a given text, was: {', '.join(late)}; "
                "put it first, or leave it out"
            )
        return self

    @property
    def in_place(self) -> bool:
        return self.methods[0].projector.in_place

    @property
    def marking(self) -> Markers | Tags | None:
        return self.methods[0].projector.marking

    def aligners(self) -> tuple[AlignerSpec, ...]:
        return tuple(spec for m in self.methods for spec in m.projector.aligners())

    def check(self) -> None:
        for method in self.methods:
            method.projector.check()

    def meet(self, tools: Tools) -> None:
        for method in self.methods:
            method.projector.meet(tools)

    def fingerprint(self) -> dict[str, str]:
        return {}  # each method's own identity holds its files

    def build(self, tools: Tools) -> ChainProjector:
        built = [m.projector.build(tools) for m in self.methods]
        return ChainProjector(built, [m.floor for m in self.methods])


class ChainProjector:
    """Asks its methods in turn; each placement tells which one it was (`method`, `rank`)."""

    def __init__(self, projectors: Sequence[Projector], floors: Sequence[float]) -> None:
        self._projectors, self._floors = projectors, floors

    @property
    def in_place(self) -> bool:
        return self._projectors[0].in_place

    @property
    def counts(self) -> dict[str, int]:
        """The counts of all methods that keep some, by their place in the chain."""
        return {
            f"{rank}_{name}": number
            for rank, projector in enumerate(self._projectors)
            for name, number in getattr(projector, "counts", {}).items()
        }

    def prepare(self, example: Example) -> tuple[str, ...]:
        return self._projectors[0].prepare(example)

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        """Fill spans and placements; the reason of a lost span is the last method's."""
        first, *later = self._projectors
        done = _all(first, units)
        found = [_found(unit, self._floors[0], 0) for unit in done]
        for rank, projector in enumerate(later, start=1):
            # a text of its own is what the next method must label: the first one's, if it wrote it
            bare = [
                replace(u, target=replace(u.target, spans=(), links=()), placements=())
                for u in done
            ]
            open_ = [[isinstance(f[k], str) for k in sorted(f)] for f in found]
            asked = [i for i, flags in enumerate(open_) if any(flags)]
            parts = [_only(bare[i], open_[i]) for i in asked]
            for i, answer in zip(asked, _all(projector, parts), strict=True):
                numbers = list(compress(range(len(open_[i])), open_[i]))
                got = _found(answer, self._floors[rank], rank)
                for n, k in enumerate(numbers):
                    found[i][k] = _checked(got[n], k, found[i], bare[i].source.spans)
        return [filled(unit, known, "chain") for unit, known in zip(done, found, strict=True)]


def _all(projector: Projector, units: Sequence[Unit]) -> list[Unit]:
    done = projector.project(units)
    one_each("Projector", len(units), done)
    return done


def _only(unit: Unit, flags: Sequence[bool]) -> Unit:
    """The unit with some of its source spans."""
    spans = tuple(compress(unit.source.spans, flags))
    return replace(unit, source=replace(unit.source, spans=spans, links=()))


def _found(unit: Unit, floor: float, rank: int) -> dict[int, Placed | str]:
    out: dict[int, Placed | str] = {}
    for placement in unit.placements:
        if placement.target is None:
            out[placement.source] = placement.reason or "unknown"
        elif placement.score is not None and placement.score < floor:
            out[placement.source] = "below_floor"
        else:
            span = unit.target.spans[placement.target]
            out[placement.source] = Placed(
                span, placement.score, placement.method, rank, placement.margin
            )
    return out


def _checked(
    got: Placed | str, k: int, found: Mapping[int, Placed | str], sources: Sequence[Span]
) -> Placed | str:
    """The outcome, unless it overlaps a span that another one's place is and was not before."""
    if isinstance(got, str):
        return got
    for m, other in found.items():
        if m == k or isinstance(other, str) or _overlap(sources[m], sources[k]):
            continue
        if _overlap(other.span, got.span):
            return "overlap"
    return got


def _overlap(one: Span, other: Span) -> bool:
    return one.text == other.text and one.start < other.end and other.start < one.end
