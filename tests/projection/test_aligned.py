"""Spans that follow links: boundaries, punctuation, reasons, tokens, several texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import Identity, LinkedWords, example, unit
from tests.projection.texts import COLLISIONS, WORDS, covered, labelled
from tests.projection.toy_tools import ToyTools
from xltpipe.errors import DataError
from xltpipe.projection import Aligned
from xltpipe.projection.aligned import words, words_of
from xltpipe.protocols import Pair
from xltpipe.text import tokenise
from xltpipe.types import Alignment, Example, Span, Translation, Unit

Links = Sequence[tuple[int, int]]


def project(source: Example, target: str, *links: Links, **settings: object) -> Unit:
    spec = Aligned.model_validate(settings)
    (done,) = spec.build(ToyTools(LinkedWords(*links))).project([unit(source, target)])
    return done


def outcome(done: Unit) -> list[str | None]:
    """For each source span the text it covers in the target, or the reason for its loss."""
    return [
        done.target.covered(done.target.spans[p.target]) if p.target is not None else p.reason
        for p in done.placements
    ]


ONE_SPAN = [
    # source, span, target, links, expected
    ("Ana lives in Madrid", "Madrid", "Ana vive en Madrid", [(3, 3)], "Madrid"),
    ("in New York", "New York", "en Nueva York", [(1, 1), (2, 2)], "Nueva York"),
    # punctuation never decides a boundary
    ("in Madrid .", "Madrid", "en Madrid .", [(1, 1), (1, 2)], "Madrid"),
    ("Who knows Ana ?", "Ana", "¿ Quién conoce a Ana ?", [(2, 0), (2, 4), (2, 5)], "Ana"),
    ("He said Ana .", "Ana", "Dijo «Ana».", [(2, 1), (2, 2), (2, 3), (3, 4)], "Ana"),
    ("in Beijing .", "Beijing", "在北京。", [(1, 1), (1, 2), (1, 3)], "北京"),
    ("in Cairo ,", "Cairo", "في القاهرة ،", [(1, 1), (1, 2)], "القاهرة"),
    ("in Delhi .", "Delhi", "दिल्ली में ।", [(1, 0), (1, 2)], "दिल्ली"),
    # but a name keeps its own
    ("I use Yahoo! now", "Yahoo!", "Uso Yahoo! ahora", [(2, 1)], "Yahoo!"),
    ("I use Yahoo! now", "Yahoo!", "Uso Yahoo ahora", [(2, 1)], "Yahoo"),
    ("I use Yahoo now", "Yahoo", "¡Uso Yahoo!", [(2, 2)], "Yahoo"),
    ("He writes C++.", "C++", "Escribe C++.", [(2, 1)], "C++"),
    ("costs «$5» now", "«$5»", "cuesta «$5» ya", [(3, 3)], "«$5»"),
    # a span of symbols alone goes to its equals, or to the words, or to the symbols linked to it
    ("Go 🇪🇸 !", "🇪🇸", "¡ Vamos 🇪🇸 !", [(1, 2), (1, 3), (2, 3)], "🇪🇸"),
    ("Go 🇪🇸 !", "🇪🇸", "¡ Vamos España !", [(1, 2), (1, 3), (2, 3)], "España"),
    ("He left ...", "...", "Se fue …", [(2, 2)], "…"),
    ("costs $ 5", "$", "cuesta $ $ 5", [(1, 1)], "$"),
    # inner punctuation and inner unlinked words
    ("the Coca, Cola story", "Coca, Cola", "de Coca, Cola", [(1, 1), (3, 3)], "Coca, Cola"),
    # a span inside a word, and one that ends in a word, stand for the word
    ("pro-Madrid side", "Madrid", "lado promadrileño", [(0, 1)], "promadrileño"),
    # Han text has no spaces
    ("王芳在北京", "北京", "Wang Fang en Pekín", [(3, 3), (4, 3)], "Pekín"),
    # losses
    ("Ana sings", "Ana", "Canta", [(1, 0)], "no_alignment"),
    ("Ana sings !", "Ana", "Canta !", [(0, 1)], "punctuation_only"),
    ("Ana sings", "Ana", "", [], "text_missing"),
    ("Ana sings", "Ana", "  ", [], "text_missing"),
]


@pytest.mark.parametrize(("source", "span", "target", "links", "expected"), ONE_SPAN)
def test_one_span(source: str, span: str, target: str, links: Links, expected: str) -> None:
    assert outcome(project(example(source, (span, "X")), target, links)) == [expected]


def test_the_modes_differ_where_links_have_gaps() -> None:
    source, target = example("Real Madrid won", ("Real Madrid", "ORG")), "el Real de todo Madrid"
    links = [(0, 1), (1, 4)]
    assert outcome(project(source, target, links)) == ["Real de todo Madrid"]
    assert outcome(project(source, target, links, mode="gap")) == ["Real"]
    assert outcome(project(source, target, links, mode="gap", gap=2)) == ["Real de todo Madrid"]
    assert outcome(project(source, target, links, mode="longest_run")) == ["Real"]


def test_swapped_names_both_arrive_and_stand_in_text_order() -> None:
    source = example("Ana met Bob", ("Ana", "PER"), ("Bob", "PER"))
    done = project(source, "A Bob lo conoció Ana", [(0, 4), (2, 1)])
    assert outcome(done) == ["Ana", "Bob"]
    assert [done.target.covered(s) for s in done.target.spans] == ["Bob", "Ana"]
    assert [p.target for p in done.placements] == [1, 0]


def test_equal_names_keep_their_own_places() -> None:
    text = "Paris met Paris"
    source = Example("1", "eng", (text,), (Span(0, 5, "PER"), Span(10, 15, "LOC")))
    done = project(source, "A Paris la vio Paris", [(0, 4), (2, 1)])
    assert [(s.start, s.label) for s in done.target.spans] == [(2, "LOC"), (15, "PER")]


def test_two_spans_on_one_word_lose_one() -> None:
    source = example("New York Times", ("New York", "LOC"), ("Times", "ORG"))
    assert outcome(project(source, "Neuyorktimes", [(0, 0), (1, 0), (2, 0)])) == [
        "Neuyorktimes",
        "overlap",
    ]


def test_nested_spans_stay_nested() -> None:
    text = "University of Cape Town"
    source = Example("1", "eng", (text,), (Span(0, 23, "ORG"), Span(14, 23, "LOC")))
    done = project(source, "Universidad de Ciudad del Cabo", [(0, 0), (1, 1), (2, 4), (3, 2)])
    assert outcome(done) == ["Universidad de Ciudad del Cabo", "Ciudad del Cabo"]


def test_two_spans_do_not_both_take_the_mark_between_them() -> None:
    text = "Oh! !Kung"
    source = Example("1", "eng", (text,), (Span(0, 3, "A"), Span(4, 9, "B")))
    done = project(source, "Oh!Kung", [(0, 0), (3, 2)])
    assert outcome(done) == ["Oh!", "Kung"]


def test_labels_texts_and_the_mean_of_scores_are_kept() -> None:
    class Scored:
        def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
            return [Alignment(((0, 0), (0, 1)), (0.5, 1.0))]

    source = example("townhall", ("townhall", "LOC"))
    (done,) = Aligned().build(ToyTools(Scored())).project([unit(source, "casa consistorial")])
    assert done.target.texts == ("casa consistorial",)
    assert done.target.spans == (Span(0, 17, "LOC"),)
    assert done.placements[0].score == pytest.approx(0.75)
    assert done.placements[0].method == "aligned"


def test_each_text_has_its_own_links() -> None:
    texts = ("Ana sings", "Who is Ana")
    source = Example("1", "eng", texts, (Span(7, 10, "PER", 1), Span(0, 3, "PER", 0)))
    target = Example("1", "spa", ("Canta Ana", "Quién es Ana"))
    given_ = Unit(source, target, texts, tuple(map(Translation, target.texts)))
    (done,) = Aligned().build(ToyTools(LinkedWords([(0, 1)], [(2, 2)]))).project([given_])
    assert done.target.spans == (Span(6, 9, "PER", 0), Span(9, 12, "PER", 1))
    assert [p.target for p in done.placements] == [1, 0]


def test_a_text_that_is_not_there_is_said() -> None:
    source = Example("1", "eng", ("Ana", "Bob"), (Span(0, 3, "PER"), Span(0, 3, "PER", 1)))
    assert outcome(project(source, "Ana", [(0, 0)])) == ["Ana", "text_missing"]


def test_the_words_that_the_data_gave_are_respected() -> None:
    tokens = ((0, 5), (6, 12))
    target = Example("1", "spa", ("Comió sushi.",), (), None, tokens)
    source = Example("1", "eng", ("He ate sushi.",), (Span(7, 12, "FOOD"),))
    (done,) = Aligned().build(ToyTools(LinkedWords([(2, 1)]))).project([Unit(source, target)])
    assert done.target == replace(target, spans=(Span(6, 12, "FOOD"),))
    assert words(target, 0).strings == ["Comió", "sushi."]
    assert words(replace(target, tokens=()), 0).strings == ["Comió", "sushi", "."]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 3, [0]), (1, 2, [0]), (2, 5, [0, 1]), (3, 4, []), (4, 9, [1, 2]), (8, 9, [2])],
)
def test_a_span_covers_the_words_it_touches(start: int, end: int, expected: list[int]) -> None:
    assert list(words_of(Span(start, end, "X"), tokenise("Ana vive!"))) == expected


def test_units_without_spans_and_no_units_need_no_links() -> None:
    class Never:
        def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
            assert not pairs
            return []

    projector = Aligned().build(ToyTools(Never()))
    assert projector.project([]) == []
    (done,) = projector.project([unit(example("Hi"), "Hola")])
    assert (done.target.spans, done.placements) == ((), ())


def test_an_aligner_that_loses_a_pair_is_caught() -> None:
    class Short:
        def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
            return []

    with pytest.raises(DataError, match="Aligner must give one result per input, was: 0 for 1"):
        Aligned().build(ToyTools(Short())).project([unit(example("Ana", ("Ana", "PER")), "Ana")])


@settings(deadline=None)
@given(
    labelled(WORDS + COLLISIONS, flat=True),
    st.sampled_from(["spa", "deu", "por", "fra", "zho", "ara", "eng"]),
    st.sampled_from(["as_source", "inside"]),
)
def test_identity_gives_every_span_back(source: Example, lang: str, determiners: str) -> None:
    target = Example("1", lang, source.texts)
    spec = Aligned.model_validate({"determiners": determiners})
    (done,) = spec.build(ToyTools(Identity(), target=lang)).project([Unit(source, target)])
    assert covered(done.target) == covered(source)


MADE_UP = (
    "bolo",
    "tiru",
    "Kasa",
    "meve",
    "Lonu",
    "paki",
    "zuro",
    "北京",
    "ليلى",
    "दिल्ली",
    "гора",
    "👩‍👩‍👧x",
)


@settings(deadline=None)
@given(
    st.permutations(MADE_UP),
    st.integers(1, len(MADE_UP)),
    st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=8),
)
def test_reversed_words_take_their_spans_along(
    words: list[str], size: int, cuts: list[tuple[int, bool]]
) -> None:
    words = words[:size]
    bounds = (*_bounds(words),)
    spans, place = [], 0
    for width, wanted in cuts:  # adjacent spans, some of them left out
        if place + width > size:
            break
        if wanted:
            spans.append(Span(bounds[place][0], bounds[place + width - 1][1], f"{place}+{width}"))
        place += width
    source = Example("1", "eng", (" ".join(words),), tuple(spans), None, bounds)
    back = words[::-1]
    target = Example("1", "spa", (" ".join(back),), (), None, (*_bounds(back),))
    links = [(i, size - 1 - i) for i in range(size)]
    (done,) = Aligned().build(ToyTools(LinkedWords(links))).project([Unit(source, target)])
    assert [p.reason for p in done.placements] == [None] * len(spans)
    for span in done.target.spans:
        first, width = map(int, span.label.split("+"))
        assert done.target.covered(span).split() == words[first : first + width][::-1]


def _bounds(words: Sequence[str]) -> list[tuple[int, int]]:
    ends = [-1]
    for word in words:
        ends.append(ends[-1] + 1 + len(word))
    return [(a + 1, b) for a, b in pairwise(ends)]


@settings(deadline=None)
@given(st.integers(1, 6), st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_equal_names_each_go_their_own_way(count: int, order: list[int]) -> None:
    text = " ".join(["Paris"] * count)
    spans = tuple(Span(6 * k, 6 * k + 5, str(k)) for k in range(count))
    links = [(k, (k + order[0]) % count) for k in range(count)]
    done = project(Example("1", "eng", (text,), spans), text, links)
    where = {s.label: s.start // 6 for s in done.target.spans}
    assert where == {str(k): (k + order[0]) % count for k in range(count)}


@settings(deadline=None)
@given(
    labelled(WORDS + COLLISIONS),
    st.lists(st.lists(st.sampled_from(WORDS + COLLISIONS), max_size=8), min_size=2, max_size=2),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20),
    st.sampled_from(["min_max", "gap", "longest_run", "elp"]),
)
def test_texts_stay_and_every_span_is_placed_inside_or_explained(
    source: Example, made: list[list[str]], links: list[tuple[int, int]], mode: str
) -> None:
    class Some:
        def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
            kept = [
                sorted({(i, j) for i, j in links if i < len(a) and j < len(b)}) for a, b in pairs
            ]
            return [Alignment(tuple(k), (0.5,) * len(k)) for k in kept]

    target = Example("1", "spa", tuple(" ".join(w) for w in made[: len(source.texts)]))
    (done,) = (
        Aligned.model_validate({"mode": mode})
        .build(ToyTools(Some()))
        .project([Unit(source, target)])
    )
    assert done.target.texts == target.texts
    assert [p.source for p in done.placements] == list(range(len(source.spans)))
    used = sorted(p.target for p in done.placements if p.target is not None)
    assert used == list(range(len(done.target.spans)))
    for p in done.placements:
        given_ = source.spans[p.source]
        if p.target is None:
            reasons = {"no_alignment", "punctuation_only", "text_missing", "overlap", "merged"}
            assert p.reason in reasons
            continue
        placed = done.target.spans[p.target]
        assert (placed.label, placed.text) == (given_.label, given_.text)
        assert done.target.covered(placed) == done.target.covered(placed).strip()
    for p in done.placements:  # what was apart stays apart
        for q in done.placements[: p.source]:
            if p.target is None or q.target is None:
                continue
            a, b = source.spans[p.source], source.spans[q.source]
            c, d = done.target.spans[p.target], done.target.spans[q.target]
            if c.text == d.text and c.start < d.end and d.start < c.end:
                assert a.start < b.end
                assert b.start < a.end
