"""Verbatim: what must stand in the target as it stands in the source, links and placeholders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from math import nan

import numpy as np
import regex

from xltpipe.quality import signs
from xltpipe.quality.batch import Batch
from xltpipe.quality.characters import ALNUM, PUNCTUATION
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.keys import Ints, keys_of
from xltpipe.quality.side import Side

LINK = regex.compile(
    r"""
      (?<![a-z0-9])(?:(?:https?|ftp)://|www\.)[^\s<>"'“”«»（）。，、\p{Han}\p{Hiragana}\p{Katakana}]+
    | (?<![a-z0-9])[a-z0-9_.%+-]{1,64}@[a-z0-9-]{1,64}(?:\.[a-z0-9-]{1,64}){1,8}
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
_SLOT = regex.compile(
    r"""
      \{\{[^{}\n]{0,80}\}\} | \$?\{[\w.:]{0,40}\}           # {{name}}  ${name}  {0}
    | %(?:\d\$|\(\w{1,40}\))?[-+0]?\d{0,3}(?:\.\d)?[sdifu@](?![\p{L}\p{N}])   # %s  %1$s  %(name)s
    """,
    regex.VERBOSE,
)


class Verbatim:
    """Agreement of both sides in links and placeholders; NaN where neither has one."""

    columns = (
        Column(
            "links",
            "link_changed",
            "share",
            "URLs and e-mail addresses that stand on both sides, of those on either side.",
            "OpusCleaner url_mismatch",
            high=1.0,
            limits=Limits(min=0.5),
        ),
        Column(
            "placeholders",
            "placeholder_changed",
            "share",
            "Placeholders ({{name}}, ${x}, %s) that stand on both sides, of those on either side.",
            "bicleaner-hardrules",
            high=1.0,
            limits=Limits(min=1.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        sides = (batch.source, batch.target)
        links, slots = np.zeros(batch.rows, np.bool_), np.zeros(batch.rows, np.bool_)
        for side in sides:
            links[rows_with_links(side)] = True
            slots[_rows_with_slots(side)] = True
        return [_agreement(batch, links, _links), _agreement(batch, slots, _SLOT.findall)]


def rows_with_links(side: Side) -> Ints:
    """Rows with // or the word www, or with @ between what may be a name and a host."""
    at = signs.places(side, "/@")
    # the character before the first is the last one, a line feed
    named = (side.flags[at - 1] & (ALNUM | PUNCTUATION)) > 0
    mail = (side.codes[at] == ord("@")) & named & ((side.flags[at + 1] & ALNUM) > 0)
    mail &= ~np.isin(side.codes[at - 1], _NO_NAME)
    at = at[mail | ((side.codes[at] == ord("/")) & (side.codes[at + 1] == ord("/")))]
    return np.concatenate(
        [side.row_of[side.texts_at(at)], side.words.row[side.words.key == _www()]]
    )


def _rows_with_slots(side: Side) -> Ints:
    """Rows with { or with % and what may follow it in a placeholder."""
    at = signs.places(side, "{%")
    follows = side.codes[at + 1]
    letter = (follows > ord(" ")) & (follows < 0x7F)
    rows: Ints = side.row_of[side.texts_at(at[(side.codes[at] == ord("{")) | letter])]
    return rows


_NO_NAME = np.array([ord(c) for c in "(\"'“‘«[.,;:!?/…–—"], np.uint32)
"""What stands before @ where it begins a nickname; a name before it does not end so."""


@cache
def _www() -> np.uint64:
    key: np.uint64 = keys_of(np.full(3, ord("w"), np.uint32), np.array([0]), np.array([3]))[0]
    return key


def _links(text: str) -> list[str]:
    # a mark behind a link is the sentence's
    return [link.rstrip(".,;:!?)]}…'\"*").removesuffix("/").lower() for link in LINK.findall(text)]


def _agreement(batch: Batch, rows: Mask, find: Callable[[str], list[str]]) -> Floats:
    """|∩| / |∪| of the multisets found on both sides of these rows."""
    out = np.full(batch.rows, nan)
    for row in np.flatnonzero(rows).tolist():
        ours, theirs = (
            Counter(find(signs.joined(side, row))) for side in (batch.source, batch.target)
        )
        either = (ours | theirs).total()
        if either:
            out[row] = (ours & theirs).total() / either
    return out


SCORERS = (Verbatim(),)
