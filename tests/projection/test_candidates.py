"""Candidates with the smallest model that ships: places, reasons, duplicates, swaps, determinism."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.examples import SCRIPTS, Identity, LinkedWords, example, unit
from tests.projection.texts import WORDS, covered, labelled
from tests.projection.toy_tools import ToyTools
from xltpipe.errors import RecipeError
from xltpipe.projection.candidates import Candidates
from xltpipe.projection.candidates_projector import CandidatesProjector
from xltpipe.protocols import Aligner
from xltpipe.translation.models import find_model
from xltpipe.types import Example, Span, Translation, Unit

MODEL = find_model("en-es-tatoeba")
Links = Sequence[tuple[int, int]]


def projector(aligner: Aligner, **settings: object) -> CandidatesProjector:
    return Candidates.model_validate(settings).build(ToyTools(aligner, MODEL))


def project(source: Example, target: str, *links: Links, **settings: object) -> Unit:
    (done,) = projector(LinkedWords(*links), **settings).project([unit(source, target)])
    return done


def outcome(done: Unit) -> list[str | None]:
    """For each source span the text it covers in the target, or the reason for its loss."""
    return [
        done.target.covered(done.target.spans[p.target]) if p.target is not None else p.reason
        for p in done.placements
    ]


PAPER: dict[str, object] = {"alignment_weight": 0.0, "floor": 0.0, "join": "mean"}
"""T-Projection's own selection: links say only where to look, and which of two equals is meant."""


def test_the_model_finds_what_no_link_shows() -> None:
    source = example("My sister lives in Boston .", ("My sister", "PER"), ("Boston", "LOC"))
    done = project(source, "Mi hermana vive en Boston .", [])
    assert outcome(done) == ["Mi hermana", "Boston"]
    assert [p.method for p in done.placements] == ["candidates:nmtscore_geometric"] * 2
    assert all(0.3 <= (p.score or 0) <= 1 for p in done.placements)


def test_the_model_corrects_wrong_links() -> None:
    source = example("We saw New York yesterday", ("New York", "LOC"))
    target, links = "Vimos Nueva York ayer", [(2, 0), (3, 0)]
    assert outcome(project(source, target, links, **PAPER)) == ["Nueva York"]
    assert outcome(project(source, target, links, alignment_weight=1.0)) == ["Vimos Nueva"]


def test_swapped_spans_both_arrive_and_stand_in_text_order() -> None:
    source = example("Boston and my sister", ("Boston", "LOC"), ("my sister", "PER"))
    for links in ([], [(0, 3), (2, 0), (3, 1)]):
        done = project(source, "mi hermana y Boston", links)
        assert outcome(done) == ["Boston", "mi hermana"]
        assert [p.target for p in done.placements] == [1, 0]


TWICE = Example("1", "eng", ("Paris met Paris",), (Span(0, 5, "PER"), Span(10, 15, "LOC")))


@pytest.mark.parametrize("settings", [{}, PAPER])
def test_equal_names_keep_their_own_places(settings: dict[str, object]) -> None:
    crossed = project(TWICE, "A Paris la vio Paris", [(0, 4), (2, 1)], **settings)
    assert [(s.start, s.label) for s in crossed.target.spans] == [(2, "LOC"), (15, "PER")]
    straight = project(TWICE, "Paris vio a Paris", [(0, 0), (2, 3)], **settings)
    assert [(s.start, s.label) for s in straight.target.spans] == [(0, "PER"), (12, "LOC")]


def test_equal_names_without_links_go_by_order() -> None:
    done = project(TWICE, "Paris vio a Paris", [], **PAPER)
    assert [(s.start, s.label) for s in done.target.spans] == [(0, "PER"), (12, "LOC")]


def test_one_place_for_two_equal_names_loses_one() -> None:
    done = project(TWICE, "Paris", [(0, 0), (2, 0)], **PAPER)
    assert sorted(map(str, outcome(done))) == ["Paris", "overlap"]


def test_nested_spans_may_overlap_as_they_did() -> None:
    source = Example("1", "eng", ("the red house",), (Span(0, 13, "A"), Span(8, 13, "B")))
    done = project(source, "la casa roja", [(0, 0), (1, 2), (2, 1)])
    assert outcome(done) == ["la casa roja", "casa"]


def test_reasons() -> None:
    house = example("the red house", ("red house", "X"))
    assert outcome(project(house, "", [])) == ["text_missing"]
    assert outcome(project(house, "...", [])) == ["no_candidate"]
    junk = "quizás todavía nunca jamás"
    assert outcome(project(house, junk, [])) == ["below_floor"]
    assert outcome(project(house, junk, [], floor=0.0)) != ["below_floor"]
    long = example("word " * 300, (("word " * 300).strip(), "X"))
    assert outcome(project(long, "palabra", [])) == ["too_long"]


def test_a_lost_span_has_no_score_and_a_found_one_at_most_one() -> None:
    """NMTScore itself goes beyond 1 with a model that was never taught to copy."""
    source = example("the food in New York", ("the food", "X"), ("New York", "LOC"))
    done = projector(LinkedWords([(0, 0), (1, 1), (3, 3), (4, 4)]), **PAPER)
    (filled,) = done.project([unit(source, "la comida en Nueva York")])
    raw = done.likelihood.score([("the food", "la comida")])
    assert raw[0] is not None
    assert raw[0] > 1
    assert outcome(filled) == ["la comida", "Nueva York"]
    assert [p.score for p in filled.placements] == [1.0, 1.0]


def test_each_text_has_its_own_spans() -> None:
    texts = ("Boston is big", "my sister sings")
    source = Example("1", "eng", texts, (Span(0, 9, "PER", 1), Span(0, 6, "LOC", 0)))
    target = Example("1", "spa", ("Boston es grande", "canta mi hermana"))
    sent = Unit(source, target, texts, tuple(map(Translation, target.texts)))
    (done,) = projector(LinkedWords([], [])).project([sent])
    assert outcome(done) == ["mi hermana", "Boston"]
    (short,) = projector(LinkedWords([])).project(
        [replace(sent, target=replace(target, texts=target.texts[:1]))]
    )
    assert outcome(short) == ["text_missing", "Boston"]


def test_chinese_is_cut_into_characters() -> None:
    source = example("王芳在北京工作", ("王芳", "PER"), ("北京", "LOC"), lang="zho")
    done = project(source, "北京有王芳", [(0, 3), (1, 4), (3, 0), (4, 1)])
    assert outcome(done) == ["王芳", "北京"]


def test_results_do_not_depend_on_the_batch() -> None:
    rows = [
        ("My sister lives in Boston .", "My sister", "Mi hermana vive en Boston ."),
        ("We saw New York", "New York", "Vimos Nueva York"),
        ("", None, ""),
        ("the food was cold", "the food", "la comida estaba fría"),
        ("the food was cold", "cold", "la comida estaba fría"),
    ] * 3
    units = [
        unit(example(source, *([(name, "X")] if name else [])), target)
        for source, name, target in rows
    ]
    together = projector(Identity()).project(units)
    assert [projector(Identity()).project([one])[0] for one in units] == together
    again = projector(Identity())
    assert again.project(units[::-1])[::-1] == together
    assert again.project(units) == together
    assert projector(Identity()).project([]) == []


def test_what_cannot_win_is_not_scored_and_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from xltpipe.projection import candidates_projector as module

    source = example("My sister saw New York in May", ("My sister", "A"), ("New York", "B"))
    links = [(0, 0), (1, 1), (2, 2), (3, 4), (4, 5), (6, 7)]
    sent = [unit(source, "Mi hermana vio a Nueva York en mayo")]
    pruned = projector(LinkedWords(links))
    first = pruned.project(sent)
    monkeypatch.setattr(module._Pool, "likely", lambda self: self.candidates)
    whole = projector(LinkedWords(links))
    assert whole.project(sent) == first
    assert pruned.likelihood.notes["computed"] < whole.likelihood.notes["computed"] / 3


def test_candidates_over_the_limit_are_counted() -> None:
    source = example("My sister lives in Boston .", ("My sister", "PER"))
    few = projector(LinkedWords([(0, 0), (1, 1)]), most=3)
    (done,) = few.project([unit(source, "Mi hermana vive en Boston .")])
    assert outcome(done) == ["Mi hermana"]
    assert few.notes["over_most"] > 0


@settings(max_examples=25, deadline=None)
@given(labelled(WORDS), labelled(WORDS))
def test_any_text_is_left_alone_and_every_span_has_an_outcome(
    source: Example, other: Example
) -> None:
    sent = Unit(source, replace(other, spans=()), source.texts)
    (done,) = projector(Identity()).project([sent])
    assert done.target.texts == other.texts
    assert len(done.placements) == len(source.spans)
    assert all((p.target is None) == bool(p.reason) for p in done.placements)
    assert len(done.target.spans) == sum(p.target is not None for p in done.placements)


@settings(max_examples=25, deadline=None)
@given(labelled(WORDS))
def test_an_identity_translation_round_trips(source: Example) -> None:
    sent = Unit(source, replace(source, spans=()), source.texts)
    (done,) = projector(Identity(), alignment_weight=1.0).project([sent])
    assert covered(done.target) == covered(source)


@pytest.mark.parametrize("source", SCRIPTS, ids=lambda s: s.lang)
def test_every_script_round_trips(source: Example) -> None:
    sent = Unit(source, replace(source, spans=()), source.texts)
    (done,) = projector(Identity()).project([sent])
    assert done.target.spans == source.spans


def test_a_model_is_needed(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="must have a CTranslate2 model"):
        Candidates().build(ToyTools())
    assert Candidates(model="embedded").build(ToyTools()).likelihood.name == ("nmtscore_geometric")
    assert Candidates().fingerprint() == {}
    assert set(Candidates(model="embedded").fingerprint()) == {"model"}
    assert Candidates(generator=tmp_path).identity() == Candidates().identity() | {
        "generator!": Candidates(generator=tmp_path).fingerprint()["generator"]
    }
