"""Spans out of marked translations: what survives, what is lost and why."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import Echo, example
from tests.projection.texts import COLLISIONS, WORDS, covered, labelled
from tests.projection.toy_tools import ToyTools
from xltpipe import stages
from xltpipe.projection import Markers
from xltpipe.projection.markup import PAIRS, Style
from xltpipe.types import Example, Span, Translation, Unit

STYLES: tuple[Style, ...] = ("letters", "xml", "brackets")


def read_back(
    source: Example, *received: str, style: Style = "letters", repair: bool = False
) -> Unit:
    """The unit after an engine gave back these texts (the entities' own ones last)."""
    projector = Markers(style=style, repair=repair).build(ToyTools())
    target = Example(source.id, "spa", received[: len(source.texts)])
    unit = Unit(source, target, projector.prepare(source), tuple(map(Translation, received)))
    assert len(unit.sent) == len(received)
    (done,) = stages.project([unit], projector)
    return done


def outcome(done: Unit) -> list[str | None]:
    return [
        done.target.covered(done.target.spans[p.target]) if p.target is not None else p.reason
        for p in done.placements
    ]


TWO = example("Ana met Bob.", ("Ana", "PER"), ("Bob", "PER"))
NESTED = Example("1", "eng", ("Bank of Cuba",), (Span(0, 12, "ORG"), Span(8, 12, "LOC")))

LETTERS = [
    (TWO, "[A] Ana [/A] conoció a [B] Bob [/B].", ["Ana", "Bob"]),
    (TWO, "A [B] Bob [/B] lo conoció [A] Ana [/A].", ["Ana", "Bob"]),  # swapped order
    (TWO, "[A]Ana[/A]conoció a [B]Bob[/B].", ["Ana", "Bob"]),
    (TWO, "[A] Ana [/A] conoció a Bob.", ["Ana", "markers_lost"]),
    (TWO, "[A] Ana conoció a [B] Bob [/B].", ["markers_lost", "Bob"]),  # unclosed
    (TWO, "[/A] Ana [A] conoció a [B] Bob [/B].", ["markers_lost", "Bob"]),  # turned round
    (TWO, "[A] Ana [/A] y [A] Ana [/A] y [B] Bob [/B]", ["markers_lost", "Bob"]),  # doubled
    (TWO, "[A] Ana [/A] conoció a [B] [/B].", ["Ana", "span_empty"]),
    (TWO, "[A] Ana [/A] conoció a Bob [B] . [/B]", ["Ana", "punctuation_only"]),
    (TWO, "【A】 Ana 【/A】 conoció a [B] Bob [/B].", ["markers_lost", "Bob"]),
    (TWO, "", ["markers_lost", "markers_lost"]),
    (TWO, "[A] Ana [B] conoció [/A] a Bob [/B]", ["Ana conoció", "conoció a Bob"]),
    (NESTED, "[A] Banco de [B] Cuba [/B] [/A]", ["Banco de Cuba", "Cuba"]),
    (NESTED, "[A] [B] Kuba [/B] Bankası [/A]", ["Kuba Bankası", "Kuba"]),
]


@pytest.mark.parametrize(("source", "received", "expected"), LETTERS)
def test_letters(source: Example, received: str, expected: list[str]) -> None:
    assert outcome(read_back(source, received)) == expected


@pytest.mark.parametrize(("source", "received", "expected"), LETTERS)
def test_xml_does_as_letters(source: Example, received: str, expected: list[str]) -> None:
    for letter in "AB":
        for mark in (f"[{letter}]", f"[/{letter}]"):
            tag = mark.replace("[", "<").replace("]", ">").lower()
            received = received.replace(mark, tag)
    assert outcome(read_back(source, received, style="xml")) == expected


def test_no_marker_is_left_in_the_text_whatever_came_back() -> None:
    for _, received, _ in LETTERS:
        text = read_back(TWO, received).target.texts[0]
        assert not any(mark in text for pair in PAIRS["letters"][:2] for mark in pair)


BRACKETS = [
    ("[ Ana ] conoció a [ Bob ].", ["Ana", "Bob"]),
    ("【Ana】遇见了《Bob》。", ["Ana", "Bob"]),
    ("[[ Ana ]] conoció a [ [ Bob ] ].", ["Ana", "Bob"]),
    ("[ Ana ] conoció a Bob.", ["markers_lost"] * 2),
    ("[ Ana ] y [ Eva ] y [ Bob ]", ["markers_lost"] * 2),
    ("[ Ana conoció a ] Bob [.", ["markers_lost"] * 2),
    ("] Ana [ conoció a [ Bob ]", ["markers_lost"] * 2),
    ("[ Ana [ Bob ] conoció ]", ["markers_lost"] * 2),
    ("[ ] conoció a [ Bob ]", ["span_empty", "Bob"]),
    ("[ , ] conoció a [ Bob ]", ["punctuation_only", "Bob"]),
]


@pytest.mark.parametrize(("received", "expected"), BRACKETS)
def test_brackets_of_one_type_go_by_order(received: str, expected: list[str]) -> None:
    assert outcome(read_back(TWO, received, style="brackets")) == expected


MIXED = example("Ana left Paris for IBM", ("Ana", "PER"), ("Paris", "LOC"), ("IBM", "ORG"))
MIXED_TYPES = [
    # marked, the entities alone, expected
    ("[ Ana ] a [ París ] e [ IBM ]", ("Ana", "París", "IBM"), ["Ana", "París", "IBM"]),
    ("De [ París ] a [ IBM ], [ Ana ]", ("Ana", "París", "IBM"), ["Ana", "París", "IBM"]),
    ("[ PARIS ] [ ana ] [ IBM ]", ("Ana", "París", "IBM"), ["ana", "PARIS", "IBM"]),  # as given
    ("[ Parísi ] [ Anna ] [ IBM ]", ("Ana", "París", "IBM"), ["Anna", "Parísi", "IBM"]),  # alike
    ("[ IBM ] [ Lutecia ] [ Ana ]", ("Ana", "París", "IBM"), ["Ana", "Lutecia", "IBM"]),  # rest
    ("[ x ] [ y ] [ IBM ]", ("Ana", "París", "IBM"), ["type_unknown"] * 2 + ["IBM"]),
    ("[ Ana ] [ París ]", ("Ana", "París", "IBM"), ["markers_lost"] * 3),
]


@pytest.mark.parametrize(("marked", "entities", "expected"), MIXED_TYPES)
def test_brackets_of_several_types_go_by_likeness(
    marked: str, entities: Sequence[str], expected: list[str]
) -> None:
    done = read_back(MIXED, marked, *entities, style="brackets")
    assert outcome(done) == expected
    labels = {0: "PER", 1: "LOC", 2: "ORG"}
    for p in done.placements:
        assert p.target is None or done.target.spans[p.target].label == labels[p.source]


def test_the_likest_is_taken_before_the_first() -> None:
    source = example("Paris Hilton in Paris", ("Paris Hilton", "PER"))
    source = Example("1", "eng", source.texts, (*source.spans, Span(16, 21, "LOC")))
    done = read_back(
        source, "En [ Paris ], [ Paris H. ]", "Paris Hilton", "Paris", style="brackets"
    )
    assert outcome(done) == ["Paris H.", "Paris"]


def test_what_is_left_of_one_type_goes_by_order() -> None:
    source = example("Xi, Li, IBM", ("Xi", "PER"), ("Li", "PER"), ("IBM", "ORG"))
    done = read_back(source, "[ 习 ], [ 李 ], [ IBM ]", "他", "她", "IBM", style="brackets")
    assert outcome(done) == ["习", "李", "IBM"]


def test_entities_are_sent_along_only_where_types_differ() -> None:
    brackets = Markers(style="brackets").build(ToyTools())
    assert brackets.prepare(TWO) == ("[ Ana ] met [ Bob ] .",)
    assert brackets.prepare(MIXED)[1:] == ("Ana", "Paris", "IBM")
    assert Markers(style="letters").build(ToyTools()).prepare(MIXED) == (
        "[A] Ana [/A] left [B] Paris [/B] for [C] IBM [/C]",
    )


def test_brackets_leave_nested_spans_out_and_say_so() -> None:
    done = read_back(NESTED, "[ Banco de Cuba ]", "Banco de Cuba", "Cuba", style="brackets")
    assert outcome(done) == ["Banco de Cuba", "not_markable"]


@pytest.mark.parametrize("style", ["letters", "xml"])
def test_more_spans_than_markers(style: Style) -> None:
    names = "a1 b2 c3 d4 e5 f6 g7 h8 i9 j10"
    source = example(names, *((name, "X") for name in names.split()))
    (done,) = stages.project(
        stages.translate([source], Echo(), Markers(style=style).build(ToyTools()), "spa"),
        Markers(style=style).build(ToyTools()),
    )
    assert outcome(done) == [*names.split()[:8], "not_markable", "not_markable"]


FULL = [
    ("[ [A] { [/A] } ⟨ Bob ⟩ ⟦ ]", "letters", "Bob"),  # [A] is the text's own: [B] is taken
    ("[x] ]] Bob [[ y", "brackets", "Bob"),  # curly ones are free
    ("[{⟨⟦ Bob ⟧⟩}]", "brackets", "not_markable"),
    (
        "".join(mark for pair in PAIRS["letters"] for mark in pair) + " Bob",
        "letters",
        "not_markable",
    ),
    ("<a></a> < > Bob </ b >", "xml", "Bob"),
]


@pytest.mark.parametrize(("text", "style", "expected"), FULL)
def test_texts_full_of_brackets(text: str, style: Style, expected: str) -> None:
    projector = Markers(style=style).build(ToyTools())
    source = example(text, ("Bob", "PER"))
    (done,) = stages.project(stages.translate([source], Echo(), projector, "spa"), projector)
    assert outcome(done) == [expected]
    assert "".join(done.target.texts[0].split()) == "".join(text.split())


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("text", ["[", "[]", "[A]", "[/A]", "<a>", "[[[]]]", "A", "a", "[A][/A]"])
def test_a_text_of_marker_characters_alone(text: str, style: Style) -> None:
    projector = Markers(style=style).build(ToyTools())
    source = Example("1", "eng", (text,), (Span(0, len(text), "X"),))
    (done,) = stages.project(stages.translate([source], Echo(), projector, "spa"), projector)
    assert "".join(done.target.texts[0].split()) == text
    assert outcome(done) == [done.target.texts[0]]


def test_auto_takes_the_markers_that_the_model_knows() -> None:
    assert Markers().build(ToyTools(native_markers=True)).style == "letters"
    assert Markers().build(ToyTools()).style == "brackets"
    assert Markers(style="xml").build(ToyTools(native_markers=True)).style == "xml"
    assert Markers(style="brackets").build(ToyTools()).marks == ["[", "]"]
    assert Markers(style="letters").build(ToyTools()).marks[:4] == ["[A]", "[/A]", "[B]", "[/B]"]


def test_the_method_names_the_style() -> None:
    assert read_back(TWO, "").placements[0].method == "markers:letters"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("words", [WORDS, WORDS + COLLISIONS], ids=["plain", "collisions"])
@settings(deadline=None)
@given(data=st.data())
def test_identity_gives_back_every_span_that_could_be_marked(
    style: Style, words: tuple[str, ...], data: st.DataObject
) -> None:
    source = data.draw(labelled(words, flat=style == "brackets"))
    projector = Markers(style=style).build(ToyTools())
    (done,) = stages.project(stages.translate([source], Echo(), projector, "spa"), projector)
    lost = {p.source: p.reason for p in done.placements if p.target is None}
    assert set(lost.values()) <= {"not_markable"}
    assert not lost or words is not WORDS
    marked = tuple(s for k, s in enumerate(source.spans) if k not in lost)
    assert covered(done.target) == covered(Example("1", "eng", source.texts, marked))
    for given_, made in zip(source.texts, done.target.texts, strict=True):
        assert "".join(made.split()) == "".join(given_.split())


PIECES = [
    *COLLISIONS,
    *(m for style in STYLES for p in PAIRS[style][:3] for m in p),
    " ",
    "x",
    "北",
]


@pytest.mark.parametrize("style", STYLES)
@settings(deadline=None)
@given(data=st.data())
def test_whatever_comes_back_spans_are_inside_the_text_or_lost_for_a_reason(
    style: Style, data: st.DataObject
) -> None:
    source = data.draw(labelled(WORDS + COLLISIONS, most=12))
    projector = Markers(style=style).build(ToyTools())
    sent = projector.prepare(source)
    received = tuple(
        Translation("".join(data.draw(st.lists(st.sampled_from(PIECES), max_size=14))))
        for _ in sent
    )
    target = Example("1", "spa", tuple(t.text for t in received[: len(source.texts)]))
    (done,) = stages.project([Unit(source, target, sent, received)], projector)
    known = {"not_markable", "markers_lost", "span_empty", "punctuation_only", "type_unknown"}
    assert all(p.target is not None or p.reason in known for p in done.placements)
    for p in done.placements:
        if p.target is not None:
            span, given_ = done.target.spans[p.target], source.spans[p.source]
            assert (span.label, span.text) == (given_.label, given_.text)
            assert done.target.covered(span).strip()
    assert len(done.target.spans) == sum(p.target is not None for p in done.placements)
