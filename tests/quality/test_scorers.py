"""Scores as tables of cases in several scripts."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import pytest

from tests.examples import example, unit
from xltpipe.quality.rows import OfUnits as Scorer
from xltpipe.quality.case import SpanCase
from xltpipe.quality.scorers import (
    Copied,
    LengthRatio,
    MarkerResidue,
    SpansPlaced,
    TargetWords,
    Truncated,
    outside_spans,
)
from xltpipe.types import Example, Placement, Span, Translation, Unit


def score(scorer: Scorer, made: Unit) -> float:
    (value,) = scorer.score([made])
    return value


def pair(
    source: str, target: str, source_lang: str = "eng", target_lang: str = "spa", *names: str
) -> Unit:
    """A unit whose `names` are spans on both sides."""

    def labelled(text: str, lang: str) -> Example:
        return example(text, *((n, "X") for n in names if n in text), lang=lang)

    made = unit(labelled(source, source_lang), target, target_lang)
    return replace(made, target=labelled(target, target_lang))


@pytest.mark.parametrize(
    ("placed", "expected"),
    [([], 1.0), ([0], 1.0), ([0, None], 0.5), ([None, None], 0.0), ([None, 0, 1, None], 0.5)],
)
def test_spans_placed(placed: list[int | None], expected: float) -> None:
    placements = tuple(Placement(k, target, "m") for k, target in enumerate(placed))
    assert score(SpansPlaced(), replace(pair("a", "a"), placements=placements)) == expected


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Ana sings.", "Ana canta.", 2),
        ("Ana sings.", "", 0),
        ("Ana sings.", " . ", 0),
        ("?!", "?!", 2),
        ("", "algo", 0),
        ("I eat rice", "我吃米饭", 4),
        ("He left", "غادر", 1),
    ],
)
def test_target_words(source: str, target: str, expected: int) -> None:
    assert score(TargetWords(), pair(source, target)) == expected


def test_target_words_of_two_texts_are_those_of_the_shorter() -> None:
    source = Example("1", "eng", ("Who sings?", "Ana sings."))
    for texts, expected in [(("¿Quién canta?", ""), 0), (("¿Quién?", "Ana canta."), 1)]:
        assert score(TargetWords(), Unit(source, Example("1", "spa", texts))) == expected
    source = Example("1", "eng", ("Who sings?", ""))
    assert score(TargetWords(), Unit(source, Example("1", "spa", ("¿Quién canta?", "")))) == 2


LENGTHS = [
    # source, target, within the default limits
    ("Where does Fatima live?", "¿Dónde vive Fátima?", True),
    ("OK", "De acuerdo", True),
    ("Thank you very much for your help.", "非常感谢你的帮助。", True),
    ("She works for the government in Delhi.", "वह दिल्ली में सरकार के लिए काम करती है।", True),
    ("He lives in Cairo with his family.", "يعيش في القاهرة مع عائلته.", True),
    ("The meeting was postponed until Monday.", "会议推迟到周一。", True),
    ("He will come back tomorrow morning.", "내일 아침에 돌아올 거예요.", True),
    ("The meeting was postponed until Monday because of rain.", "Lunes.", False),
    ("She sings.", "Ella canta y canta y canta y canta y canta y canta y canta.", False),
    ("The meeting was postponed until Monday because of rain.", "", False),
]


@pytest.mark.parametrize(("source", "target", "holds"), LENGTHS)
def test_length_ratio(source: str, target: str, *, holds: bool) -> None:
    assert (1 / 3 <= score(LengthRatio(), pair(source, target)) <= 3) == holds


def test_length_ratio_counts_columns() -> None:
    assert score(LengthRatio(), pair("abcd", "北京")) == 1
    assert score(LengthRatio(), pair("cafe", "cafe\u0301")) == 1
    assert score(LengthRatio(), pair("x" * 12, "x" * 32)) == 2
    assert isnan(score(LengthRatio(), pair(" ", "x")))
    assert isnan(score(LengthRatio(), Unit(Example("1", "eng", ()), Example("1", "spa", ()))))


@pytest.mark.parametrize(
    ("source", "target", "names", "expected"),
    [
        ("the cat is here", "the cat is here", (), 1.0),
        ("The cat is here.", "the CAT is here !", (), 1.0),
        ("the cat is here", "el gato está aquí", (), 0.0),
        ("the cat is no more", "el gato no está", (), 0.25),
        ("Ana Ruiz met Bob", "Ana Ruiz conoció a Bob ayer", ("Ana Ruiz", "Bob"), 0.0),
        ("Ana Ruiz, IBM, 2024", "Ana Ruiz, IBM, 2024", ("Ana Ruiz", "IBM"), nan),
        ("12 34 56 78", "12 34 56 78", (), nan),
        ("so it is", "así es", (), nan),  # two words say nothing
        ("", "el gato está aquí", (), nan),
        ("王芳在北京工作", "王芳在北京工作", (), 1.0),
        ("यह एक किताब है", "यह एक किताब है", (), 1.0),
    ],
)
def test_copied(source: str, target: str, names: tuple[str, ...], expected: float) -> None:
    got = score(Copied(), pair(source, target, "eng", "spa", *names))
    assert got == pytest.approx(expected, nan_ok=True)


def test_truncated() -> None:
    made = pair("Ana sings", "Ana")
    assert score(Truncated(), made) == 0.0
    cut = (Translation("Ana"), Translation("x", truncated=True))
    assert score(Truncated(), replace(made, received=cut)) == 1.0
    assert score(Truncated(), replace(made, received=())) == 0.0


@pytest.mark.parametrize(
    ("source", "sent", "target", "expected"),
    [
        ("Ana sings", "[A] Ana [/A] sings", "Ana canta", 0),
        ("Ana sings", "[A] Ana [/A] sings", "[A Ana canta", 1),
        ("Ana sings", "[A] Ana [/A] sings", "Ana [B] canta 【】", 4),
        ("Ana [sic] sings", "Ana [sic] sings", "Ana [sic] canta", 0),
        ("Ana [sic] sings", "{ Ana } [sic] sings", "Ana [sic] canta", 0),
        ("Ana [sic] sings", "{ Ana } [sic] sings", "Ana [sic} canta]", 1),
        ("Ana reads War", "[A] Ana [/A] reads War", "Ana 读《战争》", 0),  # a title's marks
        ("Ana sings", "Ana sings", "Ana [canta]", 0),  # no marker was sent
    ],
)
def test_marker_residue(source: str, sent: str, target: str, expected: int) -> None:
    made = replace(pair(source, target), sent=(sent,))
    assert score(MarkerResidue(), made) == expected


def test_outside_spans() -> None:
    texts = ("Ana met Bob there", "in Rome")
    spans = (Span(8, 11, "P"), Span(0, 7, "P"), Span(4, 7, "V"), Span(3, 7, "L", 1))
    assert outside_spans(Example("1", "eng", texts, spans)).split() == ["there", "in"]


@pytest.mark.parametrize(
    ("lang", "source", "target", "expected"),
    [
        ("eng", "Elena", "le", 0.0),
        ("eng", "Elena", "Elena", 1.0),
        ("eng", "Paris", "パリ", nan),
        ("eng", "Cairo", "القاهرة", nan),
        ("eng", "Tbilisi", "თბილისი", nan),  # letters with capitals that nobody writes
        ("eng", "Moscow", "Москва", 1.0),
        ("eng", "iPhone", "iPhone", 1.0),
        ("eng", "food", "comida", nan),
        ("deu", "Essen", "comida", nan),
        ("eng", "YouTube", "youtube", 0.0),
        ("ell", "Αθήνα", "Atenas", 1.0),
    ],
)
def test_a_name_that_lost_its_capital_is_doubtful(
    lang: str, source: str, target: str, expected: float
) -> None:
    one = Unit(
        Example("1", lang, (source,), (Span(0, len(source), "PER"),)),
        Example("1", "spa", (target,), (Span(0, len(target), "PER"),)),
        placements=(Placement(0, 0, "aligned"),),
    )
    assert SpanCase().score([one]) == pytest.approx([expected], nan_ok=True)


def test_case_is_a_share_of_the_placed_spans() -> None:
    source = example("Ana Bob Eva rice", *((n, "X") for n in ("Ana", "Bob", "Eva", "rice")))
    target = example("Ana que arroz", *((n, "X") for n in ("Ana", "que", "arroz")))
    placed = [0, 1, None, 2]
    placements = tuple(Placement(k, target_, "m") for k, target_ in enumerate(placed))
    assert score(SpanCase(), Unit(source, target, placements=placements)) == 0.5
    assert isnan(score(SpanCase(), Unit(source, target)))
