"""What stands under target spans: tables of cases in several scripts, and slow references."""

from __future__ import annotations

import unicodedata
from math import isnan, nan

import pytest

from tests.quality.span_units import alone, at_random, check_independence, columns, linked
from xltpipe.quality.batch import Batch
from xltpipe.quality.residue import MARKS
from xltpipe.quality.span_text import FEW, SpanCase, SpanText, origin
from xltpipe.types import Example, Placement, Span, Unit


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Ana", "Ana", 0),
        ("Ana", "—", 1),
        ("Ana", " ", 1),
        ("€", "$", 0),  # nothing but a sign before either
        ("ليلى", "،", 1),
        ("王芳", "。", 1),
        ("सीता", "ी", 1),  # a mark alone
        ("five", "五", 0),
        ("Ⅳ", "Ⅳ", 0),
        ("half", "½", 0),
        ("smile", "🙂", 1),
    ],
)
def test_empty(source: str, target: str, expected: int) -> None:
    assert alone(SpanText(), linked(source, target, (source, target)))["span_empty"] == expected


def test_spans_of_no_known_source_may_be_empty_too() -> None:
    unit = Unit(
        Example("1", "eng", ("x",)),
        Example("1", "spa", (". a",), (Span(0, 1, "X"), Span(2, 3, "X"))),
    )
    assert alone(SpanText(), unit)["span_empty"] == 1


@pytest.mark.parametrize(
    ("source", "target", "sent", "expected"),
    [
        ("Ana", "[Ana", "[A] Ana [/A]", 1),
        ("Ana", "[A Ana [/", "[A] Ana [/A]", 2),
        ("Ana [x]", "Ana [x]", "{Ana [x]}", 0),
        ("Ana [x]", "Ana", "{Ana [x]}", 0),
        ("Ana", "[Ana", None, 0),  # no marker was sent
        ("王芳", "【Wang", "[A] 王芳 [/A]", 1),
    ],
)
def test_residue(source: str, target: str, sent: str | None, expected: int) -> None:
    unit = linked(source, target, (source, target), sent=sent)
    assert alone(SpanText(), unit)["span_residue"] == expected


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("Ana", "Ana")], 1.0),
        ([("abcd", "abcdabcdabcd")], 2.0),
        ([("abcdabcdabcd", "abcd")], 2.0),
        ([("abcd", "北京")], 1.0),  # wide characters fill two columns
        ([("cafe", "cafe\u0301")], 1.0),
        ([("Ana", "Ana"), ("abcd", "abcdefghijkl")], 2.0),  # the worst one
        ([("abcd", None), ("Ana", "Ana")], 1.0),
        ([("abcd", None)], nan),
        ([], nan),
    ],
)
def test_length(pairs: list[tuple[str, str | None]], expected: float) -> None:
    unit = linked(
        " ".join(one for one, _ in pairs), " | ".join(other or "" for _, other in pairs), *pairs
    )
    assert alone(SpanText(), unit)["span_length"] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("Ana", "Ana")], 1.0),
        ([("ANA", "Ana")], 1.0),
        ([("Ana", "Ana"), ("Rome", "Roma")], 0.5),
        ([("Rome", "Roma"), ("Paris", None)], 0.0),
        ([("Москва", "МОСКВА")], 1.0),
        ([("北京", "北京")], 1.0),
        ([("İzmir", "Izmir")], 0.0),
    ],
)
def test_copied(pairs: list[tuple[str, str | None]], expected: float) -> None:
    unit = linked(" ".join(a for a, _ in pairs), " ".join(b for _, b in pairs if b), *pairs)
    assert alone(SpanText(), unit)["span_copied"] == expected


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
    unit = linked(source, target, (source, target), langs=(lang, "spa"))
    assert alone(SpanCase(), unit)["span_case"] == pytest.approx(expected, nan_ok=True)


def test_case_is_a_share_of_the_placed_spans() -> None:
    names = (("Ana", "Ana"), ("Bob", "que"), ("Eva", None), ("rice", "arroz"))
    unit = linked("Ana Bob Eva rice", "Ana que arroz", *names)
    assert alone(SpanCase(), unit)["span_case"] == 0.5
    assert isnan(alone(SpanCase(), linked("Ana", "Ana"))["span_case"])


def test_origin() -> None:
    unit = linked("Ana Bob", "Bob Ana", ("Ana", "Bob"), ("Bob", "Ana"))
    batch = Batch.of([linked("Eva", "Eva"), unit, unit])
    assert origin(batch).tolist() == [0, 1, 2, 3]


def _width(text: str) -> int:
    """Columns, character by character."""
    out = 0
    for c in text:
        if unicodedata.category(c) not in {"Mn", "Me", "Cf"}:
            out += 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return out


def _small(text: str) -> str:
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _slow(unit: Unit) -> dict[str, float]:
    placed = [
        (
            unit.source.covered(unit.source.spans[p.source]),
            unit.target.covered(unit.target.spans[p.target]),
        )
        for p in unit.placements
        if p.target is not None
    ]
    come = {p.target: p.source for p in unit.placements if p.target is not None}
    empty = residue = 0
    for k, span in enumerate(unit.target.spans):
        given = unit.source.covered(unit.source.spans[come[k]]) if k in come else ""
        text = unit.target.covered(span)
        alnum = any(map(str.isalnum, given)) or k not in come
        empty += not any(map(str.isalnum, text)) and alnum
        residue += max(0, sum(map(text.count, MARKS)) - sum(map(given.count, MARKS)))
    sizes = [(_width(a) + FEW, _width(b) + FEW) for a, b in placed]
    return {
        "span_empty": empty,
        "span_residue": residue if unit.sent != unit.source.texts else 0,
        "span_length": max((max(a / b, b / a) for a, b in sizes), default=nan),
        "span_copied": (
            sum(_small(a) == _small(b) for a, b in placed) / len(placed) if placed else nan
        ),
    }


def test_as_the_slow_way() -> None:
    units = at_random(400, seed=2)
    found = columns(SpanText(), units)
    for n, unit in enumerate(units):
        for name, value in _slow(unit).items():
            assert found[name][n] == pytest.approx(value, nan_ok=True), (name, unit)


@pytest.mark.parametrize("scorer", [SpanText(), SpanCase()])
def test_each_row_is_scored_alone(scorer: SpanText | SpanCase) -> None:
    check_independence(scorer, at_random(60, seed=1))


def test_a_placement_may_cross_texts() -> None:
    """Spans of the second text are those of its characters, not of the first's."""
    unit = Unit(
        Example("1", "eng", ("Who?", "Ana"), (Span(0, 3, "X", 1),)),
        Example("1", "spa", ("¿Quién?", "Ana"), (Span(0, 3, "X", 1),)),
        placements=(Placement(0, 0, "m"),),
    )
    assert alone(SpanText(), unit)["span_copied"] == 1
