"""Fallback: each text gets the first answer that will do, and says why others were passed over."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pytest
from pydantic import ValidationError

from tests.translation.toy_engines import AWAY, Engine, Losing, Raising, named
from xltpipe import progress
from xltpipe.errors import DataError, MissingExtraError, RecipeError, TransientError
from xltpipe.protocols import Translator
from xltpipe.translation import Copy, CTranslate2, Fallback, Pivot, Transformers
from xltpipe.translation.fallback_chain import PATIENCE, FallbackTranslator, Link
from xltpipe.types import Translation

NOWHERE = "/no/such/model"


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    progress.notes.clear()
    yield
    progress.notes.clear()


def chain(*engines: Translator, least: float | None = None, pass_away: bool = True) -> Translator:
    links = [Link("abc"[place], engine) for place, engine in enumerate(engines)]
    return FallbackTranslator(links, least, pass_away=pass_away)


def ask(translator: Translator, *texts: str) -> list[Translation]:
    return translator.translate(texts, "eng", "spa")


def faulty(word: str, **fields: object) -> Engine:
    """Good but for texts that hold a word."""
    bad = {"text": "", **fields}
    return Engine(lambda t: Translation(**bad) if word in t else Translation(f"A {t}", -0.5))  # type: ignore[arg-type]


def test_only_what_the_first_cannot_do_goes_on() -> None:
    second = named("B")
    got = ask(chain(faulty("bad", fault="refused: no"), second), "one", "bad", "", "two")
    assert [one.text for one in got] == ["A one", "B bad", "A ", "A two"]
    assert [one.engine for one in got] == ["a", "b", "a", "a"]
    assert [one.passed_over for one in got] == [(), ("a: fault: refused: no",), (), ()]
    assert second.asked == ["bad"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"fault": "too_long: 900 tokens"}, "fault: too_long: 900 tokens"),
        ({"text": ""}, "empty"),
        ({"text": "half", "truncated": True}, "truncated"),
        ({"text": "x y x y x y x y"}, "repetition"),
        ({"text": "well", "score": -3.0}, "low_score: -3.00"),
        ({"text": "well", "score": math.nan}, "fault: score_not_finite: nan"),
    ],
)
def test_every_reason_passes_a_text_on(bad: dict[str, object], reason: str) -> None:
    (got,) = ask(chain(faulty("bad", **bad), named("B"), least=-2.0), "bad")
    assert (got.text, got.engine, got.passed_over) == ("B bad", "b", (f"a: {reason}",))


def test_lost_markers_pass_a_text_on() -> None:
    first = Engine(lambda t: Translation(t.replace("[/A] ", "") if "Ana" in t else t))
    got = ask(chain(first, named("B")), "[A] Ana [/A] left", "[A] Bob [/A] left")
    assert [one.engine for one in got] == ["b", "a"]
    assert got[0].passed_over == ("a: markers_lost: [/A]",)


def test_where_none_will_do_the_least_grave_is_kept_and_all_reasons() -> None:
    looping = Engine(lambda _: Translation("x y x y x y x y", -0.1))
    cut = Engine(lambda _: Translation("half", -9.0, truncated=True))
    refusing = Engine(lambda _: Translation("", fault="refused: no"))
    (got,) = ask(chain(refusing, looping, cut), "text")
    assert (got.text, got.engine) == ("half", "c")
    assert got.passed_over == ("a: fault: refused: no", "b: repetition", "c: truncated")
    (got,) = ask(chain(cut, cut), "text")
    assert got.engine == "a"
    (got,) = ask(chain(refusing, Engine(lambda _: Translation("", fault="too_long"))), "text")
    assert (got.text, got.fault, got.engine) == ("", "too_long", None)
    assert got.passed_over == ("a: fault: refused: no", "b: fault: too_long")


def test_an_engine_that_raises_loses_only_the_texts_it_raises_on() -> None:
    first = Raising("bad", ValueError("fell over"))
    got = ask(chain(first, named("B")), *[f"text {k}" for k in range(7)], "bad", "more")
    assert [one.engine for one in got] == [*"aaaaaaaba"]
    assert got[7].passed_over == ("a: fault: engine_failed: ValueError: fell over",)
    assert any("engine a failed on texts" in note for note in progress.notes)
    assert [one.text for one in got[:2]] == ["raised text 0", "raised text 1"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (Raising("", RuntimeError("dead")), "RuntimeError: dead"),
        (Losing(Translation), "DataError: Translator must give one result per input"),
    ],
)
def test_an_engine_that_always_fails_is_not_asked_for_every_text(broken: Engine, told: str) -> None:
    texts = [f"text {k}" for k in range(300)]
    got = ask(chain(broken, named("B")), *texts)
    assert [one.text for one in got] == [f"B {text}" for text in texts]
    assert all(told in one.passed_over[0] for one in got)
    if isinstance(broken, Raising):
        assert broken.calls < 4 * PATIENCE


def test_an_engine_that_is_away_is_passed_over_for_the_batch_and_told() -> None:
    away = Raising("", AWAY)
    got = ask(chain(away, named("B")), "one", "two")
    assert [one.engine for one in got] == ["b", "b"]
    assert got[0].passed_over == ("a: away: server does not answer",)
    assert any("engine a was away" in note for note in progress.notes)
    assert away.calls == 1
    assert ask(chain(away, named("B"))) == []


def test_a_chain_of_which_all_are_away_is_away_too() -> None:
    with pytest.raises(TransientError, match="does not answer"):
        ask(chain(Raising("", AWAY), Raising("", AWAY)), "one")
    with pytest.raises(TransientError, match="does not answer"):
        ask(chain(Raising("", AWAY), named("B"), pass_away=False), "one")


def test_a_wrong_recipe_is_not_passed_over_unless_the_engine_is_optional() -> None:
    wrong = Raising("", RecipeError("no such pair"))
    with pytest.raises(RecipeError, match="no such pair"):
        ask(chain(wrong, named("B")), "one")
    links = [Link("a", wrong, optional=True), Link("b", named("B"))]
    (got,) = ask(FallbackTranslator(links, None, pass_away=True), "one")
    assert got.passed_over == ("a: unusable: RecipeError: no such pair",)
    assert any("engine a was unusable" in note for note in progress.notes)


def test_stopping_is_not_a_fault_of_an_engine() -> None:
    with pytest.raises(progress.Stopped):
        ask(chain(Raising("", progress.Stopped("translate")), named("B")), "one")  # type: ignore[arg-type]


def test_progress_is_of_as_much_as_was_announced() -> None:
    class Bar:
        expected = done = 0

        def expect(self, step: str, rows: int) -> None:
            self.expected += rows

        def tick(self, step: str, rows: int) -> None:
            self.done += rows

    class Ticking(Engine):
        def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
            progress.tick("translate", len(texts))
            return super().translate(texts, source, target)

    bar = Bar()
    progress.listen(bar)
    try:
        progress.expect("translate", 3)
        bad = Ticking(lambda t: Translation("" if "bad" in t else t))
        ask(chain(Raising("", AWAY), bad, Ticking(Translation)), "one", "bad", "two")
    finally:
        progress.listen(None)
    assert bar.done == bar.expected == 4


# Settings


def fallback(*engines: object, **settings: object) -> Fallback:
    return Fallback.model_validate({"engines": list(engines), **settings})


COPY, LOCAL = {"kind": "copy"}, {"kind": "ctranslate2"}


def test_engines_are_named_by_kind_or_by_the_user() -> None:
    assert fallback(LOCAL, COPY).called == ("ctranslate2", "copy")
    twice = fallback(LOCAL, {**LOCAL, "beam": 4}, COPY)
    assert twice.called == ("ctranslate2#1", "ctranslate2#2", "copy")
    assert fallback(LOCAL, COPY, names=["small", "none"]).called == ("small", "none")
    assert fallback(LOCAL, COPY, names=["ctranslate2", "copy"]).identity() == (
        fallback(LOCAL, COPY).identity()
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"names": ["a"]}, "names must be one for each of the 2 engines"),
        ({"names": ["a", "a"]}, "all different, was: a, a"),
        ({"names": ["a: b", "c"]}, "should match pattern"),
        (
            {"optional": ["apertium"]},
            r"optional must be names of engines \(ctranslate2, copy\), wa",
        ),
        ({"optional": ["copy", "ctranslate2"]}, "must leave one engine that has to be there"),
        ({"min_score": 0.5}, "less than or equal to 0"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        fallback(LOCAL, COPY, **settings)
    with pytest.raises(ValidationError, match="at least 2 items"):
        fallback(COPY)


def test_incidental_settings_of_its_engines_stay_out_of_the_identity() -> None:
    one = fallback({**LOCAL, "threads": 1}, COPY)
    other = fallback({**LOCAL, "threads": 4, "batch_tokens": 99}, COPY)
    assert one.identity() == other.identity()
    assert one.identity() != fallback({**LOCAL, "beam": 5}, COPY).identity()
    assert one.identity() != fallback(LOCAL, COPY, min_score=-1).identity()
    assert "model!" in one.identity()["engines"][0]


def test_an_engine_that_is_not_there_is_missed_unless_it_is_optional() -> None:
    gone = {"kind": "ctranslate2", "model": NOWHERE}
    with pytest.raises(RecipeError, match="Model must be"):
        fallback(gone, COPY).build("eng", "spa")
    with pytest.raises(RecipeError, match="Model must be"):
        fallback(gone, COPY).identity()
    spec = fallback(gone, COPY, optional=["ctranslate2"])
    (got,) = spec.build("eng", "spa").translate(["one"], "eng", "spa")
    assert (got.text, got.engine, got.passed_over) == ("one", "copy", ())
    assert any("engine ctranslate2 is not in the chain" in note for note in progress.notes)
    there = fallback(LOCAL, COPY, optional=["ctranslate2"])
    assert spec.identity()["missing!"] == "ctranslate2"
    assert spec.identity() != there.identity()
    assert (spec.native_markers(), spec.aligning_model()) == (False, None)
    assert there.native_markers()


def test_an_extra_that_is_not_installed_is_missed_likewise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(_: Transformers) -> None:
        raise MissingExtraError('Package "torch" must be installed')

    monkeypatch.setattr(Transformers, "check", nothing)
    engines = ({"kind": "transformers", "model": NOWHERE}, COPY)
    with pytest.raises(MissingExtraError):
        fallback(*engines).check()
    spec = fallback(*engines, optional=["transformers"])
    spec.check()
    assert spec.build("eng", "spa").translate(["one"], "eng", "spa")[0].engine == "copy"


def test_markers_and_attention_are_those_of_the_first_that_has_them() -> None:
    assert fallback(LOCAL, COPY).native_markers()
    assert not fallback(COPY, LOCAL).native_markers()
    assert fallback(COPY, LOCAL).aligning_model() == CTranslate2().aligning_model()
    pivot = {"kind": "pivot", "through": "spa", "first": LOCAL, "second": COPY}
    assert fallback(pivot, COPY).aligning_model() is None
    built = fallback(LOCAL, COPY).build("eng", "spa")
    assert built.round_trip("[A] Ana [/A]", "eng", "spa") == "[A] Ana [/A]"
    losing = named("b")
    losing.round_trip = lambda text, *_: text.replace("[", "")  # type: ignore[method-assign]
    assert chain(named("a"), losing).round_trip("[A] Ana", "eng", "spa") == "A] Ana"


def test_real_engines_in_a_chain() -> None:
    texts = ["I have a dog.", "", "[A] Anna [/A] lives in [B] Berlin [/B].", "Where is Bob?"]
    plain = CTranslate2().build("eng", "spa").translate(texts, "eng", "spa")
    got = fallback(LOCAL, COPY).build("eng", "spa").translate(texts, "eng", "spa")
    assert [one.text for one in got] == [one.text for one in plain]
    assert {one.engine for one in got} == {"ctranslate2"}
    scores = sorted(one.score for one in plain if one.score is not None)
    strict = fallback(LOCAL, COPY, min_score=(scores[0] + scores[1]) / 2)
    got = strict.build("eng", "spa").translate(texts, "eng", "spa")
    (low,) = [k for k, one in enumerate(got) if one.engine == "copy"]
    assert got[low].text == texts[low]
    assert plain[low].score == pytest.approx(scores[0], abs=0.02)
    assert got[low].passed_over[0].startswith("ctranslate2: low_score: -")


def test_a_pivot_may_stand_in_a_chain() -> None:
    pivot = {"kind": "pivot", "through": "spa", "first": LOCAL, "second": COPY}
    spec = fallback(pivot, COPY)
    assert isinstance(spec.engines[0], Pivot)
    assert isinstance(spec.engines[1], Copy)
    (got,) = spec.build("eng", "glg").translate(["I have a dog."], "eng", "glg")
    assert (got.text, got.engine) == ("Tengo un perro.", "pivot")
    assert got.via is not None
    assert got.via.lang == "spa"


def test_too_little_memory_is_no_fault_of_a_text_and_no_engine_that_is_away() -> None:
    broken = Raising("zebra", MemoryError("std::bad_alloc"))
    with pytest.raises(TransientError, match="Machine must have enough memory"):
        chain(broken, named("b"), pass_away=True).translate(["a dog", "a zebra"], "eng", "spa")
    assert broken.calls == 1


def test_a_full_disk_is_no_fault_of_a_text() -> None:
    """An engine that cannot keep its answers is not asked again and again, for money."""
    engine, asked = named("a"), []

    def full(texts: Sequence[str], *_: str) -> list[Translation]:
        asked.append(len(texts))
        raise DataError("Answers must be kept before they are used, was: disk is full")

    engine.translate = full  # type: ignore[method-assign]
    with pytest.raises(DataError, match="disk is full"):
        chain(engine, named("b")).translate(["x"] * 100, "eng", "spa")
    assert asked == [100]
