"""Spans as the engine's own tags: pieces, function words, and real sentences into close languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import example
from tests.projection.texts import COLLISIONS, WORDS, labelled
from tests.projection.toy_tools import ToyTools
from tests.toy_recipe import settings
from tests.translation.apertium_here import need
from xltpipe import stages
from xltpipe.errors import RecipeError
from xltpipe.projection import Tags
from xltpipe.recipe_file import parse
from xltpipe.translation import Apertium
from xltpipe.translation.tags import write
from xltpipe.types import Example, Span, Translation, Unit


def read_back(
    source: Example, *answers: tuple[str, list[tuple[str, int]]], to: str = "cat"
) -> Unit:
    """The unit after an engine gave back these texts, in which these stretches bear these tags."""
    projector = Tags().build(ToyTools(source="spa", target=to))
    received = []
    for text, tagged in answers:
        pieces, at = [], dict.fromkeys((id for _, id in tagged), 0)
        for covered, id in tagged:
            start = text.index(covered, at[id])
            at[id] = start + len(covered)
            pieces.append((start, start + len(covered), id))
        received.append(write(text, pieces))
    target = Example(source.id, to, tuple(received))
    unit = Unit(source, target, projector.prepare(source), tuple(map(Translation, received)))
    (done,) = stages.project([unit], projector)
    assert done.target.texts == tuple(text for text, _ in answers)
    return done


def outcome(done: Unit) -> list[str | None]:
    return [
        done.target.covered(done.target.spans[p.target]) if p.target is not None else p.reason
        for p in done.placements
    ]


def spa(text: str, *covered: str) -> Example:
    return example(text, *((c, "X") for c in covered), lang="spa")


GENEVA = spa("Vive en Ginebra.", "Ginebra")
HEALTH = spa("La Organización Mundial de la Salud.", "Organización Mundial de la Salud")
TWO = spa("Ana y Bob viven.", "Ana", "Bob")
CASES = [
    (GENEVA, "Viu a Ginebra.", [("Ginebra", 0)], ["Ginebra"], "tags"),
    (GENEVA, "Viu a Ginebra.", [("a Ginebra", 0)], ["Ginebra"], "tags"),
    (GENEVA, "Viu (a la Ginebra).", [("(a la Ginebra", 0)], ["Ginebra"], "tags"),
    (spa("Vive en La Haya.", "La Haya"), "Viu a l'Haia.", [("a l'Haia", 0)], ["l'Haia"], "tags"),
    (
        HEALTH,
        "L'Organització Mundial de la Salut.",
        [("L'Organització", 0), ("Mundial", 0), ("de la Salut", 0)],
        ["Organització Mundial de la Salut"],
        "tags",
    ),
    (
        HEALTH,
        "L'Organització Mundial de la Salut.",
        [("L'Organització Mundial", 0), ("Salut", 0)],
        ["Organització Mundial de la Salut"],
        "tags:joined",
    ),
    # a verb, or another span, lies between
    (HEALTH, "L'Organització és Salut.", [("L'Organització", 0), ("Salut", 0)], None, None),
    (
        HEALTH,
        "Organització viu Salut.",
        [("Organització", 0), ("Salut", 0)],
        ["discontinuous"],
        "tags",
    ),
    (
        HEALTH,
        "Organització, Salut.",
        [("Organització", 0), ("Salut", 0)],
        ["discontinuous"],
        "tags",
    ),
    # pieces that are function words alone do not count beside others
    (
        HEALTH,
        "De la viu Organització.",
        [("De la", 0), ("Organització", 0)],
        ["Organització"],
        "tags",
    ),
    (GENEVA, "Viu a.", [("a", 0)], ["span_empty"], "tags"),
    (GENEVA, "Viu, a.", [(",", 0)], ["punctuation_only"], "tags"),
    (GENEVA, "Viu.", [], ["tags_lost"], "tags"),
    (GENEVA, "", [], ["text_missing"], "tags"),
    (GENEVA, "Viu a Ginebra.", [], ["Ginebra"], "tags:copied"),
    (GENEVA, "Ginebra viu a Ginebra.", [], ["tags_lost"], "tags"),
    # marks at an edge bear no tag: the source span's own are taken in
    (spa("Leyó “Ana”.", "“Ana”"), "Va llegir “Ana”.", [("Ana", 0)], ["“Ana”"], "tags"),
    (spa("Leyó “Ana”.", "Ana"), "Va llegir “Ana”.", [("Ana", 0)], ["Ana"], "tags"),
    (spa("¡Compre Yahoo!", "Yahoo!"), "Compri Yahoo!", [("Yahoo", 0)], ["Yahoo!"], "tags"),
    # two spans apart, and what was fused of both
    (TWO, "Bob i Ana viuen.", [("Ana", 0), ("Bob", 1)], ["Ana", "Bob"], "tags"),
    (TWO, "Ana Bob viuen.", [("Ana Bob", 0), ("Bob", 1)], ["Ana", "Bob"], "tags"),
    (TWO, "Anabob viuen.", [("Anabob", 0), ("Anabob", 1)], ["Anabob", "overlap"], "tags"),
]


@pytest.mark.parametrize(("source", "text", "tagged", "expected", "method"), CASES)
def test_pieces(
    source: Example,
    text: str,
    tagged: list[tuple[str, int]],
    expected: list[str] | None,
    method: str | None,
) -> None:
    done = read_back(source, (text, tagged))
    if expected is None:  # "és" is a function word of Catalan: the pieces are joined over it
        assert done.placements[0].method == "tags:joined"
        return
    assert outcome(done) == expected
    assert done.placements[0].method == method


def test_nested_equal_and_overlapping_spans() -> None:
    spans = (Span(0, 13, "ORG"), Span(9, 13, "LOC"), Span(9, 13, "GPE"), Span(6, 13, "X"))
    source = Example("1", "spa", ("Banco de Cuba",), spans)
    done = read_back(
        source, ("Banc de Cuba", [("Banc de Cuba", 0), ("Cuba", 1), ("Cuba", 2), ("de Cuba", 3)])
    )
    assert outcome(done) == ["Banc de Cuba", "Cuba", "Cuba", "de Cuba"]


def test_spans_in_two_texts() -> None:
    source = Example(
        "1",
        "spa",
        ("¿Quién vive?", "Ana vive en Ginebra."),
        (Span(0, 3, "A", 1), Span(1, 6, "Q", 0)),
    )
    done = read_back(source, ("Qui viu?", [("Qui", 1)]), ("Anna viu.", [("Anna", 0)]))
    assert outcome(done) == ["Anna", "Qui"]
    assert [s.text for s in done.target.spans] == [0, 1]


def test_a_text_that_holds_a_tags_character_goes_without() -> None:
    source = spa("Vive\ufdd0 en Ginebra.", "Ginebra")
    assert Tags().sender(native_markers=False).prepare(source) == source.texts
    assert outcome(read_back(source, ("Viu\ufdd0 a Ginebra.", []))) == ["not_markable"]


@st.composite
def answers(draw: st.DrawFn, source: Example) -> list[str]:
    """Any texts with any pieces tagged with any ids, also such as were never given."""
    out = []
    for _ in source.texts:
        words = draw(st.lists(st.sampled_from((*WORDS, *COLLISIONS, "de", "la", "l'")), max_size=9))
        text = draw(st.sampled_from((" ", ""))).join(words)
        pieces = set()
        for id in draw(st.lists(st.integers(0, 7), max_size=6)) if text else []:
            start = draw(st.integers(0, len(text) - 1))
            end = draw(st.integers(start + 1, len(text)))
            if all(end <= a or b <= start for a, b, other in pieces if other == id):
                pieces.add((start, end, id))
        out.append(write(text, sorted(pieces)))
    return out


@given(st.data())
def test_every_span_is_inside_its_text_or_explained(data: st.DataObject) -> None:
    source = data.draw(labelled())
    projector = Tags().build(ToyTools(source="spa", target="cat"))
    received = tuple(map(Translation, data.draw(answers(source))))
    target = Example(source.id, "cat", tuple(t.text for t in received))
    unit = Unit(source, target, projector.prepare(source), received)
    (done,) = stages.project([unit], projector)  # checks that each span is placed or explained
    reasons = {p.reason for p in done.placements} - {None}
    assert reasons <= {
        *("tags_lost", "discontinuous", "span_empty", "punctuation_only", "overlap"),
        *("not_markable", "text_missing"),
    }
    for placement in done.placements:
        if placement.target is None:
            continue
        span, ours = done.target.spans[placement.target], source.spans[placement.source]
        assert done.target.covered(span).strip()  # Example checks that it lies inside
        assert (span.label, span.text) == (ours.label, ours.text)
    placed = [
        (source.spans[p.source], done.target.spans[p.target])
        for p in done.placements
        if p.target is not None
    ]
    for one, here in placed:
        for other, there in placed:
            apart = one.text == other.text and (one.end <= other.start or other.end <= one.start)
            if apart:
                assert here.end <= there.start or there.end <= here.start


# With the engine

SENTENCES = [
    ("glg", "Ayer Angela Merkel se reunió con Emmanuel Macron en Berlín.",
     ["Angela Merkel", "Emmanuel Macron", "Berlín"], ["Angela Merkel", "Emmanuel Macron", "Berlín"]),
    ("cat", "El Banco de España subió los tipos en Ginebra.",
     ["Banco de España", "Ginebra"], ["Banc d'Espanya", "Ginebra"]),
    ("cat", "La Organización Mundial de la Salud declaró una emergencia.",
     ["Organización Mundial de la Salud"], ["Organització Mundial de la Salut"]),
    ("por", "El Banco de España subió las tasas.", ["Banco de España"], ["Banco de Espanha"]),
    ("arg", "Barack Obama nació en Honolulu.", ["Barack Obama", "Honolulu"],
     ["Barack Obama", "Honolulu"]),
    ("ast", "El Banco de España vive en La Coruña.", ["Banco de España", "España"],
     ["Bancu d'España", "España"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "text", "spans", "expected"),
    [pytest.param(*row, marks=need(f"spa-{row[0]}")) for row in SENTENCES],
)
def test_real_sentences(target: str, text: str, spans: list[str], expected: list[str]) -> None:
    source = spa(text, *spans)
    projector = Tags().build(ToyTools(source="spa", target=target, native_tags=True))
    translator = Apertium().build("spa", target)
    (done,) = stages.project(stages.translate([source], translator, projector, target), projector)
    assert outcome(done) == expected


# Settings


@pytest.mark.parametrize(
    "projection",
    [
        {"kind": "tags"},
        {"kind": "chain", "methods": [{"projector": {"kind": k}} for k in ("tags", "aligned")]},
    ],
)
def test_engines_without_tags_are_refused_when_the_recipe_is_loaded(
    projection: dict[str, object],
) -> None:
    recipe = settings(projection=projection, translation={"kind": "ctranslate2"})
    with pytest.raises(
        RecipeError, match=r'"tags" needs an engine .*"aligned" or "markers"'
    ) as told:
        parse(recipe, Path("toy.toml"))
    assert "'ctranslate2'" in str(told.value)
    for engine in ({"kind": "apertium"}, {"kind": "copy"}):
        assert not parse(recipe | {"translation": engine}, Path("toy.toml")).projection.in_place


def test_tags_do_not_label_a_given_text() -> None:
    recipe = settings(strategies=["translate_test"], projection={"kind": "tags"})
    with pytest.raises(RecipeError, match="translate_test needs a projector that labels a given"):
        parse(recipe, Path("toy.toml"))


def test_what_the_run_lacks_is_met_before_it() -> None:
    with pytest.raises(RecipeError, match="needs an engine that carries tags"):
        Tags().meet(ToyTools())
    Tags().meet(ToyTools(native_tags=True))
