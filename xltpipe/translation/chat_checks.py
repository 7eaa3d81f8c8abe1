"""Checks: whether what a model said can be the translation that it was asked for.

Each text is looked at as it comes, so that it can be asked for again; the corpus is judged later,
with all scores (`quality`). What can safely be mended is mended, and said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import regex

from xltpipe.errors import RecipeError
from xltpipe.json_text import loads
from xltpipe.languages import resolve
from xltpipe.phrases import kinds, plain
from xltpipe.spec import Spec
from xltpipe.text import UNSPACED, key, tokenise
from xltpipe.translation.chat_request import Reply
from xltpipe.translation.markers import altered, bare
from xltpipe.translation.prompt_wrapping import leaked, mend
from xltpipe.translation.prompts import Asked

SOFT = frozenset({"markers", "truncated"})
"""Faults of a text that is still told: what reads it says so itself (`markers_lost`, truncated)."""

_QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“", "「": "」", "'": "'", "‘": "’"}
_THOUGHT = regex.compile(r"\A\s*<think>.*?</think>\s*", regex.DOTALL)
_FENCE = regex.compile(r"\A\s*```(?:json|text)?\s*\n(.*?)\n?```\s*\Z", regex.DOTALL)
_LETTER = regex.compile(r"[\p{L}\p{N}]")
_RUN = regex.compile(r"(\S)\1{3,}")
_UNSPACED = regex.compile(rf"[{UNSPACED}]")


class Checks(Spec):
    """Which faults of an answer count; each can be switched off.

    `longest` and `shortest` bound the characters of the answer by those of the text (with room for
    short texts); `repeats` is how often a word or phrase may follow itself more than in the text.
    """

    refusal: bool = True
    preamble: bool = True
    language: bool = True
    lines: bool = True
    markers: bool = True
    longest: float | None = 6.0
    shortest: float | None = 0.08
    repeats: int | None = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """The translation, why it cannot be taken (`word: particulars`), and what was mended."""

    text: str
    fault: str | None = None
    mended: tuple[str, ...] = ()

    @property
    def word(self) -> str | None:
        return None if self.fault is None else self.fault.partition(":")[0]


def judge(reply: Reply, text: str, asked: Asked, checks: Checks, pair: tuple[str, str]) -> Verdict:
    """Read an answer, mend it and see what is wrong with it.

    Args:
        pair: ids of the source's and the target's language.
    """
    said = _THOUGHT.sub("", reply.text)
    mended = ["thought"] if said != reply.text else []
    if reply.refused:
        return Verdict("", f"refusal: declined by the server, {_shown(said)}")
    if asked.mode == "json":
        unpacked = _unpacked(said)
        if unpacked is None:
            word = "not_json" if reply.whole else "cut_off"
            return Verdict("", f"{word}: {_shown(said)}")
        said = unpacked
    else:
        said, more = _stripped(said, text, asked, resolve(pair[1]).name)
        mended += more
    said = mend(said, text).strip()
    fault = _fault(said, text, asked, checks, pair)
    if fault is None and not reply.whole:
        fault = f"truncated: {reply.tokens_out} tokens, {_shown(said)}"
    return Verdict(said, fault, tuple(mended))


def _unpacked(said: str) -> str | None:
    """The field of the JSON object that was asked for; None if there is none."""
    fenced = _FENCE.match(said)
    try:
        given = loads(fenced[1] if fenced else said)
    except ValueError:
        return None
    found = given.get("translation") if isinstance(given, dict) else None
    return found if isinstance(found, str) else None


def _stripped(said: str, text: str, asked: Asked, target: str) -> tuple[str, list[str]]:
    """A free answer without what surely frames it: tags, a heading line, quotes around all."""
    out: list[str] = []
    said = said.strip()
    if asked.mark is not None and asked.mark in said:
        said = regex.sub(rf"</?{asked.mark}>", "", said).strip()
        out.append("tags")
    first, _, rest = said.partition("\n")
    heads = first.rstrip().endswith((":", "：")) and kinds()[1].beyond(
        [plain(first)], [plain(text)]
    )
    if heads and rest.strip():
        said = rest.strip()
        out.append("preamble")
    label = regex.match(rf"{regex.escape(target)}\s*[:：]\s*(?=\S)", said, regex.IGNORECASE)
    if label and not regex.match(r"\w+\s*[:：]", text):
        said = said[label.end() :]
        out.append("label")
    closing, inside = _QUOTES.get(said[:1]), said[1:-1]
    framed = closing is not None and len(said) > 2 and said[-1] == closing
    if framed and text[:1] not in _QUOTES and not {said[0], closing} & set(inside):
        said = inside.strip()
        out.append("quotes")
    return said, out


def _fault(said: str, text: str, asked: Asked, checks: Checks, pair: tuple[str, str]) -> str | None:
    """The first thing that is wrong, the worst first."""
    if not said or (not _LETTER.search(said) and _LETTER.search(text)):
        return f"empty: {_shown(said)}"
    leak = leaked(said, text) or (asked.mark if asked.mark and asked.mark in said else None)
    if leak is not None:
        return f"prompt_leak: {leak}"
    refusal, preamble = kinds()
    if checks.refusal and refusal.beyond([plain(said)], [plain(text)]):
        return f"refusal: {_shown(said)}"
    if checks.preamble and preamble.beyond([plain(said)], [plain(text)]):
        return f"preamble: {_shown(said)}"
    return (
        _looping(said, text, checks)
        or _lengthy(said, text, checks)
        or (_lined(said, text) if checks.lines else None)
        or (_foreign(said, text, *pair) if checks.language else None)
        or (_marked(said, text) if checks.markers else None)
    )


def _marked(said: str, text: str) -> str | None:
    wrong = altered(text, said)
    return f"markers: {', '.join(wrong[:4])}" if wrong else None


def _lengthy(said: str, text: str, checks: Checks) -> str | None:
    """Characters of scripts without spaces say about three times as much."""
    given, got = _weight(text), _weight(said)
    if checks.longest is not None and got > checks.longest * given + 40:
        return f"length: {len(said)} characters for {len(text)}"
    if checks.shortest is not None and got < checks.shortest * given - 2:
        return f"length: {len(said)} characters for {len(text)}"
    return None


def _weight(text: str) -> int:
    return len(text) + 2 * len(_UNSPACED.findall(text))


def _lined(said: str, text: str) -> str | None:
    given, got = (sum(bool(line.strip()) for line in t.splitlines()) for t in (text, said))
    return f"lines: {got} for {given}" if got > given else None


def _looping(said: str, text: str, checks: Checks) -> str | None:
    if checks.repeats is None:
        return None
    count = loops(said)
    if count <= checks.repeats or count - loops(text) <= checks.repeats:
        return None
    return f"loop: {_shown(said)}"


def loops(text: str) -> int:
    """How often a unit of 1 to 8 words follows itself at most; 0 for none.

    Counted, unlike in `defects.looped`, which sends a text to another engine: a fault is graver.
    A run of one character counts as a word that repeats every fourth time: "!!!" is none.
    """
    words = [key(word) for word in tokenise(text).strings]
    most = 0
    for period in range(1, min(8, len(words) // 2) + 1):
        run = 0
        for at in range(period, len(words)):
            run = run + 1 if words[at] == words[at - period] else 0
            most = max(most, run // period)
    longest = max((len(run[0]) for run in _RUN.finditer(text)), default=0)
    return max(most, math.floor(longest / 4))


def _foreign(said: str, text: str, source: str, target: str) -> str | None:
    """An answer that is surely in the source's language, or in English where none is wanted.

    CLD2 tells in a tenth of a millisecond; close languages and names fool it, so that it must be
    sure, and an answer in the source's language must share half its words with the text.
    """
    if source == target or len(bare(said)) < 24:
        return None
    found = _told(said)
    if found is None or found == target or found not in {source, "eng"}:
        return None
    ours, theirs = _words(text), _words(said)
    if found == source and len(ours & theirs) * 2 < len(theirs):
        return None
    return f"language: {resolve(found).name} instead of {resolve(target).name}, {_shown(said)}"


def _told(text: str) -> str | None:
    """The language that CLD2 is sure of, by id; None if of none."""
    from pycld2 import detect
    from pycld2 import error as Unreadable  # noqa: N812

    printable = "".join(c for c in text if c.isprintable() or c.isspace())
    try:
        sure, _, found = detect(printable.encode(), isPlainText=True)
    except Unreadable:
        return None
    return _id(found[0][1]) if sure and found[0][2] >= 90 else None


@cache
def _id(code: str) -> str | None:
    try:
        return resolve(code).id
    except RecipeError:
        return None


def _words(text: str) -> set[str]:
    return {key(word) for word in tokenise(text).strings if _LETTER.search(word)}


def _shown(text: str) -> str:
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= 60 else f"{flat[:60]} …")
