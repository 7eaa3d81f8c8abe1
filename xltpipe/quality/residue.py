"""Residue: what markers, markup and wrong encodings leave in a target, beyond its source."""

from __future__ import annotations

import numpy as np
import regex

from xltpipe.quality import signs
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats, Limits
from xltpipe.quality.side import Side

MARKS = "[]<>{}⟨⟩⟦⟧【】［］"
"""Characters that markers are made of, and what engines turn them into."""


class MarkerResidue:
    """Marker characters in the target texts beyond those in the source; 0 if none were sent."""

    columns = (
        Column(
            "marker_residue",
            "marker_residue",
            "characters",
            "Marker characters in the target beyond those in the source.",
            "ours",
            limits=Limits(max=0.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        if not batch.marked.any():
            return [np.zeros(batch.rows)]
        beyond = _marks(batch.target, batch.rows) - _marks(batch.source, batch.rows)
        out = np.maximum(beyond, 0).sum(axis=1).astype(np.float64)
        return [np.where(batch.marked, out, 0.0)]


def _marks(side: Side, rows: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """How often each mark stands in each row."""
    at = signs.places(side, MARKS)
    number = signs.numbered(MARKS).take(side.codes[at].astype(np.int64)).astype(np.int64) - 1
    row = side.row_of[side.texts_at(at)]
    counts = np.bincount(row * len(MARKS) + number, minlength=rows * len(MARKS))
    return counts.reshape(rows, len(MARKS))


_TAG = r"</?[a-z][a-z0-9]*(?:\s[^<>]{0,500})?/?>"
_ENTITY = r"&(?:[a-z]{2,8}[0-9]{0,2}|\#[0-9]{1,7}|\#x[0-9a-f]{1,6});"
_HTML = regex.compile(f"{_TAG}|{_ENTITY}", regex.IGNORECASE)

_SECOND = "\u0080-\u00ba\u00bc-\u00bf€‚ƒ„†‡ˆ‰Š‹ŒŽ‘“•˜™š›œžŸ"
"""UTF-8's second bytes as Latin-1 or Windows-1252 show them, without marks that follow words."""
_MOJIBAKE = regex.compile(
    rf"[ÃÂ][{_SECOND}\u00a0](?!\s)|â€[\u0080-\u00bf€™œ\u009d“”˜¦¢]|ðŸ|ï¿½|ï»¿|(?:[ÐÑØÙ][{_SECOND}]){{2}}"
    r"|\ufffd|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}"
)


class Residue:
    """Markup and broken encoding in the target beyond the source's."""

    columns = (
        Column(
            "html",
            "html",
            "count",
            "Tags and character references of HTML in the target beyond those in the source.",
            "OpusFilter HtmlTagFilter, bicleaner-hardrules",
            limits=Limits(max=0.0),
        ),
        Column(
            "mojibake",
            "mojibake",
            "count",
            "Wrongly decoded or escaped characters (Ã©, U+FFFD, \\u00e9) beyond the source's.",
            "bicleaner-hardrules",
            limits=Limits(max=0.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        return [
            _beyond(batch, "<&", _HTML),
            # what a lead byte is shown as is a letter; what follows it mostly is a sign
            _beyond(batch, "".join(map(chr, range(0x80, 0xC0))) + "€\ufffd\\�˜™†‡‰‹›", _MOJIBAKE),
        ]


def _beyond(batch: Batch, screen: str, pattern: regex.Pattern[str]) -> Floats:
    """Matches in each row's target beyond those in its source; only rows with signs are read."""
    out = np.zeros(batch.rows)
    target = batch.target
    rows = np.unique(target.row_of[target.texts_at(signs.places(target, screen))])
    for row in rows.tolist():
        found = len(pattern.findall(signs.joined(target, row)))
        if found:
            given = len(pattern.findall(signs.joined(batch.source, row)))
            out[row] = max(0, found - given)
    return out


SCORERS = (MarkerResidue(), Residue())
