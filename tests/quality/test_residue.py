"""What markers, markup and encodings leave behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.quality.text_units import one, pair, units
from xltpipe.quality.residue import MARKS, MarkerResidue, Residue
from xltpipe.types import Unit


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
    assert one(MarkerResidue(), made) == expected


@given(made=units())
@settings(max_examples=200, deadline=None)
def test_marker_residue_is_what_counting_finds(made: Unit) -> None:
    given_, found = "".join(made.source.texts), "".join(made.target.texts)
    expected = sum(max(0, found.count(mark) - given_.count(mark)) for mark in MARKS)
    if made.sent[: len(made.source.texts)] == made.source.texts:
        expected = 0
    assert one(MarkerResidue(), made) == expected


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Fish & chips, 3 < 4 > 2", "Pescado & patatas, 3 < 4 > 2", 0),
        ("Fish & chips", "Pescado &amp; patatas", 1),
        ("Fish &amp; chips", "Pescado &amp; patatas", 0),
        ("He left", "Se <b>fue</b>", 2),
        ("He <b>left</b>", "Se <b>fue</b>", 0),
        ("He left", "Se fue<br/> &#39;ya&#x27;", 3),
        ("He left", "他走了<span class='x'>。", 1),
        ("I <3 you; AT&T", "Te <3; AT&T", 0),
    ],
)
def test_html(source: str, target: str, expected: int) -> None:
    assert one(Residue(), pair(source, target), "html") == expected


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("the year", "el aÃ±o", 1),
        ("the year", "el año", 0),
        ("he said", "él dijo â€œsíâ€\u009d", 2),
        ("he said", "él dijo “sí”, Â¿no?", 1),
        ("the aÃ±o", "el aÃ±o", 0),
        ("a man", "um irmão, SÃO “MANHÃ” e «Ã»", 0),
        ("a hole", "un agujer\ufffd", 1),
        ("a year", r"un a\u00f1o", 1),
        ("a path", r"una ruta C:\new", 0),
        ("Moscow", "Ð\u009cÐ¾ÑÐºÐ²Ð°", 2),
        ("été", "l’été", 0),
        ("smile", "sonríe ðŸ˜€", 1),
    ],
)
def test_mojibake(source: str, target: str, expected: int) -> None:
    assert one(Residue(), pair(source, target), "mojibake") == expected
