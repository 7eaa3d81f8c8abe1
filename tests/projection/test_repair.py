"""Repair: what engines make of markers, and what the text still tells."""

from __future__ import annotations

import pytest

from tests.examples import example
from tests.projection.test_markers import MIXED, TWO, outcome, read_back
from xltpipe.projection.markup import PAIRS, Style
from xltpipe.projection.repair import respell
from xltpipe.types import Example

LONG = example("the old fish market burned.", ("the old fish market", "LOC"))

SPELLINGS = [
    ("letters", "[ A ] Ana [ /A ] vio a [b] Bob [/b].", "[A] Ana [/A] vio a [B] Bob [/B]."),
    ("letters", "［Ａ］ Ana ［／Ａ］", "[A] Ana [/A]"),
    ("letters", "【A】 Ana 【/A】", "[A] Ana [/A]"),
    ("letters", "[C] is nobody's", "[C] is nobody's"),  # was not sent
    ("xml", "<A> Ana </ A>", "<a> Ana </a>"),
    ("xml", "&lt;a&gt; Ana &lt;/a&gt;", "<a> Ana </a>"),
    ("xml", "＜a＞ Ana ＜/a＞", "<a> Ana </a>"),
    ("brackets", "［ Ana ］", "［ Ana ］"),  # done by normalise
]


@pytest.mark.parametrize(("style", "given", "expected"), SPELLINGS)
def test_spelling_is_put_right(style: Style, given: str, expected: str) -> None:
    assert respell(given, style, PAIRS[style][:2], "Ana saw Bob.") == expected


def test_what_the_source_writes_so_is_its_own() -> None:
    assert respell("nota [a] y [A] Ana [/A]", "letters", [("[A]", "[/A]")], "note [a]") == (
        "nota [a] y [A] Ana [/A]"
    )


BROKEN: list[tuple[Example, str, list[str], list[str]]] = [
    (TWO, "[A] Ana conoció a [B] Bob [/B].", ["Ana", "Bob"], ["repaired", ""]),
    (TWO, "Ana [/A] conoció a [B] Bob.", ["Ana", "Bob"], ["repaired", "repaired"]),
    (TWO, "[/A] Ana [A] y [B] Bob [/B]", ["Ana", "Bob"], ["repaired", ""]),
    (TWO, "[A] [A] Ana [/A] y [B] Bob [/B]", ["Ana", "Bob"], ["repaired", ""]),
    (TWO, "[A] Eva [/A] y [A] Ana [/A], [B] Bob [/B]", ["Ana", "Bob"], ["repaired", ""]),
    # nothing in the text is like the source span: lost, not guessed
    (LONG, "[A] el viejo mercado de pescado ardió.", ["markers_lost"], [""]),
    (TWO, "Ana y Bob", ["markers_lost", "markers_lost"], ["", ""]),
    (TWO, "[A] [/A]", ["span_empty", "markers_lost"], ["", ""]),
    (TWO, "", ["markers_lost", "markers_lost"], ["", ""]),
]


@pytest.mark.parametrize(("source", "received", "expected", "how"), BROKEN)
def test_broken_pairs(source: Example, received: str, expected: list[str], how: list[str]) -> None:
    done = read_back(source, received, repair=True)
    assert outcome(done) == expected
    assert [p.method.partition("markers:letters")[2].strip(":") for p in done.placements] == how
    assert all((p.score is not None) == p.method.endswith("repaired") for p in done.placements)
    assert "[A]" not in done.target.texts[0]


BRACKETS = [
    ("[ Ana ] conoció a Bob.", ["Ana", "markers_lost"]),
    ("[ Ana ] y [ Eva ] y [ Bob ]", ["Ana", "Bob"]),
    ("[ Ana [ Bob ] conoció ]", ["markers_lost", "Bob"]),
    ("] Ana [ conoció a [ Bob ]", ["markers_lost", "Bob"]),
    ("[ Eva ] y [ Luis ] y [ Juan ]", ["markers_lost", "markers_lost"]),
]


@pytest.mark.parametrize(("received", "expected"), BRACKETS)
def test_brackets_without_partner(received: str, expected: list[str]) -> None:
    assert outcome(read_back(TWO, received, style="brackets", repair=True)) == expected


def test_brackets_of_several_types() -> None:
    done = read_back(
        MIXED, "[ Ana ] [ París ]", "Ana", "París", "IBM", style="brackets", repair=True
    )
    assert outcome(done) == ["Ana", "París", "markers_lost"]
