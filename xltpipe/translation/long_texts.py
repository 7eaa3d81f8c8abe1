"""Long texts, and such of several lines: cut into parts, and their translations joined again.

A part is a sentence, or a piece of one that is too long itself. Parts cover the text but for white
space, which comes back between their translations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import regex

from xltpipe import progress
from xltpipe.languages import Language
from xltpipe.text import UNSPACED
from xltpipe.translation.sentences import bare, inside, lines, marked, sentences
from xltpipe.types import Bounds, Translation

Fits = Callable[[Sequence[str]], Sequence[bool]]
"""Whether the model can hold each of these texts whole."""

_CLAUSE = regex.compile(r"[,;:—–](?=\s)|[，、；：،؛၊፣፤፥]")
_BREAK = regex.compile(r"[\r\n\u2028\u2029]")
_SPACE = regex.compile(r"\s+")
_GRAPHEME = regex.compile(r"\X")
_TIGHT = regex.compile(rf"[{UNSPACED}\u3000-\u303f\uff01-\uff65]")
_SPACELESS = frozenset({"zho", "yue", "jpn", "tha", "lao", "khm", "mya", "bod", "dzo"})
"""Languages that write no space between sentences, or none that is asked for."""


def cut(texts: Sequence[str], fits: Fits) -> list[list[Bounds]]:
    """The parts of each text, ascending; a part that fits nowhere is one that may not be cut.

    `fits` is asked for all texts at once, some ten times at most.
    """
    done: list[list[Bounds]] = [[] for _ in texts]
    todo = [(k, part) for k, text in enumerate(texts) for part in sentences(text)]
    while todo:
        held = fits([texts[k][start:end] for k, (start, end) in todo])
        again: list[tuple[int, Bounds]] = []
        for (k, part), fit in zip(todo, held, strict=True):
            halves = [] if fit else _halves(texts[k], part)
            again += [(k, half) for half in halves]
            if not halves:
                done[k].append(part)
        todo = again
    return [sorted(parts) for parts in done]


def by_lines(
    texts: Sequence[str], target: Language, best: Callable[[Sequence[str]], list[list[Translation]]]
) -> tuple[list[list[Translation]], int]:
    """What `best` finds for each text, but for texts of several lines what it finds line by line.

    Models were trained on single lines: they take a break for a space. Lists, verses and code keep
    their breaks and indents so. Also the number of such texts.
    """
    cuts = [lines(text) if _BREAK.search(text) else [] for text in texts]
    parts = [
        part
        for text, cut in zip(texts, cuts, strict=True)
        for part in ([text[a:b] for a, b in cut] if len(cut) > 1 else [text])
    ]
    several = sum(len(cut) > 1 for cut in cuts)
    if several:
        progress.expect("translate", len(parts) - len(texts))
    done = iter(best(parts))
    found: list[list[Translation]] = []
    for text, cut in zip(texts, cuts, strict=True):
        if len(cut) < 2:
            found.append(next(done))
            continue
        found.append(join_ranked(text, cut, [next(done) for _ in cut], target))
    return found, several


def join_ranked(
    text: str, parts: Sequence[Bounds], found: Sequence[Sequence[Translation]], target: Language
) -> list[Translation]:
    """The k-th best of the text, of the k-th best of each part; one that has fewer gives its last.

    A part that cannot be translated has its fault alone.
    """
    most = max(map(len, found))
    ranks = [[one[min(k, len(one) - 1)] for one in found] for k in range(most)]
    return [join(text, parts, one, target) for one in ranks]


def join(
    text: str, parts: Sequence[Bounds], translations: Sequence[Translation], target: Language
) -> Translation:
    """One translation of the text: scores and counts of all its parts' tokens.

    A part that failed fails the whole.
    """
    fault = next((one.fault for one in translations if one.fault is not None), None)
    counts = partial(
        Translation,
        tokens_in=sum(one.tokens_in for one in translations),
        tokens_out=sum(one.tokens_out for one in translations),
    )
    if fault is not None:
        return counts("", fault=fault)
    scored = [(one.score, one.tokens_out) for one in translations if one.score is not None]
    tokens = sum(size for _, size in scored)
    whole = counts(
        "".join(_pieces(text, parts, [one.text for one in translations], target)),
        score=sum(score * size for score, size in scored) / tokens if tokens else None,
    )
    return replace(whole, truncated=any(one.truncated for one in translations))


def _pieces(
    text: str, parts: Sequence[Bounds], written: Sequence[str], target: Language
) -> Iterator[str]:
    end = None
    for (start, stop), translation in zip(parts, written, strict=True):
        if end is not None:
            yield text[end:start] or _gap(text, end, target)
        yield translation
        end = stop


def _gap(text: str, place: int, target: Language) -> str:
    """What to write between parts that nothing stood between, as in Chinese: a space, if the
    target has spaces and no word was cut in two.
    """
    tight = _TIGHT.match(text[place - 1]) or not text[place - 1].isalnum()
    return " " if tight and target.id not in _SPACELESS else ""


def _halves(text: str, part: Bounds) -> list[Bounds]:
    """Two parts out of one, cut at the best place near its middle; none if it may not be cut."""
    start, end = part
    whole = marked(text[start:end])
    middle, size = (end - start) / 2, end - start
    for places, margin in ((_clauses, 4), (_spaces, 8), (_spaces, size), (_graphemes, size)):
        free = [
            place
            for place in places(text[start:end])
            if size / margin <= place <= size - size / margin
            and 0 < place < size
            and not inside(place, whole)
        ]
        if free:
            at = start + min(free, key=lambda place: abs(place - middle))
            halves = (bare(text, (start, at)), bare(text, (at, end)))
            return [half for half in halves if half is not None]
    return []


def _clauses(text: str) -> Iterator[int]:
    return (match.end() for match in _CLAUSE.finditer(text))


def _spaces(text: str) -> Iterator[int]:
    return (match.start() for match in _SPACE.finditer(text))


def _graphemes(text: str) -> Iterator[int]:
    return (match.start() for match in _GRAPHEME.finditer(text))
