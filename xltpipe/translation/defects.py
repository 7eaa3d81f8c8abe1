"""Defects: what may be wrong with a translation, as far as the text itself can tell.

Cheap and sure rather than clever: they decide which rows another engine is asked for. Rows are
judged by the scores of `quality` afterwards.
"""

from __future__ import annotations

import re
from collections import Counter

from xltpipe.types import Translation

GRAVITY = ("low_score", "markers_lost", "truncated", "repetition", "empty", "fault")
"""Reasons, the least grave first: of answers that all have one, the least grave is kept."""

_LOOKALIKES = str.maketrans("【《［〔】》］〕｛｝〈〉〚〛", "[[[[]]]]{}⟨⟩⟦⟧")
_NAMED = re.compile(r"\[\s*(/?)\s*([A-H])\s*\]|<\s*(/?)\s*([a-h])\s*>")
_BARE = re.compile(r"(?<!\S)[\[\]{}⟨⟩⟦⟧](?!\S)")
_BRACKETS = re.compile(r"[\[\]{}⟨⟩⟦⟧]")

_PERIODS = 8  # words of the longest unit looked for, as in quality.repetition
_AGAIN = 2  # times that it must be said again beyond the source's, as there
_LETTERS = re.compile(r"([^\W\d_]{1,24}?)\1{3,}")


def defect(text: str, answer: Translation, least: float | None) -> str | None:
    """Why this answer to a text should not be taken, a word of GRAVITY first; None: it may be.

    Args:
        least: the lowest score of an answer whose engine gives scores.
    """
    if answer.fault is not None:
        return f"fault: {answer.fault}"
    if not text or text.isspace():
        return None
    if not answer.text or answer.text.isspace():
        return "empty"
    return _in_text(text, answer) or _in_score(answer.score, least)


def _in_text(text: str, answer: Translation) -> str | None:
    if looped(answer.text) and not looped(text):
        return "repetition"
    if answer.truncated:
        return "truncated"
    lost = markers(text) - markers(answer.text, anywhere=True)
    return f"markers_lost: {' '.join(sorted(lost))}" if lost else None


def _in_score(score: float | None, least: float | None) -> str | None:
    low = least is not None and score is not None and score < least
    return f"low_score: {score:.2f}" if low else None


def gravity(reason: str) -> int:
    """Greater is worse."""
    return GRAVITY.index(reason.partition(":")[0])


def markers(text: str, *, anywhere: bool = False) -> Counter[str]:
    """The markers of projection in a text, however an engine spaced them.

    Letters and tags are known by themselves. A bracket counts where it stands alone, as projection
    writes it; `anywhere` is for answers, in which it may have been joined to a word.
    """
    text = text.translate(_LOOKALIKES)
    found = Counter(f"[{m[1]}{m[2]}]" if m[2] else f"<{m[3]}{m[4]}>" for m in _NAMED.finditer(text))
    rest = _NAMED.sub(" ", text)
    return found + Counter((_BRACKETS if anywhere else _BARE).findall(rest))


def looped(text: str) -> bool:
    """A unit of one to eight words is said three times and more in a row, or letters in a word."""
    words = text.split()
    for period in range(1, min(_PERIODS, len(words) // (_AGAIN + 1)) + 1):
        run = 0
        for here, before in zip(words[period:], words, strict=False):
            run = run + 1 if here == before else 0
            if run >= period * _AGAIN:
                return True
    return _LETTERS.search(text) is not None
