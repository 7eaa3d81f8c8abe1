"""Span edges: target spans that begin or end where no name does, or run into each other."""

from __future__ import annotations

import numpy as np
import regex

from xltpipe.quality.batch import Batch
from xltpipe.quality.by_row import counted, shared
from xltpipe.quality.characters import PUNCTUATION, SPACE
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.keys import Ints
from xltpipe.quality.scorer import Scorer
from xltpipe.quality.sentence_ends import ends, possible
from xltpipe.quality.side import Side, Spans
from xltpipe.quality.span_text import origin
from xltpipe.quality.word_edges import inside_word

_SYMBOLS = np.array(sorted(map(ord, "¿¡%٪％‰‱°§№$€£¥₹₺₽¢₩₪₦₫₴₱฿#@&+*'’׳״՛-\u2010")), np.uint32)
"""Marks that come and go with a word: currencies, units, elisions, half a compound's hyphen."""


_PAIRS = (
    *(("(", ")"), ("[", "]"), ("（", "）"), ("《", "》"), ("「", "」"), ("『", "』"), ("【", "】")),
    *(("«‹", "»›"), ("»›", "«‹"), ("„“‚‘", "“”‘’"), ("“‘", "”’"), ('"', '"'), ("―—", "―—")),
)
"""Marks that open and those that close what they open."""

_ABBREVIATION = regex.compile(r"(?:\b\w+\.\w+|\b\p{Lu}\w{0,3}|\b\p{L}{1,3})\.$")


class SpanEdges:
    """Edges of target spans on their own text, excused where the source span is alike."""

    columns = (
        Column(
            "span_edges",
            "span_edges",
            "spans",
            "Target spans that begin or end with punctuation or space, their source spans not.",
            "ours",
            limits=Limits(max=0.0),
        ),
        Column(
            "span_crosses",
            "span_crosses",
            "spans",
            "Target spans with a sentence end inside, their source spans having none.",
            "ours",
            limits=Limits(max=0.0),
        ),
        Column(
            "span_overlap",
            "span_overlap",
            "pairs",
            "Pairs of target spans that overlap though their source spans do not, or that cross.",
            "ours",
            limits=Limits(max=0.0),
        ),
        Column(
            "span_boundaries",
            "span_in_word",
            "share",
            "Share of target spans that begin and end at the edge of a word.",
            "ours",
            high=1.0,
            usual=Limits(min=1.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        row = batch.target.spans.row
        come = origin(batch)
        return [
            counted(batch.rows, row, _ragged(batch, come)),
            counted(batch.rows, row, _crossing(batch, come)),
            _overlaps(batch, come),
            shared(batch.rows, row, ~inside_word(batch.target)),
        ]


def _ragged(batch: Batch, come: Ints) -> Mask:
    ours, theirs = _marks_at_edges(batch.source), _marks_at_edges(batch.target)
    known = come >= 0
    for edge, mine in zip(theirs, ours, strict=True):
        edge[known] &= ~mine[come[known]]
    begins, finishes = theirs
    for edge, excused in ((begins, _opened), (finishes, _closed)):
        for k in np.flatnonzero(edge):  # few
            edge[k] = not excused(_text(batch.target, int(k)))
    return begins | finishes


def _opened(text: str) -> bool:
    """The first mark is the half of a pair that is closed within the span."""
    return any(text[0] in one and any(c in text[1:] for c in other) for one, other in _PAIRS)


def _closed(text: str) -> bool:
    """The last mark closes a pair, or it is the full stop of an abbreviation (S.A., Corp.)."""
    if any(text[-1] in other and any(c in text[:-1] for c in one) for one, other in _PAIRS):
        return True
    return _ABBREVIATION.search(text) is not None


def _marks_at_edges(side: Side) -> tuple[Mask, Mask]:
    """Spans that begin, and spans that end, with punctuation or space."""
    out = []
    for place in (side.spans.start, side.spans.end - 1):
        bare = (side.flags[place] & (PUNCTUATION | SPACE)) > 0
        codes = side.codes[place]
        at = np.minimum(np.searchsorted(_SYMBOLS, codes), len(_SYMBOLS) - 1)
        out.append(bare & (_SYMBOLS[at] != codes))
    return out[0], out[1]


def _crossing(batch: Batch, come: Ints) -> Mask:
    """Few spans hold such a mark at all: only those are read."""
    side = batch.target
    out = side.covered.count(possible(side.codes[side.covered.place])) > 0
    for k in np.flatnonzero(out):
        out[k] = _ends(side, int(k)) > 0
        if out[k] and come[k] >= 0:
            out[k] = _ends(batch.source, int(come[k])) == 0
    return out


def _ends(side: Side, span: int) -> int:
    return ends(_text(side, span))


def _text(side: Side, span: int) -> str:
    return side.cut(int(side.spans.start[span]), int(side.spans.end[span]))


def _overlaps(batch: Batch, come: Ints) -> Floats:
    theirs, ours = batch.target.spans, batch.source.spans
    one, other = _meeting(theirs)
    wrong = _crosses(theirs, one, other)
    known = np.flatnonzero((come[one] >= 0) & (come[other] >= 0))
    a, b = come[one[known]], come[other[known]]
    apart = (ours.end[a] <= ours.start[b]) | (ours.end[b] <= ours.start[a])
    wrong[known] = apart | (wrong[known] & ~_crosses(ours, a, b))
    return counted(batch.rows, theirs.row[one], wrong)


def _meeting(spans: Spans) -> tuple[Ints, Ints]:
    """Each two spans of one text that overlap.

    Places count through all texts, so that sorting is all it takes: a span meets those that
    begin behind it and before its end.
    """
    order = np.lexsort((-spans.end, spans.start))
    start, end = spans.start[order], spans.end[order]
    number = np.arange(len(order))
    met = np.searchsorted(start, end, "left") - number - 1
    one = np.repeat(number, met)
    first = np.cumsum(met) - met
    other = one + 1 + np.arange(len(one)) - np.repeat(first, met)
    return order[one], order[other]


def _crosses(spans: Spans, one: Ints, other: Ints) -> Mask:
    """They overlap and neither lies in the other."""
    before = (spans.start[one] < spans.start[other]) & (spans.end[one] < spans.end[other])
    behind = (spans.start[one] > spans.start[other]) & (spans.end[one] > spans.end[other])
    meet = (spans.start[one] < spans.end[other]) & (spans.start[other] < spans.end[one])
    found: Mask = meet & (before | behind)
    return found


SCORERS: tuple[Scorer, ...] = (SpanEdges(),)
