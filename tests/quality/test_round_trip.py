"""Round trip with the embedded model: what comes back, what counts, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
import pytest
from sacrebleu.metrics import CHRF

from tests.examples import example, unit
from tests.projection.toy_tools import ToyTools
from xltpipe import progress
from xltpipe.errors import RecipeError
from xltpipe.projection import Markers
from xltpipe.quality.batch import Batch
from xltpipe.quality.round_trip import COLUMN, Back, RoundTrip
from xltpipe.quality.settings import Quality
from xltpipe.quality.text_pairs import ByPair, Reading, Texts
from xltpipe.translation import Copy, CTranslate2
from xltpipe.types import Example, Translation, Unit

GOOD = [
    ("Where do you live?", "¿Dónde vives?"),
    ("I have a red car.", "Tengo un coche rojo."),
    ("She is reading a book.", "Ella está leyendo un libro."),
]


def rows(pairs: Sequence[Texts]) -> list[Unit]:
    return [unit(example(s, id=f"row {n}"), t) for n, (s, t) in enumerate(pairs)]


def scores(units: Sequence[Unit], **settings: object) -> list[float]:
    scorer = RoundTrip.model_validate(settings).build("eng", "spa")
    return list(scorer.score(Batch.of(units))[0])


def test_a_right_translation_comes_back_and_a_wrong_one_does_not() -> None:
    swapped = [(GOOD[0][0], GOOD[1][1]), (GOOD[1][0], GOOD[2][1]), (GOOD[2][0], GOOD[0][1])]
    right, wrong = scores(rows(GOOD)), scores(rows(swapped))
    assert min(right) > 60 > 30 > max(wrong)
    assert all(COLUMN.low <= score <= COLUMN.high for score in right + wrong)


def test_the_score_is_sacrebleus_of_the_text_translated_back() -> None:
    back = CTranslate2().build("spa", "eng").translate([t for _, t in GOOD], "spa", "eng")
    expected = [
        CHRF().sentence_score(one.text, [source]).score
        for one, (source, _) in zip(back, GOOD, strict=True)
    ]
    assert scores(rows(GOOD)) == expected


def test_alone_or_together_is_the_same() -> None:
    units = rows([*GOOD, *GOOD, ("Yes.", "No, nunca."), ("A cat", "")])
    alone = [scores([one])[0] for one in units]
    assert np.array_equal(scores(units), alone, equal_nan=True)


@pytest.mark.parametrize(
    ("pair", "expected"), [(("", "¿Qué?"), None), (("What?", "  "), None), (("a b", "a b"), 100.0)]
)
def test_blank_sides_have_no_score(pair: Texts, expected: float | None) -> None:
    (score,) = scores(rows([pair]), engine={"kind": "copy"})
    assert isnan(score) if expected is None else score == expected


def test_of_two_texts_the_lowest_counts_and_of_one_side_blank_the_other() -> None:
    def pair(source: tuple[str, str], target: tuple[str, str]) -> Unit:
        return Unit(Example("1", "eng", source), Example("1", "spa", target), source)

    copy = Copy().model_dump()
    both = pair(("one two", "three four"), ("one two", "unlike"))
    low = scores(rows([("three four", "unlike")]), engine=copy)
    assert scores([both], engine=copy) == low != [100.0]
    assert scores([pair(("one two", ""), ("one two", ""))], engine=copy) == [100.0]


def test_no_rows() -> None:
    assert scores([]) == []


class Recorded:
    """Notes what it is asked; gives it back, cut where it says so."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        assert (source, target) == ("spa", "eng")
        self.asked.append(list(texts))
        return [Translation(t, truncated="cut" in t) for t in texts]

    def round_trip(self, text: str, source: str, target: str) -> str:
        return text


def recorded() -> tuple[Recorded, ByPair]:
    engine = Recorded()
    return engine, ByPair(COLUMN, Back(engine, CHRF(), "eng", "spa"), "some were cut")


def test_each_text_goes_back_once_and_without_markers() -> None:
    source = example("Ann sings", ("Ann", "PER"), id="a")
    (sent,) = Markers().build(ToyTools()).prepare(source)
    assert sent != source.texts[0]
    marked = Unit(source, Example("a", "spa", ("Ana canta",)), (sent,), (Translation(sent),))
    engine, scorer = recorded()
    batch = Batch.of([marked, *rows([("x", "Ana canta"), ("Ann sings", "Ana canta")])])
    first = scorer.score(batch)
    assert engine.asked == [["Ana canta"]]
    assert np.array_equal(scorer.score(batch), first) and len(engine.asked) == 1


def test_what_was_cut_has_no_score_is_counted_once_and_said() -> None:
    _, scorer = recorded()
    progress.notes.clear()
    batch = Batch.of(rows([("a", "b"), ("cut", "cut"), ("c", "cut")]))
    for _ in range(2):
        assert list(np.isnan(scorer.score(batch)[0])) == [False, True, True]
    assert scorer.counts == {"round_trip_cut": 2}
    assert progress.notes == ["some were cut"]
    progress.notes.clear()


def test_the_embedded_engine_says_when_it_cuts() -> None:
    long = rows([("a house " * 30, "una casa " * 30)])
    cutting = {"kind": "ctranslate2", "max_input_tokens": 8, "long_texts": "truncate"}
    assert isnan(scores(long, engine=cutting)[0])
    progress.notes.clear()


class Broken:
    def read(self, pairs: Sequence[Texts]) -> list[Reading]:
        return [Reading(float("nan") if "bad" in s else 1.0) for s, _ in pairs]


def test_a_score_that_is_no_number_names_its_row() -> None:
    scorer = ByPair(COLUMN, Broken(), "")
    with pytest.raises(Exception, match=r"round_trip must be a finite number, was: nan .*'row 1'"):
        scorer.score(Batch.of(rows([("good", "a"), ("bad", "b"), ("good", "c")])))


def test_an_engine_that_does_not_know_the_way_back_is_refused() -> None:
    with pytest.raises(RecipeError, match="eng-spa"):
        RoundTrip().build("eng", "swa")


def test_settings_take_part_in_the_identity() -> None:
    quality = Quality(round_trip=RoundTrip())
    quality.check()
    assert quality.identity() != Quality().identity()
    other = Quality(round_trip=RoundTrip(engine=CTranslate2(beam=4)))
    assert quality.identity() != other.identity()
    threads = Quality(round_trip=RoundTrip(engine=CTranslate2(threads=2)))
    assert quality.identity() == threads.identity()
    assert "model!" in quality.identity()["round_trip"]["engine"]
