"""A second projector, compared span by span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan

import pytest
from pydantic import ValidationError

from tests.examples import LinkedWords, example
from tests.projection.toy_tools import ToyTools
from tests.quality.span_units import alone, columns, linked
from xltpipe.alignment import HMM, FastAlign
from xltpipe.projection import Aligned, Chain, Markers, Method
from xltpipe.quality.agreement import Agreement, AgreementScorer
from xltpipe.quality.batch import Batch
from xltpipe.types import Example, Placement, Span, Unit


class Known:
    """A projector that puts the spans of each unit where it was told, by the unit's id."""

    in_place = True

    def __init__(self, found: dict[str, Sequence[tuple[int, int] | None]]) -> None:
        self._found = found
        self.seen: list[Unit] = []

    def prepare(self, example: Example) -> tuple[str, ...]:
        return example.texts

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        self.seen += units
        return [self._one(unit) for unit in units]

    def _one(self, unit: Unit) -> Unit:
        spans, placements = [], []
        for k, (own, at) in enumerate(
            zip(unit.source.spans, self._found[unit.source.id], strict=True)
        ):
            placements.append(
                Placement(
                    k, None if at is None else len(spans), "known", reason=None if at else "x"
                )
            )
            if at:
                spans.append(replace(own, start=at[0], end=at[1]))
        target = replace(unit.target, spans=tuple(spans))
        return replace(unit, target=target, placements=tuple(placements))


def compare(unit: Unit, *found: tuple[int, int] | None) -> dict[str, float]:
    return alone(AgreementScorer(Known({"1": found})), unit)


TWO = linked("Ana in Rome", "Ana en Roma", ("Ana", "Ana"), ("Rome", "Roma"))


@pytest.mark.parametrize(
    ("found", "share", "mean", "worst"),
    [
        (((0, 3), (7, 11)), 1.0, 1.0, 1.0),
        (((0, 3), (4, 11)), 0.5, (1 + 8 / 11) / 2, 8 / 11),
        (((0, 3), None), 0.5, 0.5, 0.0),
        ((None, None), 0.0, 0.0, 0.0),
        (((7, 11), (0, 3)), 0.0, 0.0, 0.0),  # each in the other's place
    ],
)
def test_agreement(
    found: tuple[tuple[int, int] | None, ...], share: float, mean: float, worst: float
) -> None:
    got = compare(TWO, *found)
    assert got["agreement"] == share
    assert got["agreement_overlap"] == pytest.approx(mean)
    assert got["agreement_worst"] == pytest.approx(worst)


def test_swapped_labels_are_no_agreement() -> None:
    first, second = TWO.target.spans
    target = replace(TWO.target, spans=(replace(first, label="Y"), second))
    got = compare(replace(TWO, target=target), (0, 3), (7, 11))
    assert got["agreement"] == 0.5
    assert got["agreement_worst"] == 1


def test_lost_spans_are_not_compared() -> None:
    unit = linked("Ana in Rome", "en Roma", ("Ana", None), ("Rome", "Roma"))
    assert compare(unit, (0, 2), (3, 7))["agreement"] == 1
    nothing = linked("Ana", "x", ("Ana", None))
    assert all(map(isnan, compare(nothing, (0, 1)).values()))
    assert all(map(isnan, alone(AgreementScorer(Known({})), linked("Ana", "x")).values()))


def test_the_second_projector_is_blind() -> None:
    projector = Known({"1": ((0, 3), (7, 11))})
    masked = replace(TWO, target=replace(TWO.target, masked=(0,)))
    AgreementScorer(projector).score(Batch.of([masked]))
    (seen,) = projector.seen
    assert seen.target.spans == ()
    assert seen.target.masked == ()
    assert seen.placements == ()
    assert seen.target.texts == TWO.target.texts


def test_spans_in_other_texts_do_not_overlap() -> None:
    source = Example("1", "eng", ("a", "Ana"), (Span(0, 3, "X", 1),))
    target = Example("1", "spa", ("Ana", "Ana"), (Span(0, 3, "X", 0),))
    unit = Unit(source, target, placements=(Placement(0, 0, "m"),))
    assert compare(unit, (0, 3))["agreement_worst"] == 0


def test_rows_are_matched_by_place() -> None:
    units = [linked("Eva", "x", ("Eva", None)), TWO, linked("hm", "hm"), TWO]
    found = columns(AgreementScorer(Known({"1": ((0, 3), (7, 11))})), units)["agreement"]
    assert [isnan(value) for value in found] == [True, False, True, False]
    assert found[1] == found[3] == 1


def test_the_same_method_agrees_by_construction() -> None:
    """What it then tells is only what was changed afterwards: that it tells without fail."""
    spec = Aligned(aligner=FastAlign())
    tools = ToyTools(LinkedWords([(0, 0), (1, 0), (2, 1), (3, 2)]))
    source = example("王芳 visited Beijing", ("王芳", "PER"), ("Beijing", "LOC"))
    bare = Unit(source, Example("1", "spa", ("Fang visitó Pekín",)))
    (done,) = spec.build(tools).project([bare])
    scorer = Agreement(projection=spec).build(tools)
    assert alone(scorer, done)["agreement"] == 1
    spans = (done.target.spans[0], replace(done.target.spans[1], start=5))
    assert (
        alone(scorer, replace(done, target=replace(done.target, spans=spans)))["agreement"] == 0.5
    )


@pytest.mark.parametrize(
    ("further", "share", "worst"),
    [(((0, 3), (7, 11)), 1.0, 1.0), (((0, 3), (0, 3)), 0.5, 8 / 11), ((None, None), 0.0, 0.5)],
)
def test_of_several_the_nearest_counts_span_by_span(
    further: tuple[tuple[int, int] | None, ...], share: float, worst: float
) -> None:
    first, second = Known({"1": ((2, 3), (4, 11))}), Known({"1": further})
    for scorer in (AgreementScorer(first, second), AgreementScorer(second, first)):
        got = alone(scorer, TWO)
        assert got["agreement"] == share
        assert got["agreement_worst"] == pytest.approx(worst)


def test_settings_know_when_they_are_idle() -> None:
    spec = Agreement(projection=Aligned(aligner=FastAlign()))
    assert spec.idle(Aligned(aligner=FastAlign()))
    assert not spec.idle(Aligned(aligner=HMM()))
    assert spec.aligners() == (FastAlign(),)
    more = Agreement(projection=Aligned(aligner=HMM()), further=(Aligned(aligner=FastAlign()),))
    assert more.idle(Aligned(aligner=FastAlign()))
    assert more.aligners() == (HMM(), FastAlign())


def test_markers_write_a_text_of_their_own() -> None:
    with pytest.raises(ValidationError, match="must label a given target text, was: markers"):
        Agreement(projection=Markers())
    chain = Chain(methods=(Method(projector=Markers()), Method(projector=Aligned())))
    with pytest.raises(ValidationError, match="must label a given target text, was: chain"):
        Agreement(projection=Aligned(), further=(chain,))
