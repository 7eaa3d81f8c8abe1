"""Punctuation: marks that end sentences, and brackets that lost their other half."""

from __future__ import annotations

from math import nan

import numpy as np
import regex

from xltpipe.quality import signs
from xltpipe.quality.batch import Batch
from xltpipe.quality.characters import ALNUM
from xltpipe.quality.column import Column, Floats, Limits
from xltpipe.quality.side import Side

_PLANE = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x10000)]))
TERMINAL = "".join(regex.findall(r"[\p{Sentence_Terminal}…‥\u037e]", _PLANE))
"""Marks that end sentences in any script (Unicode's Sentence_Terminal), and dots of omission."""

OPENING, CLOSING = "([{（［｛【「『《〈⟨⟦", ")]}）］｝】」』》〉⟩⟧"


class TerminalPunctuation:
    """How far the numbers of sentence ends differ: −ln(1 + (|s−t| + ends too many) / shared ends).

    That is OpusFilter's formula where one side has one end or none; ends that both sides have are
    no faults here, so that it serves texts of several sentences. Runs (?!, ...) count once, and
    dots within a number or a word not at all. A row has the lowest value of its texts.
    """

    columns = (
        Column(
            "terminal_punctuation",
            "punctuation",
            "log-count",
            "Minus the logarithm of 1 + by how much the numbers of sentence ends differ.",
            "OpusFilter TerminalPunctuationFilter (Vázquez et al., 2019)",
            low=-np.inf,
            high=0.0,
            limits=Limits(min=-2.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        if not batch.paired:
            return [np.full(batch.rows, nan)]
        source, target = _ends(batch.source), _ends(batch.target)
        shared = np.maximum(np.minimum(source, target), 1)
        faults = np.abs(source - target) + np.maximum(np.maximum(source, target) - shared, 0.0)
        lowest = batch.target.over(np.minimum, -np.log1p(faults / shared), np.inf)
        return [np.where(np.isinf(lowest), nan, lowest + 0.0)]


def _ends(side: Side) -> Floats:
    """Sentence ends of each text."""
    at = signs.places(side, TERMINAL)
    follows = side.codes[at + 1]  # a line feed stands behind every text
    inner = (side.flags[at + 1] & ALNUM) > 0
    in_run = signs.numbered(TERMINAL).take(follows.astype(np.int64)) > 0
    # in scripts without spaces the next sentence follows at once: only a dot can be inside
    counted = ~in_run & ~(inner & (side.codes[at] == ord(".")))
    return signs.counts(side, at[counted]).astype(np.float64)


class Brackets:
    """Brackets of the target without their other half, beyond the source's."""

    columns = (
        Column(
            "brackets",
            "brackets",
            "count",
            "Brackets without their other half in the target beyond those in the source.",
            "bicleaner-hardrules",
            usual=Limits(max=0.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        beyond = np.maximum(_unbalanced(batch.target) - _unbalanced(batch.source), 0.0)
        return [beyond]


def _unbalanced(side: Side) -> Floats:
    """Of each row how many opening and closing brackets of one kind are too many."""
    out = np.zeros(side.rows)
    opened = signs.places(side, OPENING)
    closed = signs.places(side, CLOSING)
    if not len(opened) and not len(closed):
        return out
    kinds = len(OPENING)
    texts = np.zeros(side.texts * kinds)
    for at, table, sign in ((opened, OPENING, 1.0), (closed, CLOSING, -1.0)):
        kind = signs.numbered(table).take(side.codes[at].astype(np.int64)).astype(np.int64) - 1
        # （ and ( are one kind: engines write the one for the other
        kind = np.where((kind >= 3) & (kind < 6), kind - 3, kind)
        np.add.at(texts, side.texts_at(at) * kinds + kind, sign)
    return side.over(np.add, np.abs(texts).reshape(side.texts, kinds).sum(axis=1), 0.0)


SCORERS = (TerminalPunctuation(), Brackets())
