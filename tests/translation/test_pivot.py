"""Pivot: two legs, one translation; what either lost is not lost from sight."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.translation.toy_engines import Engine, Losing, named
from xltpipe.errors import DataError, RecipeError
from xltpipe.protocols import Translator
from xltpipe.translation import Copy, CTranslate2, Pivot
from xltpipe.translation.pivot import PivotTranslator
from xltpipe.types import Leg, Translation

LOCAL = {"kind": "ctranslate2"}


def pivot(**changes: object) -> Pivot:
    settings = {"through": "spa", "first": LOCAL, "second": {"kind": "copy"}} | changes
    return Pivot.model_validate(settings)


def joined(first: Translator, second: Translator) -> Translator:
    return PivotTranslator(first, second, pivot())


def test_one_engine_is_asked_with_what_the_other_gave() -> None:
    first, second = named("es", score=-0.5, tokens_in=3, tokens_out=4), named("gl", tokens_out=6)
    got = joined(first, second).translate(["one", "two"], "eng", "glg")
    assert [one.text for one in got] == ["gl es one", "gl es two"]
    assert second.asked == ["es one", "es two"]
    assert got[0].via == Leg("spa", "es one", -0.5, 3, 4)
    assert (got[0].tokens_in, got[0].tokens_out) == (3, 10)
    assert joined(first, second).translate([], "eng", "glg") == []


@pytest.mark.parametrize(
    ("first", "second", "mean"),
    [
        ((-1.0, 4), (-2.0, 12), -1.75),
        ((-1.0, 4), (None, 12), -1.0),
        ((None, 4), (-2.0, 12), -2.0),
        ((None, 4), (None, 12), None),
        ((-1.0, 0), (-1.0, 0), None),
    ],
)
def test_the_score_is_the_mean_over_the_tokens_of_both_legs(
    first: tuple[float | None, int], second: tuple[float | None, int], mean: float | None
) -> None:
    legs = [named("x", score=score, tokens_out=tokens) for score, tokens in (first, second)]
    (got,) = joined(*legs).translate(["one"], "eng", "glg")
    assert got.score == mean


def test_what_either_leg_cut_or_could_not_do_is_told_with_the_leg() -> None:
    first = Engine(
        lambda t: (
            Translation("", fault="refused: no", tokens_in=2)
            if t == "bad"
            else Translation(t, truncated=t == "long")
        )
    )
    second = Engine(lambda t: Translation("", fault="too_long") if t == "worse" else Translation(t))
    bad, long, worse, good = joined(first, second).translate(
        ["bad", "long", "worse", "good"], "eng", "glg"
    )
    assert second.asked == ["long", "worse", "good"]
    assert (bad.text, bad.fault) == ("", "first_leg: eng-spa: refused: no")
    assert (bad.via, bad.tokens_in) == (None, 2)
    assert worse.fault == "second_leg: spa-glg: too_long"
    assert worse.via is not None
    assert worse.via.text == "worse"
    assert long.truncated
    assert long.via is not None
    assert long.via.truncated
    assert not good.truncated
    (cut,) = joined(named("x"), named("y", truncated=True)).translate(["one"], "eng", "glg")
    assert cut.truncated
    assert cut.via is not None
    assert not cut.via.truncated


@pytest.mark.parametrize(("place", "name"), [(0, "First"), (1, "Second")])
def test_a_leg_that_loses_a_text_is_caught(place: int, name: str) -> None:
    legs: list[Engine] = [named("x"), named("y")]
    legs[place] = Losing(Translation)
    with pytest.raises(DataError, match=rf"{name} leg of a pivot must give one result per input"):
        joined(*legs).translate(["one", "two"], "eng", "glg")


def test_english_to_spanish_and_back_by_the_real_engine() -> None:
    spec = Pivot.model_validate({"through": "es", "first": LOCAL, "second": LOCAL})
    there = CTranslate2().build("eng", "spa").translate(["I have a dog."], "eng", "spa")[0]
    back = CTranslate2().build("spa", "eng").translate([there.text], "spa", "eng")[0]
    legs = PivotTranslator(
        CTranslate2().build("eng", "spa"), CTranslate2().build("spa", "eng"), spec
    )
    (got,) = legs.translate(["I have a dog."], "eng", "eng")
    assert got.text == back.text == "I have a dog."
    assert got.via is not None
    assert got.via.text == there.text == "Tengo un perro."
    assert got.tokens_out == there.tokens_out + back.tokens_out


def test_markers_pass_through_both_legs() -> None:
    (got,) = pivot().build("eng", "glg").translate(["[A] Anna [/A] lives here."], "eng", "glg")
    assert got.text.count("[A]") == got.text.count("[/A]") == 1
    built = pivot().build("eng", "glg")
    assert built.round_trip("[A] Anna [/A]", "eng", "glg") == "[A] Anna [/A]"
    lossy = named("x")
    lossy.round_trip = lambda text, *_: text.replace("[", "")  # type: ignore[method-assign]
    assert joined(lossy, named("y")).round_trip("[A]", "eng", "glg") == "A]"
    assert joined(named("y"), lossy).round_trip("[A]", "eng", "glg") == "A]"
    assert pivot().native_markers()
    assert not pivot(first={"kind": "copy"}).native_markers()
    assert pivot().aligning_model() is None


def test_pairs_that_make_no_sense_or_that_a_leg_does_not_know_are_told() -> None:
    with pytest.raises(RecipeError, match="must go through a third language, was: spa between"):
        pivot().build("eng", "es")
    with pytest.raises(RecipeError, match="translates, was: deu-spa"):
        pivot().build("deu", "glg")
    with pytest.raises(RecipeError, match="must be a known code, was: 'xxx'"):
        pivot().build("eng", "xxx")
    with pytest.raises(ValidationError, match="must be a known code, was: 'nowhere'"):
        pivot(through="nowhere")
    with pytest.raises(ValidationError, match="first"):
        Pivot.model_validate({"through": "spa", "second": LOCAL})


def test_spellings_of_a_language_are_one_and_incidental_settings_none() -> None:
    assert pivot(through="es").identity() == pivot(through="spa_Latn").identity()
    assert pivot(through="zh-Hant").through == "zho_Hant"
    other = pivot(first={**LOCAL, "threads": 3, "batch_tokens": 7})
    assert other.identity() == pivot().identity()
    assert pivot(first={**LOCAL, "beam": 5}).identity() != pivot().identity()
    assert isinstance(pivot().second, Copy)
