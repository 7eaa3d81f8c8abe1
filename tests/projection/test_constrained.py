"""Constrained decoding: exact whatever the search, never a lost span without a reason."""

import json
import random
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from pydantic import ValidationError

from tests.projection.toy_tools import ToyTools
from xltpipe.errors import RecipeError
from xltpipe.projection.constrained import Constrained, OpeningFilter
from xltpipe.projection.constrained_backends import Texts
from xltpipe.projection.constrained_pieces import Cutter
from xltpipe.projection.constrained_problem import Problem, Tally
from xltpipe.projection.constrained_projector import ConstrainedProjector
from xltpipe.text import split_spaces, tokenise
from xltpipe.translation.description import describe
from xltpipe.translation.models import find_model
from xltpipe.types import Example, Span, Unit, Words

MODEL = find_model("embedded")
TOLERANCE = 1e-2  # scores of two engines; two places closer than this may change ranks

WHO = [("My brother", "Mi hermano"), ("Anna Keller", "Anna Keller"), ("The nurse", "La enfermera")]
DOES = [("bought", "compró"), ("forgot", "olvidó"), ("is looking for", "está buscando")]
WHAT = [("a red car", "un coche rojo"), ("the old keys", "las llaves viejas"), ("ham", "jamón")]
WHERE = [("in Lisbon", "en Lisboa"), ("at the Kaufmann hotel", "en el hotel Kaufmann"), ("", "")]


def bitext(count: int) -> list[tuple[str, str, tuple[str, ...]]]:
    """Sentences of our own, their translations, and the phrases that are spans."""
    every = list(product(WHO, DOES, WHAT, WHERE))
    random.Random(7).shuffle(every)
    out = []
    for k in range(count):
        parts = every[k % len(every)]
        tail = "" if k < len(every) else f" {k}"
        source, target = (" ".join(p[side] for p in parts if p[side]) for side in (0, 1))
        phrases = tuple(p[0] for p in (parts[0], parts[2], parts[3]) if p[0])
        out.append((f"{source}{tail}.", f"{target}{tail}.", phrases))
    return out


def unit(source: str, target: str, phrases, **kwargs) -> Unit:
    spans = tuple(
        Span(source.index(p), source.index(p) + len(p), f"T{k}") for k, p in enumerate(phrases)
    )
    return Unit(Example("1", "eng", (source,), spans), Example("1", "spa", (target,)), **kwargs)


def project(units, tools=None, **settings) -> list[Unit]:
    return projector(tools, **settings).project(units)


def projector(tools=None, **settings) -> ConstrainedProjector:
    return Constrained(**settings).build(tools or ToyTools(model=MODEL))


def covered(done: Unit) -> list[str | None]:
    """What each source span became, or its reason."""
    return [
        p.reason if p.target is None else done.target.covered(done.target.spans[p.target])
        for p in done.placements
    ]


def solutions(settings: dict, units: list[Unit], count: int):
    made = projector(**settings)
    problems = [made._problem(u, span) for u in units for span in u.source.spans]
    return made._backend.solve(problems, count)


def same(found, expected) -> bool:
    """The same places, but for ranks of scores closer than two engines agree."""
    mine, theirs = found.candidates, expected.candidates
    if len(mine) != len(theirs):
        return False
    close = all(abs(a.score - b.score) < TOLERANCE for a, b in zip(mine, theirs, strict=True))
    gap = theirs[0].score - theirs[1].score if len(theirs) > 1 else 1.0
    first = (mine[0].first, mine[0].last) == (theirs[0].first, theirs[0].last)
    return close and (first or gap < TOLERANCE)


def test_both_searches_find_what_the_engine_finds_scoring_every_place():
    units = [unit(*row) for row in bitext(3)]
    brute = solutions({"backend": "ctranslate2"}, units, 3)
    for search in ("exhaustive", "branch_and_bound"):
        found = solutions({"search": search}, units, 3)
        assert [same(a, b) for a, b in zip(found, brute, strict=True)] == [True] * len(brute)


def test_both_searches_agree_on_forty_sentences():
    units = [unit(source, target, phrases[1:2]) for source, target, phrases in bitext(40)]
    every, best_first = (
        solutions({"search": search}, units, 2) for search in ("exhaustive", "branch_and_bound")
    )
    assert len(every) == 40
    for a, b in zip(every, best_first, strict=True):
        assert [(c.first, c.last) for c in a.candidates] == [
            (c.first, c.last) for c in b.candidates
        ]


@pytest.mark.slow
def test_exact_on_two_hundred_sentences():
    units = [unit(*row) for row in bitext(200)]
    brute = solutions({"backend": "ctranslate2"}, units, 5)
    for search in ("exhaustive", "branch_and_bound"):
        found = solutions({"search": search}, units, 5)
        assert all(same(a, b) for a, b in zip(found, brute, strict=True))


def test_spans_are_carried_over_in_both_directions():
    row = ("Anna Keller bought ham in Lisbon.", "Anna Keller compró jamón en Lisboa.")
    (there,) = project([unit(*row, ("Anna Keller", "ham", "Lisbon"))])
    assert covered(there) == ["Anna Keller", "jamón", "Lisboa"]
    assert all(0 < p.score <= 1 and p.method == "constrained" for p in there.placements)
    back = unit(row[1], row[0], ("Anna Keller", "jamón", "Lisboa"))
    (here,) = project([back], ToyTools(model=MODEL, source="spa", target="eng"))
    assert covered(here) == ["Anna Keller", "ham", "Lisbon"]
    assert here.target.texts == (row[0],)


def test_results_do_not_depend_on_the_batch():
    units = [unit(*row) for row in bitext(6)]
    made = projector()
    assert made.project(units) == [made.project([one])[0] for one in units]
    assert made.project([]) == []


def test_equal_names_get_places_of_their_own():
    source, target = "Lisbon is Lisbon.", "Lisboa es Lisboa."
    spans = (Span(0, 6, "L"), Span(10, 16, "L"))
    given = Unit(Example("1", "eng", (source,), spans), Example("1", "spa", (target,)))
    (done,) = project([given])
    assert [(s.start, s.end) for s in done.target.spans] == [(0, 6), (10, 16)]


def test_more_spans_than_words_leaves_a_reason():
    source = "Good evening."
    spans = (Span(0, 4, "A"), Span(5, 12, "B"), Span(12, 13, "C"))
    given = Unit(Example("1", "eng", (source,), spans), Example("1", "spa", ("Hola",)))
    (done,) = project([given])
    assert len(done.placements) == 3
    assert [p.reason for p in done.placements].count("overlap") == 2


def test_nested_spans_may_stay_nested():
    source, target = "The University of Porto is old.", "La Universidad de Oporto es antigua."
    (done,) = project([unit(source, target, ("University of Porto", "Porto"))])
    assert covered(done) == ["Universidad de Oporto", "Oporto"]


@pytest.mark.parametrize(
    ("source", "target", "phrases", "reasons"),
    [
        ("Ham.", "", ("Ham",), ["text_missing"]),
        ("Ham.", "  \n", ("Ham",), ["text_missing"]),
        ("ham " * 300, "jamón", ("ham",), ["too_long"]),
        ("ham", "jamón " * 300, ("ham",), ["too_long"]),
        ("ham", "jamón " * 101, ("ham",), ["too_long"]),  # over max_words, though it would fit
        ("[A] [B] [C] [D] [E] [F] [G] [H] ham", "jamón", ("ham",), ["not_markable"]),
    ],
)
def test_what_cannot_be_placed_has_a_reason(source, target, phrases, reasons):
    made = projector()
    (done,) = made.project([unit(source, target, phrases)])
    assert covered(done) == reasons
    assert done.target.spans == ()
    assert made.tally.lost == {reasons[0]: 1}


def test_several_texts_and_texts_without_counterpart():
    spans = (Span(0, 3, "A"), Span(4, 10, "B", 1), Span(0, 2, "C", 2))
    source = Example("1", "eng", ("Ham is good.", "The Lisbon tram.", "No!"), spans)
    target = Example("1", "spa", ("El jamón es bueno.", "El tranvía de Lisboa."))
    (done,) = project([Unit(source, target)])
    assert covered(done)[1:] == ["Lisboa", "text_missing"]
    assert [s.text for s in done.target.spans] == [0, 1]
    bare = replace(source, spans=())
    assert project([Unit(bare, target)])[0].placements == ()


def test_a_text_with_markers_of_its_own_gets_others():
    (done,) = project([unit("[A] Buy ham in [/A] Lisbon", "[A] Compra jamón [/A]", ("ham",))])
    assert covered(done) == ["jamón"]
    assert done.target.texts == ("[A] Compra jamón [/A]",)


WEIRD = [
    "¿Dónde está el Ｃafé №5?",
    "El   café\u00a0—“caro”— ¡cuesta 1½ €!",
    "مرحبا بالعالم",
    "สวัสดีชาวโลก",
    "东京 tower 🗼👩‍👩‍👧",
    "ﬁn ﬃ ǅ İstanbul e\u0301tude",
    "नमस्ते दुनिया",
    "a\u200bb \ufeffc",
    "☃ ☃☃",
]


@pytest.mark.parametrize("text", WEIRD)
@pytest.mark.parametrize("cut_by", [tokenise, lambda text: Words(text, split_spaces(text))])
def test_places_of_words_lie_between_the_tokens_of_the_whole_text(text, cut_by):
    words = cut_by(text)
    cut = Cutter(MODEL, describe(MODEL)).cut(words)
    assert cut.starts[0] == 0
    assert max(cut.ends.values()) == len(cut.tokens)
    assert list(cut.starts.values()) == sorted(cut.starts.values())
    assert list(cut.ends.values()) == sorted(cut.ends.values())
    for word, start in cut.starts.items():
        if word in cut.ends:
            assert start < cut.ends[word]
        if word - 1 in cut.ends:
            assert cut.ends[word - 1] <= start


@pytest.mark.parametrize("text", WEIRD)
def test_weird_texts_are_never_altered(text):
    given = unit("Look at this now", text, ("this",))
    (done,) = project([given])
    assert done.target.texts == (text,)
    assert covered(done) == ["punctuation_only"] or done.target.covered(done.target.spans[0])


def test_words_of_the_data_decide_the_places():
    given = unit("I live in Lisbon.", "Vivo en Lisboa.", ("Lisbon",))
    assert covered(project([given])[0]) == ["Lisboa"]
    tokens = split_spaces(given.target.texts[0])
    (done,) = project([replace(given, target=replace(given.target, tokens=tokens))])
    (span,) = done.target.spans
    assert span.start in {start for start, _ in tokens}
    assert span.end in {end for _, end in tokens}


def test_a_cap_on_length_is_kept_and_counted():
    made = projector(max_ratio=1)
    (done,) = made.project(
        [unit("My old brother bought ham.", "Mi hermano viejo compró jamón.", ("ham",))]
    )
    assert covered(done) == ["jamón"]
    assert (made.tally.pairs, made.tally.capped) == (6, 15)


@pytest.mark.parametrize(
    "settings", [{"look_ahead": 0}, {"look_ahead": 5}, {"opening_filter": OpeningFilter()}]
)
def test_heuristics_save_work_and_an_audit_counts_their_misses(settings):
    units = [unit(*row) for row in bitext(4)]
    exact, quick = projector(), projector(**settings)
    audited = projector(**settings, audit=1.0)
    true = exact.project(units)
    quick.project(units)
    assert quick.tally.closed < exact.tally.closed
    assert quick.tally.audited == 0
    assert audited.project(units) == true
    assert audited.tally.audited == audited.tally.spans
    assert 0 <= audited.tally.miss_rate <= 1


def test_a_filter_that_removes_the_best_opening_is_seen_to_miss():
    never = OpeningFilter(high=0.0, low=3.0, window=100)
    made = projector(opening_filter=never, audit=1.0)
    made.project([unit(*row) for row in bitext(4)])
    assert made.tally.missed > 0


def test_a_filter_that_leaves_no_pair_is_as_if_there_were_none(monkeypatch):
    """Such as an opening whose only closings lie inside a token or are too far away."""
    (row,) = bitext(1)
    made = projector(opening_filter=OpeningFilter())
    (problem,) = (made._problem(unit(*row), s) for s in unit(*row).source.spans[:1])
    ready = made._backend.framing.ready(problem)
    closings = {k: v for k, v in ready.closings.items() if k}  # the first word has no end
    ready = replace(ready, closings=closings, longest=1)
    monkeypatch.setattr(made._backend.framing, "ready", lambda _: ready)
    first = [k == 0 for k in ready.openings]
    monkeypatch.setattr(made._backend, "_likely", lambda *_: np.array(first))
    (solution,) = made._backend.solve([problem], 1)
    assert solution.candidates[0].first > 0


@pytest.mark.parametrize("rerank", ["translate_train", "translate_test"])
def test_candidates_are_read_backwards(rerank):
    row = ("Anna Keller bought ham in Lisbon.", "Anna Keller compró jamón en Lisboa.")
    (done,) = project([unit(*row, ("Anna Keller", "Lisbon"))], rerank=rerank)
    assert covered(done) == ["Anna Keller", "Lisboa"]


def test_junk_is_refused_for_training_data():
    (done,) = project([unit("The ham.", "Xq zzz", ("ham",))], rerank="translate_train")
    assert covered(done) == ["below_floor"]


def test_reading_backwards_needs_the_other_direction(tmp_path):
    for file in MODEL.iterdir():
        (tmp_path / file.name).symlink_to(file)
    said = json.loads((MODEL / "xltpipe.json").read_bytes())
    (tmp_path / "xltpipe.json").unlink()
    (tmp_path / "xltpipe.json").write_text(json.dumps(said | {"directions": [["eng", "spa"]]}))
    tools = ToyTools(model=tmp_path)
    Constrained().build(tools)
    with pytest.raises(RecipeError, match=r'spa-eng.*rerank = "off"'):
        Constrained(rerank="translate_test").build(tools)


def test_a_model_is_needed_and_one_may_be_named():
    with pytest.raises(RecipeError, match="must have a CTranslate2 model"):
        Constrained().build(ToyTools())
    named = Constrained(model="embedded")
    assert named.build(ToyTools()).project([]) == []
    assert set(named.fingerprint()) == {"model"}
    assert "model" not in named.identity()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"audit": 0.5}, "heuristic"),
        ({"backend": "ctranslate2", "look_ahead": 1}, "shared"),
        ({"backend": "vllm"}, "server"),
        ({"server": {"url": "http://localhost:1/v1", "model": "m"}}, "server"),
    ],
)
def test_settings_that_contradict_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        Constrained(**settings)


def test_a_server_is_named_by_its_settings_and_not_asked_before_it_is_needed():
    spec = Constrained(backend="vllm", server={"url": "http://localhost:1/v1", "model": "m"})
    made = spec.build(ToyTools())
    assert isinstance(made._backend, Texts)
    assert made.project([]) == []
    assert spec.identity()["server"]["model"] == "m"
    assert "url" not in spec.identity()["server"]


@dataclass
class WordByWord:
    """A scorer of texts: each marked word costs nothing if it translates a marked word."""

    dictionary: dict[str, str]
    calls: int = 0

    def score(self, pairs):
        self.calls += 1
        return [-float(self._cost(*pair)) for pair in pairs]

    def _cost(self, source: str, target: str) -> int:
        inside = [set(text.split("[ ")[1].split(" ]")[0].split()) for text in (source, target)]
        wanted = {self.dictionary[word] for word in inside[0]}
        return len(wanted ^ inside[1])


def test_texts_are_scored_in_every_place_by_any_scorer():
    scorer = WordByWord({"old": "viejo", "car": "coche"})
    backend = Texts(scorer, Tally())
    source, target = "the old car, sold", "el coche viejo, vendido"
    problem = Problem(source, Span(4, 11, "X"), tokenise(target), ("[", "]"), 5)
    assert problem.marked == "the [ old car ] , sold"
    once, twice = backend.solve([problem, problem], 2)
    assert once == twice
    best = once.candidates[0]
    assert (best.first, best.last, best.score) == (1, 2, 0.0)
    assert once.candidates[1].score < 0
    assert (scorer.calls, backend.tally.scored) == (1, 30)
    assert backend.solve([], 2) == []
