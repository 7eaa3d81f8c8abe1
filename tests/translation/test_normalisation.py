"""Normalisation: what the embedded model's tokenizer is given, and what users get."""

from __future__ import annotations

import pytest

from xltpipe.translation.normalisation import Normaliser

STEPS = ("nfkc", "plain_punctuation", "spaced_inversion")


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("“Hello”, she said – it’s «me»", '"Hello", she said - it\'s "me"'),
        ("¿Qué?¡No!", "¿ Qué?¡ No!"),
        ("ﬁne ＡＢＣ", "fine ABC"),
        ("a \u00a0 b\n\tc ", "a b c"),
        ("see[A]Ana[/A], now", "see [A] Ana [/A], now"),
        ("[Z] stays[Z]", "[Z] stays[Z]"),
        ("東京 😀", "東京 😀"),
        ("", ""),
    ],
)
def test_before(text: str, before: str) -> None:
    assert Normaliser(STEPS, ("A", "B")).before(text) == before


def test_after_joins_inverted_marks() -> None:
    assert Normaliser(STEPS, ()).after("¿ Qué? ¡ No!") == "¿Qué? ¡No!"


def test_no_steps_leave_characters_alone() -> None:
    plain = Normaliser((), ())
    assert plain.before("“ﬁ” ¿Qué [A]") == "“ﬁ” ¿Qué [A]"
    assert plain.after("¿ Qué") == "¿ Qué"
