"""Inputs that nobody meant: valid ones with pieces cut, doubled, swapped, replaced by odd values."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        3.5,
        -0.0,
        2**31,
        2**63,
        -(2**70),
        float("nan"),
        float("inf"),
    ),
    *(
        "",
        " ",
        "\0",
        "\ud800",
        "é" * 300,
        "a" * 5000,
        "O",
        "B-PER",
        "spa",
        "../../x",
        "/etc/passwd",
    ),
    *("{source:9999999999}", "{source.__class__}", "{0}", "%s", "\ufdd0" + "9" * 5000 + "\ufdd2"),
    *([], {}, [[]], [None], {"": {}}, ["a", 1], [[0, 1]], [[1, 0]], {"start": 0, "end": 1}),
    *("file:///etc/passwd", "http://user:pass@localhost:1/v1", "~", "~nobody/x", "NaN", "1e999"),
    *("\u202e", "👩\u200d👩\u200d👧", "ﷺ" * 50, "\r", "\u2028", "a\nb", "<script>", "2026-13-45"),
]
"""Values that parsers meet where they want others."""

# What JSON text may hold that no Python value writes.
_RAW = {
    "@deep@": "[" * 3000 + "]" * 3000,
    "@open@": "[" * 100_000,
    "@objects@": '{"a":' * 2000 + "1" + "}" * 2000,
    "@digits@": "9" * 5000,
    "@float@": "1e999",
    "@bare@": "undefined",
}
_IN_TEXT = [*ODD, *_RAW]
_NOISE = [
    *(
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\r\n",
        b"\r",
        b"\n\n",
        b"\t",
        b" ",
        b"\\",
    ),
    *(b'"', b"'", b"{", b"}", b"[", b"]", b"#", b"=", b"-", b"O", b"B-", b"B-PER", b"-DOCSTART-"),
    *(b"# text = ", b"# sent_id = 1\n", b"[A]", b"[/A]", b"[B]", b"<a>", b"</a>", b"\xe2\x9f\xa8"),
    *(b"9" * 5000, b"[" * 3000, b"-1", b"1e999", b"NaN", b"\\ud800", b"---\n", b"&a [*a,*a]"),
    *("﷐1﷒".encode(), "﷑1﷒".encode(), b"[[t:s:0]]", b"[[/]]", b"[<0>].[]", b"../", b"\xc2\x85"),
]

Json = Any


@st.composite
def noise(draw: st.DrawFn, seeds: Sequence[bytes], most: int = 6) -> bytes:
    """One of the seeds with up to `most` edits, or a few bytes out of nothing."""
    if draw(st.integers(0, 15)) == 0:
        return b"".join(draw(st.lists(st.one_of(st.sampled_from(_NOISE), st.binary(max_size=8)))))
    data = bytearray(draw(st.sampled_from(list(seeds))))
    for _ in range(draw(st.integers(0, most))):
        kind = draw(st.integers(0, 6))
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 12))
        if kind == 0 and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == 1 and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif kind == 2:
            del data[at : at + size]
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            data[at:at] = draw(st.sampled_from(_NOISE))
        elif kind == 5:
            data[at:at] = data[at : at + 4 * size]
        else:
            data[at:at] = draw(st.binary(max_size=8))
    return bytes(data)


@st.composite
def bent(draw: st.DrawFn, seeds: Sequence[Json], most: int = 4, odd: Sequence[Json] = ()) -> Json:
    """One of the documents with up to `most` of its values replaced, dropped, doubled, renamed."""
    document = copy.deepcopy(draw(st.sampled_from(list(seeds))))
    for _ in range(draw(st.integers(0, most))):
        document = _bend(draw, document, odd or ODD)
    return document


def _bend(draw: st.DrawFn, document: Json, odd: Sequence[Json]) -> Json:
    places = _places(document)
    holder, key = places[draw(st.integers(0, len(places) - 1))]
    if holder is None:
        return copy.deepcopy(draw(st.sampled_from(odd))) if draw(st.booleans()) else document
    kind = draw(st.integers(0, 6))
    if kind <= 3:
        holder[key] = copy.deepcopy(draw(st.sampled_from(odd)))
    elif kind == 4:
        del holder[key]
    elif kind == 5:
        other_holder, other = places[draw(st.integers(0, len(places) - 1))]
        if other_holder is not None:
            holder[key] = copy.deepcopy(other_holder[other]) if _has(other_holder, other) else None
    elif isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    else:
        holder[draw(st.sampled_from(["", "x", "kind", "\ud800", "start ", "folder"]))] = 1
    return document


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else 0 <= key < len(holder)


def _places(document: Json) -> list[tuple[Any, Any]]:
    """Every value by what holds it; the whole first."""
    out: list[tuple[Any, Any]] = [(None, None)]
    todo = [document] if isinstance(document, dict | list) else []
    while todo:
        holder = todo.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            out.append((holder, key))
            if isinstance(holder[key], dict | list):
                todo.append(holder[key])
    return out


@st.composite
def json_text(draw: st.DrawFn, seeds: Sequence[Json], most: int = 4) -> bytes:
    """A bent document as JSON; some hold what only text can (depth, digits), some are noise."""
    text = json.dumps(draw(bent(seeds, most, _IN_TEXT)))
    for name, raw in _RAW.items():
        text = text.replace(f'"{name}"', raw)
    data = text.encode()
    return draw(noise([data], 3)) if draw(st.integers(0, 5)) == 0 else data


words = st.one_of(
    st.text(max_size=30),
    st.sampled_from([v for v in ODD if isinstance(v, str)]),
    st.lists(
        st.sampled_from(
            [
                *(
                    "Ana",
                    "lives",
                    "in",
                    "São",
                    "Paulo",
                    "北京",
                    "القاهرة",
                    "\u0301",
                    "👩\u200d👧",
                    ".",
                    ",",
                    "l'",
                ),
                *(
                    "[A]",
                    "[/A]",
                    "[B]",
                    "[/B]",
                    "<a>",
                    "</a>",
                    "<b>",
                    "[",
                    "]",
                    "{",
                    "}",
                    "【",
                    "】",
                    " ",
                    "  ",
                ),
                *(
                    "\ufdd00\ufdd2",
                    "\ufdd10\ufdd2",
                    "\ufdd01\ufdd2",
                    "\ufdd11\ufdd2",
                    "\n",
                    "\u200b",
                    "I'm sorry",
                ),
                *(
                    "```json\n",
                    "```",
                    "<think>",
                    "</think>",
                    '{"translation": "',
                    '"}',
                    "«",
                    "»",
                    "Spanish:",
                    "a" * 40,
                ),
            ]
        ),
        max_size=14,
    ).map("".join),
)
"""Texts of several scripts, with whatever marks ours and other programs' places."""

texts = words.map(lambda text: text.encode("utf-8", "replace").decode())
"""The same without halves of surrogate pairs, which no reader lets through."""
