"""Labels found by a language model behind a server, over real HTTP."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.examples import SCRIPTS, example, unit
from tests.llm_server import LOG_PROB, LlmServer, lookup, repeat, serving, shared
from tests.projection.texts import COLLISIONS, WORDS, covered, labelled
from tests.projection.toy_tools import ToyTools
from xltpipe.errors import DataError, RecipeError, TransientError
from xltpipe.projection.llm import Llm, LlmProjector
from xltpipe.projection.llm_answers import Found, find
from xltpipe.projection.llm_cells import Limits, candidates, cells, longest, pattern
from xltpipe.projection.llm_places import Claim, choose
from xltpipe.types import Example, Placement, Span, Unit

MODES = ("choice", "regex", "free")


def projector(server: LlmServer | str, **settings: object) -> LlmProjector:
    url = server if isinstance(server, str) else server.url
    return Llm(url=url, model="toy", **settings).build(ToyTools())


def got(done: Unit) -> list[tuple[str, str]]:
    return [(done.target.covered(s), s.label) for s in done.target.spans]


def placements(done: Unit) -> list[tuple[str, str | None]]:
    return [(p.method, p.reason) for p in done.placements]


ANA = unit(
    example("Ann went to the United Kingdom.", ("Ann", "PER"), ("United Kingdom", "LOC")),
    "Ana se fue al Reino Unido.",
)
ANA_RULE = lookup(Ann="Ana", United_Kingdom="Reino Unido")


@pytest.mark.parametrize("mode", MODES)
def test_places_what_the_model_says(mode: str) -> None:
    with serving(ANA_RULE) as server:
        done = projector(server, mode=mode).project([ANA])[0]
        assert got(done) == [("Ana", "PER"), ("Reino Unido", "LOC")]
        # three tokens: with choices all of them count, in a free answer their mean does
        tokens = 1 if mode == "free" else 3
        assert done.placements == (
            Placement(0, 0, f"llm:{mode}", pytest.approx(math.exp(LOG_PROB))),
            Placement(1, 1, f"llm:{mode}", pytest.approx(math.exp(LOG_PROB * tokens))),
        )
        assert done.target.texts == ANA.target.texts


def test_asks_with_the_texts_the_label_and_every_choice() -> None:
    meaning = {"PER": "the name of a person"}
    with serving(ANA_RULE) as server:
        asked = projector(server, descriptions=meaning, template_arguments={"think": False})
        asked.project([ANA])
        bodies = {b["messages"][0]["content"]: b for b in server.bodies("/chat/completions")}
        person, place = sorted(bodies, key=lambda prompt: "LOC" in prompt)
        assert person == (
            "Here is a text in English and its translation into Spanish.\n\n"
            "English: Ann went to the United Kingdom.\n\nSpanish: Ana se fue al Reino Unido.\n\n"
            "In the English text, this part is marked as the name of a person: Ann\n\n"
            "Which part of the Spanish text is its translation? Copy that part exactly as it "
            "stands there, and write nothing else."
        )
        assert "marked as LOC: United Kingdom\n" in place
        # 1 word of 7 for 7: two times that, and two to spare; the full stop is in none
        choices = bodies[person]["structured_outputs"]["choice"]
        assert len(choices) == 6 + 5 + 4 + 3 and choices[:2] == ["Ana", "Ana se"]
        assert not any("." in choice for choice in choices)
        assert bodies[person]["temperature"] == 0 and bodies[person]["seed"] == 0
        assert bodies[person]["chat_template_kwargs"] == {"think": False}


def test_a_template_of_ones_own_is_filled_once() -> None:
    given = unit(example("{target} is here", ("{target}", "X")), "{target} está aquí")
    with serving(lambda prompt, body: "{target}") as server:
        done = projector(server, prompt="{label}|{span}|{target}").project([given])[0]
        prompt = server.bodies("/chat/completions")[0]["messages"][0]["content"]
        assert prompt == "X|{target}|{target} está aquí"
        assert got(done) == [("{target}", "X")]


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("{span} {target} {nope}", r"must use fields out of .*{nope}"),
        ("{span}", "must hold {span}"),
    ],
)
def test_a_template_must_be_fillable(prompt: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Llm(url="http://h/v1", model="m", prompt=prompt)


def test_a_strict_server_can_only_be_asked_freely() -> None:
    with pytest.raises(ValidationError, match='mode must be "free" with dialect = "openai"'):
        Llm(url="http://h/v1", model="m", dialect="openai")
    with serving(ANA_RULE) as server:
        done = projector(server, dialect="openai", mode="free").project([ANA])[0]
        assert placements(done) == [("llm:free", None)] * 2


# Which occurrence


def test_two_of_the_same_keep_their_order() -> None:
    source = Example("1", "eng", ("Paris met Paris",), (Span(0, 5, "PER"), Span(10, 15, "LOC")))
    with serving(repeat) as server:
        done = projector(server).project([unit(source, "Paris vio a la de París: Paris")])[0]
        assert got(done) == [("Paris", "PER"), ("Paris", "LOC")]
        prompts = {b["messages"][0]["content"] for b in server.bodies("/chat/completions")}
        assert {"(occurrence 1 of 2)", "(occurrence 2 of 2)"} == {
            line[line.index("(") :] for p in prompts for line in p.splitlines() if "marked" in line
        }


def test_a_place_goes_once_and_the_loser_says_so() -> None:
    source = Example("1", "eng", ("Paris and Paris",), (Span(0, 5, "A"), Span(10, 15, "B")))
    with serving(repeat) as server:
        done = projector(server).project([unit(source, "Paris")])[0]
        assert placements(done) == [("llm:choice", None), ("llm", "overlap")]


def test_nested_spans_may_nest_in_the_target() -> None:
    source = Example("1", "eng", ("Bank of Spain",), (Span(0, 13, "ORG"), Span(8, 13, "LOC")))
    with serving(lookup(Bank_of_Spain="Banco de España", Spain="España")) as server:
        done = projector(server).project([unit(source, "el Banco de España")])[0]
        assert got(done) == [("Banco de España", "ORG"), ("España", "LOC")]


def claim(start: int, end: int, *places: tuple[int, int], score: float = 0.5) -> Claim:
    return Claim(Span(start, end, "X"), places, score)


@pytest.mark.parametrize(
    ("claims", "chosen"),
    [
        ([], []),
        # the nearer one, by relative place
        ([claim(80, 90, (0, 9), (70, 79))], [(70, 79)]),
        # twins keep their order, whatever the claims' order
        ([claim(60, 70, (0, 9), (20, 29)), claim(0, 9, (0, 9), (20, 29))], [(20, 29), (0, 9)]),
        # different spans may swap where there is no other way
        ([claim(0, 9, (50, 59)), claim(20, 29, (10, 19))], [(50, 59), (10, 19)]),
        # all are placed rather than one well
        ([claim(0, 9, (0, 9), (50, 59)), claim(20, 29, (0, 9))], [(50, 59), (0, 9)]),
        # where one must go, it is the less certain one
        ([claim(0, 9, (0, 9), score=0.3), claim(20, 29, (5, 12), score=0.6)], [None, (5, 12)]),
        # what overlaps in the source may do so in the target
        ([claim(0, 9, (0, 9)), claim(5, 9, (5, 12))], [(0, 9), (5, 12)]),
    ],
)
def test_places_are_chosen_together(claims: list, chosen: list) -> None:
    assert choose(claims, 100, 100) == chosen


def test_many_twins_are_matched_in_order() -> None:
    places = tuple((10 * k, 10 * k + 5) for k in range(12))
    claims = [claim(*place, *places) for place in places]
    assert choose(claims, 120, 120) == list(places)


# Free answers


@pytest.mark.parametrize(
    ("answer", "text", "how", "covered"),
    [
        ("Reino Unido", "el Reino Unido.", "exact", ["Reino Unido"]),
        (' "Reino Unido".\nBecause it is.', "el Reino Unido.", "exact", ["Reino Unido"]),
        ("a", "a b a", "exact", ["a", "a"]),
        ("REINO  UNIDO", "el Reino\nUnido.", "folded", ["Reino\nUnido"]),
        ("NASA123", "la ＮＡＳＡ１２３ va", "folded", ["ＮＡＳＡ１２３"]),
        ("caf\u00e9", "un cafe\u0301 solo", "folded", ["cafe\u0301"]),
        ("l'été", "c’est l’été ici", "folded", ["l’été"]),
        ("STRASSE", "die Straße da", "folded", ["Straße"]),
        ("Haus", "das Hausboot", "widened", ["Hausboot"]),
        ("北京", "王芳在北京工作。", "exact", ["北京"]),
        ("القاهرة", "زارت ليلى القاهرة أمس", "exact", ["القاهرة"]),
        ("Londres", "el Reino Unido", None, []),
        ("...", "el Reino Unido", None, []),
    ],
)
def test_an_answer_is_found_where_it_stands(
    answer: str, text: str, how: str | None, covered: list[str]
) -> None:
    found = find(answer, text, cells(Example("1", "x", (text,)), 0))
    places = [text[a:b] for a, b in found.places] if found else []
    assert (found.how if found else None, places) == (how, covered)


@given(st.lists(st.sampled_from((*WORDS, *COLLISIONS, "\n", "ß", "ΐ", "℡", "İ")), max_size=9))
def test_every_stretch_of_words_is_found_at_its_place(words: list[str]) -> None:
    text = " ".join(words)
    bounds = cells(Example("1", "x", (text,)), 0)
    for k, (start, _) in enumerate(bounds):
        for _, end in bounds[k : k + 3]:
            found = find(text[start:end], text, bounds)
            assert isinstance(found, Found)
            assert found.how == "exact" and (start, end) in found.places
            upper = find(text[start:end].upper(), text, bounds)
            assert upper is not None


@pytest.mark.parametrize(
    ("answer", "target", "reason"),
    [
        ("", "Ana se fue.", "no_answer"),
        ("Eva", "Ana se fue.", "not_in_text"),
        (".", "Ana se fue.", "punctuation_only"),
        ("Ana se fue con Eva", "Ana se fue con Eva y Luis.", "answer_too_long"),
        ("Eva " * 60, "Ana se fue.", "answer_truncated"),
    ],
)
def test_a_free_answer_that_is_of_no_use_has_its_reason(
    answer: str, target: str, reason: str
) -> None:
    given = unit(example("Ann went away .", ("Ann", "PER")), target)
    with serving(lambda prompt, body: answer) as server:
        done = projector(server, mode="free", ratio=0.1, retries=1).project([given])[0]
        assert placements(done) == [("llm", reason)] and done.target.spans == ()
        assert len(server.requests) == 2


def test_a_free_answer_is_asked_for_again_with_other_seeds() -> None:
    def third(prompt: str, body: dict) -> str:
        return "Ana" if body["seed"] == 9 else "Eva"

    given = unit(example("Ann went away .", ("Ann", "PER")), "Ana se fue.")
    with serving(third) as server:
        done = projector(server, mode="free", seed=7, temperature=0.3).project([given, given])
        assert [placements(one) for one in done] == [[("llm:free", None)]] * 2
        tries = [(b["temperature"], b["seed"]) for b in server.bodies("/chat/completions")]
        assert tries == [(0.0, 7)] * 2 + [(0.3, 8)] * 2 + [(0.3, 9)] * 2


def test_says_how_a_free_answer_was_found() -> None:
    given = unit(example("Ann saw a house", ("Ann", "PER"), ("house", "OBJ")), "ANA: Hausboot")
    with serving(lookup(Ann="Ana", house="Haus")) as server:
        done = projector(server, mode="free").project([given])[0]
        assert placements(done) == [("llm:free:folded", None), ("llm:free:widened", None)]
        assert got(done) == [("ANA", "PER"), ("Hausboot", "OBJ")]


# Choices


def test_too_many_choices_become_a_pattern_and_that_a_free_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(ANA_RULE) as server:
        done = projector(server, most_choices=18).project([ANA])[0]
        assert placements(done) == [("llm:choice", None), ("llm:regex", None)]
        assert got(done) == [("Ana", "PER"), ("Reino Unido", "LOC")]
        monkeypatch.setattr("xltpipe.projection.llm_tasks.LONGEST_PATTERN", 10)
        done = projector(server, most_choices=18).project([ANA])[0]
        assert placements(done) == [("llm:choice", None), ("llm:free", None)]


def test_choices_and_pattern_are_the_same_stretches() -> None:
    text = "Yahoo! (x.y)  va\na «Río» [hoy]"
    bounds = cells(Example("1", "x", (text,)), 0)
    for within in [Limits(3, False, False), Limits(2, True, False), Limits(4, False, True)]:
        options = candidates(text, bounds, within, 999)
        assert options
        held = re.compile(pattern(text, bounds, within))
        assert all(held.fullmatch(option) for option in options)
        parts = {
            " ".join(text[a:b].split()) for a in range(len(text)) for b in range(a, len(text) + 1)
        }
        assert {part for part in parts if held.fullmatch(part)} == set(options)
        assert all(text[a:b].split() == o.split() for o, ps in options.items() for a, b in ps)
        assert max(len(o.encode()) for o in options) <= longest(text, bounds, within)
        assert candidates(text, bounds, within, len(options) - 1) is None


def test_punctuation_at_an_edge_is_offered_where_the_source_has_it() -> None:
    given = unit(example("I use Yahoo! daily", ("Yahoo!", "ORG")), "Uso Yahoo! a diario.")
    with serving(repeat) as server:
        assert got(projector(server).project([given])[0]) == [("Yahoo!", "ORG")]


@pytest.mark.parametrize("mode", ["choice", "regex"])
def test_a_server_that_ignores_the_choices_is_found_out(mode: str) -> None:
    told = r"structured_outputs, was: 'Of course: Ana'.*0\.12"
    with (
        serving(lambda prompt, body: "Of course: Ana", honours=False) as server,
        pytest.raises(RecipeError, match=told),
    ):
        projector(server, mode=mode).project([ANA])


def test_a_truncated_choice_is_a_lost_span() -> None:
    class Cut(LlmServer):
        def chat(self, body: dict) -> dict:
            return super().chat({**body, "max_completion_tokens": 1})

    server = Cut(ANA_RULE)
    try:
        done = projector(server).project([ANA])[0]
        # "Reino" is a choice, too, but not the one that the model was about to make
        assert placements(done) == [("llm:choice", None), ("llm", "answer_truncated")]
    finally:
        server.stop()


def test_without_log_probabilities_there_is_no_score() -> None:
    with serving(ANA_RULE) as server:
        server.tells_log_probs = False
        assert {p.score for p in projector(server).project([ANA])[0].placements} == {None}


@pytest.mark.parametrize(
    ("target", "reason"),
    [("", "text_missing"), ("  ", "text_missing"), ("...", "punctuation_only")],
)
def test_what_cannot_be_asked_is_not(target: str, reason: str) -> None:
    with serving() as server:
        done = projector(server).project([unit(example("Ann .", ("Ann", "PER")), target)])[0]
        assert placements(done) == [("llm", reason)] and server.requests == []


# Units


def test_spans_of_several_texts_are_asked_for_with_their_own() -> None:
    source = Example("1", "eng", ("Who?", "Ann did"), (Span(0, 3, "Q", 0), Span(0, 3, "A", 1)))
    target = Example("1", "spa", ("¿Quién?", "Ana fue"))
    with serving(lookup(Who="Quién", Ann="Ana")) as server:
        done = projector(server).project([Unit(source, target)])[0]
        assert [(s.text, done.target.covered(s)) for s in done.target.spans] == [
            (0, "Quién"),
            (1, "Ana"),
        ]
        short = replace(target, texts=("¿Quién?",))
        done = projector(server).project([Unit(source, short)])[0]
        assert placements(done) == [("llm:choice", None), ("llm", "text_missing")]


def test_nothing_to_ask_asks_nothing() -> None:
    with serving() as server:
        empty = unit(Example("1", "eng", ("Hi",)), "Hola")
        assert projector(server).project([]) == []
        assert projector(server).project([empty])[0].placements == ()
        assert projector(server).prepare(ANA.source) == ANA.source.texts
        assert server.requests == []


def test_the_words_the_data_gave_are_bounds_too() -> None:
    source = example("the doc's", ("doc", "X"))
    given = Unit(source, Example("1", "x", ("waseJamani",), tokens=((0, 4), (4, 10))))
    with serving(lookup(doc="Jamani")) as server:
        assert got(projector(server).project([given])[0]) == [("Jamani", "X")]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("given", SCRIPTS, ids=lambda e: e.texts[0][:9])
def test_scripts_round_trip(given: Example, mode: str) -> None:
    done = projector(shared(), mode=mode).project([unit(given, given.texts[0])])[0]
    assert done.target.spans == given.spans


@pytest.mark.parametrize("mode", MODES)
def test_identical_texts_round_trip_whatever_the_batch(mode: str) -> None:
    @given(st.lists(labelled(words=(*WORDS, *COLLISIONS)), min_size=1, max_size=4))
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def check(examples: list[Example]) -> None:
        units = [Unit(e, replace(e, spans=())) for e in examples]
        asked = projector(shared(), mode=mode)
        done = asked.project(units)
        assert done == [asked.project([one])[0] for one in units]
        for e, one in zip(examples, done, strict=True):
            assert [p.reason for p in one.placements] == [None] * len(e.spans)
            assert one.target.texts == e.texts
            assert covered(one.target) == covered(e)

    check()


# Trouble


def test_trouble_with_the_server_is_no_lost_span() -> None:
    with serving(ANA_RULE) as server:
        server.faults.extend([503, 503])
        server.retry_after = "0"
        assert len(projector(server).project([ANA])[0].target.spans) == 2
        server.faults.extend([500] * 2)
        with pytest.raises(TransientError, match="must answer, was: 500"):
            projector(server, attempts=1).project([ANA])
        server.faults.clear()
        server.context = 20
        with pytest.raises(DataError, match="must fit into the context"):
            projector(server).project([ANA])


def test_the_address_is_not_part_of_the_result() -> None:
    here, there = (Llm(url=f"http://{host}/v1", model="toy") for host in ("a", "b"))
    assert here.identity() == there.identity()
    assert {"model", "prompt", "mode", "seed", "template_arguments"} <= here.identity().keys()
    assert here.aligners() == () and here.in_place and here.marking is None
    assert here.identity() != replace_spec(here, mode="free").identity()


def replace_spec(spec: Llm, **changes: object) -> Llm:
    return Llm.model_validate({**spec.model_dump(), **changes})
