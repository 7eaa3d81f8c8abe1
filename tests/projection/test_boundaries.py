"""Rules of placing, one table each: what a span takes in, leaves out, and gets back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.examples import LinkedWords, example, unit
from tests.projection.toy_tools import ToyTools
from xltpipe.projection import Aligned
from xltpipe.types import Example, Unit

Links = Sequence[tuple[int, int]]


def project(
    source: Example, target: str, links: Links, lang: str = "spa", **settings: object
) -> Unit:
    spec = Aligned.model_validate(settings)
    tools = ToyTools(LinkedWords(links), target=lang)
    (done,) = spec.build(tools).project([unit(source, target, lang)])
    return done


def outcomes(done: Unit) -> list[str | None]:
    return [
        done.target.covered(done.target.spans[p.target]) if p.target is not None else p.reason
        for p in done.placements
    ]


Row = tuple[str, str, str, Links, str]

COMPLETED: list[Row] = [
    # source, span, target, links, expected
    ("The waiter left", "The waiter", "El camarero se fue", [(0, 0), (1, 1)], "El camarero"),
    ("lobster soup here", "lobster soup", "sopa de langosta aquí", [(1, 0)], "sopa de langosta"),
    ("mashed potatoes !", "mashed potatoes", "puré de patatas !", [(1, 2)], "puré de patatas"),
    (
        "wine list here",
        "wine list",
        "carta de vinos aquí",
        [(0, 2), (1, 2), (2, 3)],
        "carta de vinos",
    ),
    # linked to a function word for want of anything better
    ("tuna salad here", "tuna salad", "ensalada de atún", [(0, 1), (1, 0)], "ensalada de atún"),
    ("Fish tires me", "Fish", "El pescado cansa", [(0, 0)], "pescado"),
    # nothing is missing: nothing is taken in
    ("soup is hot", "soup", "sopa caliente", [(0, 0)], "sopa"),
    # the neighbour is linked to a word outside
    ("tuna salad hot", "tuna salad", "ensalada caliente", [(1, 0), (2, 1)], "ensalada"),
    # the missing word stands elsewhere
    (
        "tuna salad",
        "tuna salad",
        "ensalada rica con atún",
        [(0, 3), (1, 0)],
        "ensalada rica con atún",
    ),
    # an acronym spelled out takes capitals only
    ("the UN said", "UN", "las Naciones Unidas dijeron", [(1, 1)], "Naciones Unidas"),
    ("the UN said", "UN", "la ONU Grande dijo", [(1, 1)], "ONU"),
]


@pytest.mark.parametrize(("source", "span", "target", "links", "expected"), COMPLETED)
def test_words_without_a_link_complete_a_span(
    source: str, span: str, target: str, links: Links, expected: str
) -> None:
    done = project(example(source, (span, "X")), target, links)
    assert outcomes(done) == [expected]


def test_completion_can_be_switched_off() -> None:
    source = example("lobster soup here", ("lobster soup", "X"))
    done = project(source, "sopa de langosta", [(1, 0)], without=["completion"])
    assert outcomes(done) == ["sopa"]


ARTICLES: list[tuple[str, str, str, Links, dict[str, object], str]] = [
    ("Service was fine", "Service", "El servicio fue bueno", [(0, 0), (0, 1)], {}, "servicio"),
    ("the anthem rang", "the anthem", "sonó el himno", [(0, 1), (1, 2)], {}, "el himno"),
    ("the anthem rang", "the anthem", "sonó el himno", [(1, 2)], {}, "el himno"),
    ("the anthem rang", "anthem", "sonó el himno", [(0, 1), (1, 2)], {}, "himno"),
    ("He likes El Cid", "El Cid", "Le gusta El Cid", [(2, 2), (3, 3)], {}, "El Cid"),
    (
        "Students came",
        "Students",
        "los estudiantes",
        [(0, 1)],
        {"determiners": "inside"},
        "los estudiantes",
    ),
    ("the anthem", "the anthem", "el himno", [(0, 0), (1, 1)], {"determiners": "outside"}, "himno"),
    ("His patents", "His patents", "sus patentes", [(0, 0), (1, 1)], {}, "sus patentes"),
    ("of the city", "the city", "del pueblo", [(0, 0), (1, 0), (2, 1)], {}, "del pueblo"),
]


@pytest.mark.parametrize(("source", "span", "target", "links", "settings", "expected"), ARTICLES)
def test_articles_follow_the_policy(
    source: str, span: str, target: str, links: Links, settings: dict[str, object], expected: str
) -> None:
    done = project(example(source, (span, "X")), target, links, **settings)
    assert outcomes(done) == [expected]


def test_a_language_without_data_has_no_articles() -> None:
    done = project(example("Service was", ("Service", "X")), "El servicio", [(0, 0), (0, 1)], "xho")
    assert outcomes(done) == ["El servicio"]


CLAUSES: list[Row] = [
    # the article that English did not have, at the head of a clause
    (
        "Treatment was well tolerated by all .",
        "Treatment was well tolerated by all .",
        "El tratamiento fue bien tolerado por todos .",
        [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)],
        "El tratamiento fue bien tolerado por todos .",
    ),
    (
        "Pain fell , and survival in both groups was nearly similar .",
        "survival in both groups was nearly similar .",
        "El dolor bajó, y la supervivencia en ambos fue parecida.",
        [(0, 1), (1, 2), (4, 5), (5, 6), (6, 7), (8, 8), (10, 9)],
        "la supervivencia en ambos fue parecida.",
    ),
    # unlinked words up to the comma
    (
        "Despite slow healing of wounds , he left .",
        "Despite slow healing of wounds ,",
        "A pesar de la lenta curación, se fue .",
        [(0, 1), (1, 4), (2, 5)],
        "A pesar de la lenta curación,",
    ),
    # the bracket that was opened inside
    (
        "Survival rose in both groups ( P = 1 )",
        "Survival rose in both groups ( P = 1 )",
        "La supervivencia aumentó en ambos ( P = 1 ) .",
        [(0, 1), (1, 2), (2, 3), (3, 4), (6, 6), (7, 7), (8, 8)],
        "La supervivencia aumentó en ambos ( P = 1 )",
    ),
]


@pytest.mark.parametrize(("source", "span", "target", "links", "expected"), CLAUSES)
def test_the_edges_of_a_clause_go_to_punctuation(
    source: str, span: str, target: str, links: Links, expected: str
) -> None:
    done = project(example(source, (span, "X")), target, links)
    assert outcomes(done) == [expected]


def test_a_long_name_is_no_clause() -> None:
    name = "Vice President of Football Operations and General Manager"
    links = [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7)]
    target = "Vicepresidente Primero de Operaciones Futbolísticas y Gerente General es ."
    done = project(example(f"{name} .", (name, "X")), target, links)
    assert outcomes(done) == [
        "Vicepresidente Primero de Operaciones Futbolísticas y Gerente General"
    ]


MARKS: list[Row] = [
    (
        'he said "no way" then',
        '"no way"',
        "dijo «ni hablar» luego",
        [(3, 2), (4, 3)],
        "«ni hablar»",
    ),
    ("I use Yahoo! now", "Yahoo!", "Uso Yahoo! ahora", [(2, 1)], "Yahoo!"),
    ("Stop!! Now", "Stop!", "¡Alto!! Ya", [(0, 1)], "Alto!"),
    ("at 3 ( or 4 ) pm", "3 ( or 4 )", "a las 3 ( o 4 ) pm", [(1, 2), (3, 4), (4, 5)], "3 ( o 4 )"),
    ("in 北京。 now", "北京。", "en Pekín. ya", [(1, 1), (2, 1)], "Pekín."),
    ("since the 1990s", "1990s", "seit den 90er Jahren", [(2, 2)], "90er"),
]


@pytest.mark.parametrize(("source", "span", "target", "links", "expected"), MARKS)
def test_marks_follow_the_source(
    source: str, span: str, target: str, links: Links, expected: str
) -> None:
    done = project(example(source, (span, "X")), target, links)
    assert outcomes(done) == [expected]


MISLEADING: list[Row] = [
    # a number stands for itself
    ("at age 39 he won", "39", "ganó a los 39 años", [(2, 0)], "39"),
    # two numbers of a kind, in their order
    ("7 then 7", "7", "7 y luego 7", [(0, 3), (2, 0)], "7"),
    # one word, two groups of targets far apart: the one that is its own
    (
        "servers amaze us",
        "servers",
        "los camareros nunca aburren",
        [(0, 1), (0, 3), (1, 3)],
        "camareros",
    ),
    ("Barroso is back", "Barroso", "Barroso ha regresado", [(0, 0), (0, 2)], "Barroso"),
    # a name without a link that is spelled alike
    ("Kraków rises", "Kraków", "crece Kraków", [(1, 0)], "Kraków"),
    # a function word is no evidence for a noun
    ("drinks cost", "drinks", "bebidas son caras", [(0, 0), (0, 1)], "bebidas"),
]


@pytest.mark.parametrize(("source", "span", "target", "links", "expected"), MISLEADING)
def test_misleading_links_are_set_aside(
    source: str, span: str, target: str, links: Links, expected: str
) -> None:
    done = project(example(source, (span, "X")), target, links)
    assert outcomes(done) == [expected]


def test_german_names_end_in_no_verb() -> None:
    source = example("the Irish Seas were planned", ("Irish Seas", "LOC"))
    links = [(1, 2), (2, 3), (2, 4)]
    target = "für die Irische See vorgemerkt"
    assert outcomes(project(source, target, links, "deu")) == ["Irische See"]
    kept = project(source, target, links, "deu", without=["capitals", "completion"])
    assert outcomes(kept) == ["Irische See vorgemerkt"]


def test_a_span_without_links_is_found_by_its_own_words_and_says_so() -> None:
    text = "U2 and the U2"
    source = example(text, ("U2 and", "X"))
    done = project(source, "con U2 and mucho", [], without=["copies", "numbers"])
    assert outcomes(done) == ["U2 and"]
    assert done.placements[0].method == "aligned:copied"
    assert done.placements[0].score == 0.5
    assert outcomes(project(source, "con U2 and mucho", [], without=ALL_COPIES)) == ["no_alignment"]


ALL_COPIES = ["copies", "numbers", "recovery"]


def test_equal_names_without_links_are_given_out_one_each() -> None:
    source = example("Bo x", ("Bo", "A"))
    twice = Example("1", "eng", ("Bo, Bo",), (*source.spans, source.spans[0].__class__(4, 6, "B")))
    done = project(twice, "Bo y Bo", [])
    assert [(s.start, s.label) for s in done.target.spans] == [(0, "A"), (5, "B")]
    assert {p.method for p in done.placements} == {"aligned:copied"}


def test_a_span_whose_place_is_taken_turns_to_its_other_links() -> None:
    source = example("The steak and the tuna", ("steak", "A"), ("tuna", "B"))
    done = project(source, "El filete y el atún", [(1, 1), (4, 1), (4, 4)])
    assert outcomes(done) == ["filete", "atún"]


def test_chinese_characters_are_not_counted_as_words() -> None:
    source = example("王芳在北京", ("北京", "LOC"))
    assert outcomes(project(source, "Wang en Pekín ahora", [(3, 2)])) == ["Pekín"]
    company = example("the company grew", ("company", "ORG"))
    assert outcomes(project(company, "公司成长", [(1, 0), (1, 1), (2, 3)], "zho")) == ["公司"]
