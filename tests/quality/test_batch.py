"""Batches: words and their keys as a slow reading of the same text finds them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import regex
from hypothesis import given, settings

from tests.quality.text_units import pair, several, units
from xltpipe.quality import keys
from xltpipe.quality.batch import Batch
from xltpipe.quality.side import Side
from xltpipe.text import UNSPACED
from xltpipe.types import Unit

_ALONE = regex.compile(f"[{UNSPACED}]", regex.V1)


def words(side: Side) -> list[str]:
    bounds = zip(side.words.start.tolist(), side.words.end.tolist(), strict=True)
    return [side.cut(start, end) for start, end in bounds]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("El niño's well-known 3.14!", ["El", "niño", "s", "well", "known", "3", "14"]),
        ("cafe\u0301", ["cafe\u0301"]),
        ("我们在IBM工作", ["我", "们", "在", "IBM", "工", "作"]),
        ("กิน ที่", ["กิ", "น", "ที่"]),
        ("यह किताब", ["यह", "किताब"]),
        ("ラーメン", ["ラ", "ー", "メ", "ン"]),
        ("𠀀𠀁", ["𠀀", "𠀁"]),
        ("👍 ...", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    batch = Batch.of([pair("before", "x"), pair(text, "x"), pair("after", "x")])
    assert words(batch.source) == ["before", *expected, "after"]


def slow(text: str) -> list[str]:
    """Runs of letters, marks and digits, cut before every letter that is a word by itself."""
    found = []
    for run in regex.findall(r"[\p{L}\p{M}\p{N}]+", text):
        word = run[0]
        for before, character in pairwise(run):
            own, after = bool(_ALONE.match(character)), bool(_ALONE.match(before))
            if (own and regex.match(r"\p{L}", character)) or (after and not own):
                found.append(word)
                word = ""
            word += character
        found.append(word)
    return found


@given(made=units())
@settings(max_examples=300, deadline=None)
def test_words_are_what_slow_reading_finds(made: Unit) -> None:
    batch = Batch.of([made, made])
    for side, example in ((batch.source, made.source), (batch.target, made.target)):
        expected = [word for text in example.texts for word in slow(text)]
        assert words(side) == expected * 2
        keys = side.words.key.tolist()
        assert keys[: len(expected)] == keys[len(expected) :]
        # equal words have equal keys, whatever the case, and different ones have not
        pairs = set(zip((_lower(w) for w in expected), keys, strict=False))
        assert len(pairs) == len({w for w, _ in pairs}) == len({k for _, k in pairs})


def _lower(word: str) -> str:
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in word)


def test_one_value_per_row() -> None:
    batch = Batch.of([several((), ()), several(("a b", "c"), ("d", "e f")), pair("g h i", "j")])
    counts = batch.source.words_per_text
    assert batch.source.over(np.maximum, counts, -1.0).tolist() == [-1, 2, 3]
    assert batch.source.over(np.minimum, counts, -1.0).tolist() == [-1, 1, 3]
    assert batch.source.over(np.add, counts, 0.0).tolist() == [0, 3, 3]
    assert batch.source.count(batch.source.content).tolist() == [0, 4, 5]


def test_a_shard_of_short_texts_beside_one_of_long_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shared(dict[str, keys.Keys]):
        """Another thread always writes last."""

        def __setitem__(self, name: str, values: keys.Keys) -> None:
            super().__setitem__(name, values[: 1 << 16])

    long = pair("a bc " * 20_000, "x")
    alone = Batch.of([long]).source.words.key
    monkeypatch.setattr(keys, "_cache", Shared())
    assert np.array_equal(Batch.of([long]).source.words.key, alone)
