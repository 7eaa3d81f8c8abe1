"""Defects: what a text itself tells of a translation."""

from __future__ import annotations

import pytest

from xltpipe.projection.markup import PAIRS
from xltpipe.translation.defects import GRAVITY, defect, gravity, looped, markers
from xltpipe.types import Translation

LONG = "He said that he would come."


@pytest.mark.parametrize(
    ("text", "answer", "reason"),
    [
        (LONG, Translation("Dijo que vendría."), None),
        ("", Translation(""), None),
        (" \n", Translation(""), None),
        (LONG, Translation(" "), "empty"),
        (LONG, Translation("", fault="refused: no"), "fault: refused: no"),
        (LONG, Translation("Dijo que", truncated=True), "truncated"),
        (LONG, Translation("que dijo que dijo que dijo que dijo"), "repetition"),
        (LONG, Translation("Siemensensensensens dijo"), "repetition"),
        ("他说他会来。", Translation("哈哈哈哈哈"), "repetition"),
        ("Ha ha ha ha!", Translation("Ja ja ja ja!"), None),
        (LONG, Translation("Dijo.", -2.5), "low_score: -2.50"),
        (LONG, Translation("Dijo.", -1.5), None),
        (LONG, Translation("Dijo."), None),
        ("[A] Ana [/A] left .", Translation("[A] Ana [/A] se fue."), None),
        ("[A] Ana [/A] left .", Translation("[ A ] Ana [ /A ] se fue."), None),
        ("[A] Ana [/A] left .", Translation("Ana [/A] se fue."), "markers_lost: [A]"),
        ("<a> Ana </a> left .", Translation("<a>Ana</b> se fue."), "markers_lost: </a>"),
        ("[ Ana ] left", Translation("【Ana】 se fue"), None),
        ("[ Ana ] left [ Rome ]", Translation("[Ana] salió de [Roma"), "markers_lost: ]"),
        ("see [1] and f(x)[2]", Translation("véase 1 y f(x)2"), None),
        # the gravest that it has
        ("[A] x [/A]", Translation("y", -9.0, truncated=True), "truncated"),
    ],
)
def test_what_is_wrong(text: str, answer: Translation, reason: str | None) -> None:
    assert defect(text, answer, -2.0) == reason


def test_every_reason_has_its_gravity() -> None:
    assert [gravity(f"{word}: more") for word in GRAVITY] == list(range(len(GRAVITY)))
    assert gravity("low_score: -1.0") < gravity("truncated") < gravity("fault: refused")


@pytest.mark.parametrize("style", PAIRS)
def test_all_markers_of_projection_are_known(style: str) -> None:
    for pair in PAIRS[style]:  # type: ignore[index]
        found = markers(f"x {pair[0]} Ana {pair[1]} y")
        assert (sum(found.values()), len(found)) == (2, 2)


@pytest.mark.parametrize("text", ["no, no", "10000000", "......", "-----", "that that", "aaa"])
def test_what_people_write_is_no_loop(text: str) -> None:
    assert not looped(text)
