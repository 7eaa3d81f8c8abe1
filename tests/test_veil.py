"""Secrets are blanked out wherever they stand in a text."""

from __future__ import annotations

import pytest

from xltpipe import progress
from xltpipe.veil import hide, veiled


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ana:hunter2@host:80/x failed", "https://***@host:80/x failed"),
        ("postgresql+asyncpg://u:p%40ss@db/x", "postgresql+asyncpg://***@db/x"),
        ("proxy http://token@proxy:3128", "proxy http://***@proxy:3128"),
        ("Authorization: Bearer abc.def-123456", "Authorization: Bearer ***"),
        ("key sk-proj-abcdefghijklmnop1234 is wrong", "key *** is wrong"),
        ("hf_AbCdEfGhIjKlMnOpQrSt", "***"),
        ("ana@example.org wrote http://host/a@b", "ana@example.org wrote http://host/a@b"),
        (
            "a risk-taking person, ask-me-anything-you-like",
            "a risk-taking person, ask-me-anything-you-like",
        ),
    ],
)
def test_known_forms(text: str, shown: str) -> None:
    assert veiled(text) == shown


def test_a_key_that_was_read_is_known_from_then_on() -> None:
    hide("correct horse")
    hide("abc")  # too short: it would blank out words
    assert veiled("with correct horse in abc") == "with *** in abc"


def test_notes_are_veiled() -> None:
    before = list(progress.notes)
    progress.note("tried again after http://u:secret@host")
    assert progress.notes[len(before) :] == ["tried again after http://***@host"]
    progress.notes[:] = before
