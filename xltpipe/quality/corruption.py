"""Corruption: faults made on purpose, each of one kind, to learn and to measure what scores see.

As bicleaner and OPUS-CAT train on spoilt pairs (Sánchez-Cartagena et al., 2018), with faults of
labels besides. A fault is as silent as it can be: everything that is not the fault stays in order.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import regex

from xltpipe.errors import RecipeError
from xltpipe.quality.corruption_edit import (
    rewritten,
    unlabelled,
    with_span,
    with_target,
    without_spans,
    words_of,
)
from xltpipe.types import Example, Span, Unit

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Corrupted:
    """A spoilt unit: its kind of fault, and what was changed, in words."""

    unit: Unit
    kind: str
    change: str


@dataclass(frozen=True, slots=True)
class Pool:
    """What a fault may take from other rows: units by the labels of their spans, span texts by
    label, and texts in a third language by id.
    """

    alike: Mapping[tuple[str, ...], Sequence[Unit]]
    names: Mapping[str, Sequence[str]]
    third: Mapping[str, str]

    @classmethod
    def of(cls, units: Sequence[Unit], third: Mapping[str, str] | None = None) -> Pool:
        alike: dict[tuple[str, ...], list[Unit]] = defaultdict(list)
        names: dict[str, dict[str, None]] = defaultdict(dict)
        for unit in units:
            alike[_labels(unit)].append(unit)
            for span in unit.target.spans:
                names[span.label][unit.target.covered(span)] = None
        return cls(alike, {label: list(found) for label, found in names.items()}, third or {})


Made = tuple[Unit, str] | None
"""The spoilt unit and what was changed; None where the fault cannot be made of this unit."""


def corrupt(
    units: Sequence[Unit], kind: str, seed: int, *, third: Mapping[str, str] | None = None
) -> list[Corrupted | None]:
    """Each unit with one fault of this kind, same order; None where it cannot have it.

    Raises:
        RecipeError: there is no such kind.
    """
    if kind not in KINDS:
        raise RecipeError(f"Corruption must be one of {', '.join(KINDS)}, was: {kind!r}")
    pool = Pool.of(units, third)
    out: list[Corrupted | None] = []
    for unit in units:
        key = crc32(f"{kind}\n{unit.source.id}".encode("utf-8", "surrogatepass"))
        made = KINDS[kind](unit, np.random.default_rng([seed, key]), pool)
        out.append(None if made is None else Corrupted(made[0], kind, made[1]))
    return out


def _labels(unit: Unit) -> tuple[str, ...]:
    return tuple(span.label for span in unit.target.spans)


def _pick(random: Random, size: int) -> int:
    return int(random.integers(size))


def _swapped(unit: Unit, random: Random, pool: Pool) -> Made:
    """The target of another row with spans of the same labels, in length as near as possible."""
    others = [
        o
        for o in pool.alike.get(_labels(unit), ())
        if o.target.texts != unit.target.texts and len(o.target.texts) == len(unit.target.texts)
    ]
    if not others:
        return None
    size = sum(map(len, unit.target.texts))
    near = sorted(others, key=lambda o: abs(sum(map(len, o.target.texts)) - size))[:10]
    other = near[_pick(random, len(near))]
    target = replace(other.target, id=unit.target.id, label=unit.target.label)
    return with_target(unit, target), f"target of {other.source.id}"


def _truncated(unit: Unit, random: Random, _: Pool) -> Made:
    """The end of a text cut off, a third to two thirds of its words; behind its spans if it can."""
    text = _pick(random, len(unit.target.texts))
    words = words_of(unit.target, text)
    if len(words) < 6:
        return None
    places = [words[n][1] for n in range(len(words) // 3, 2 * len(words) // 3)]
    inside = [s for s in unit.target.spans if s.text == text]
    clear = [p for p in places if not any(s.start < p < s.end for s in inside)]
    best = [p for p in clear if all(s.end <= p for s in inside)] or clear
    if not best:
        return None
    at = best[_pick(random, len(best))]
    spans = enumerate(unit.target.spans)
    gone = {n for n, s in spans if s.text == text and s.start >= at}
    cut = without_spans(unit, gone, "cut_off") if gone else unit
    target = rewritten(cut.target, text, (at, len(cut.target.texts[text])), "")
    if target is None:
        return None
    return with_target(cut, target), f"cut at character {at}, {len(gone)} spans with it"


def _wrong_language(unit: Unit, _: Random, pool: Pool) -> Made:
    """The source in place of the target, or the text of a third language, then without spans."""
    third = pool.third.get(unit.source.id)
    if third is not None:
        bare = without_spans(unit, set(range(len(unit.target.spans))), "other_language")
        texts = (third, *unit.target.texts[1:])
        return with_target(bare, replace(bare.target, texts=texts, tokens=())), "third language"
    if unit.source.texts == unit.target.texts or len(unit.source.texts) != len(unit.target.texts):
        return None
    placed = [p for p in unit.placements if p.target is not None]
    spans = tuple(unit.source.spans[p.source] for p in placed)
    at = {p.source: n for n, p in enumerate(placed)}
    placements = tuple(
        replace(p, target=at[p.source]) if p.source in at else p for p in unit.placements
    )
    target = replace(unit.target, texts=unit.source.texts, spans=spans, tokens=())
    return with_target(replace(unit, placements=placements), target), "left in the source language"


def _dropped_span(unit: Unit, random: Random, _: Pool) -> Made:
    """A span is missing in the target, as a projector that loses it leaves it."""
    if not unit.target.spans:
        return None
    gone = _pick(random, len(unit.target.spans))
    return without_spans(unit, {gone}, "dropped"), f"dropped {_told(unit, gone)}"


def _unlabelled_span(unit: Unit, random: Random, _: Pool) -> Made:
    """A span is missing on both sides: a gap in the annotation, which no projection can see."""
    placed = [n for n, p in enumerate(unit.placements) if p.target is not None]
    if not placed:
        return None
    number = placed[_pick(random, len(placed))]
    at = unit.placements[number].target or 0
    return unlabelled(unit, number), f"unlabelled {_told(unit, at)}"


def _shifted_span(unit: Unit, random: Random, _: Pool) -> Made:
    """A whole span moved by one to three words."""
    return _moved(unit, random, [(by, by) for by in (-3, -2, -1, 1, 2, 3)])


def _moved_boundary(unit: Unit, random: Random, _: Pool) -> Made:
    """One boundary of a span moved by a word."""
    return _moved(unit, random, [(-1, 0), (1, 0), (0, -1), (0, 1)])


def _moved(unit: Unit, random: Random, moves: Sequence[tuple[int, int]]) -> Made:
    """A span with its first and last word moved so far; it stays in the text, clear of others."""
    spans = unit.target.spans
    found = []
    for number, span in enumerate(spans):
        words = words_of(unit.target, span.text)
        first = next((n for n, w in enumerate(words) if w[1] > span.start), None)
        last = next((n for n in reversed(range(len(words))) if words[n][0] < span.end), None)
        if first is None or last is None or first > last:
            continue
        others = [s for n, s in enumerate(spans) if n != number and s.text == span.text]
        for begin, end in moves:
            a, b = first + begin, last + end
            if not 0 <= a <= b < len(words):
                continue
            new = replace(span, start=words[a][0], end=words[b][1])
            if not any(new.start < o.end and o.start < new.end for o in others):
                found.append((number, new))
    if not found:
        return None
    number, new = found[_pick(random, len(found))]
    made = with_span(unit, number, new)
    return made, f"{_told(unit, number)} is {made.target.covered(new)!r} now"


def _swapped_labels(unit: Unit, random: Random, _: Pool) -> Made:
    """Two target spans with each other's labels."""
    return _exchanged(unit, random, places=False)


def _swapped_places(unit: Unit, random: Random, _: Pool) -> Made:
    """Two spans of different labels placed where the other belongs: every label count is right."""
    return _exchanged(unit, random, places=True)


def _exchanged(unit: Unit, random: Random, *, places: bool) -> Made:
    spans = unit.target.spans
    pairs = [
        (a, b)
        for a in range(len(spans))
        for b in range(a + 1, len(spans))
        if spans[a].label != spans[b].label and spans[a].text == spans[b].text
    ]
    if not pairs:
        return None
    a, b = pairs[_pick(random, len(pairs))]
    made = with_span(unit, a, replace(spans[a], label=spans[b].label))
    made = with_span(made, b, replace(spans[b], label=spans[a].label))
    if places:
        other = {a: b, b: a}
        placements = tuple(
            replace(p, target=other.get(p.target, p.target)) if p.target is not None else p
            for p in unit.placements
        )
        made = replace(made, placements=placements)
    return made, f"{_told(unit, a)} and {_told(unit, b)} exchanged"


def _number_changed(unit: Unit, random: Random, _: Pool) -> Made:
    """One number with another digit."""
    found = [
        (text, match)
        for text, whole in enumerate(unit.target.texts)
        for match in regex.finditer(r"\p{Nd}", whole)
    ]
    if not found:
        return None
    text, match = found[_pick(random, len(found))]
    old = unicodedata.decimal(match.group())
    new = (old + 1 + _pick(random, 9)) % 10
    digit = chr(ord(match.group()) - old + new)
    target = rewritten(unit.target, text, match.span(), digit)
    return _with(unit, target, f"{match.group()} is {digit} now")


NEGATIONS = {
    "deu": r"nicht|kein(?:e[mnrs]?)?|nie(?:mals)?",
    "eng": r"not|never|no",
    "fra": r"ne|n['’]|pas|jamais",
    "ita": r"non|mai",
    "nld": r"niet|geen|nooit",
    "por": r"não|nunca|nem",
    "spa": r"no|nunca|jamás|ni",
}
"""Words that deny, of languages where leaving one out turns the sense round. French says it twice:
one of the two is left out."""


def _negation_dropped(unit: Unit, random: Random, _: Pool) -> Made:
    """A word that denies is left out; only in the languages of NEGATIONS."""
    words = NEGATIONS.get(unit.target.lang)
    if words is None:
        return None
    pattern = regex.compile(rf"(?i)(?<![\p{{L}}\p{{N}}])(?:{words})(?![\p{{L}}\p{{N}}])\s*")
    found = [(n, m) for n, t in enumerate(unit.target.texts) for m in pattern.finditer(t)]
    while found:
        text, match = found.pop(_pick(random, len(found)))
        target = rewritten(unit.target, text, match.span(), "")
        if target is not None and target.texts[text].strip():
            return with_target(unit, target), f"{match.group().strip()!r} left out"
    return None


def _name_changed(unit: Unit, random: Random, pool: Pool) -> Made:
    """The text of a span replaced by that of another row's span of the same label."""
    spans = unit.target.spans
    if not spans:
        return None
    number = _pick(random, len(spans))
    span: Span = spans[number]
    own = unit.target.covered(span)
    names = [n for n in pool.names.get(span.label, ()) if n.casefold() != own.casefold()]
    if not names:
        return None
    name = names[_pick(random, len(names))]
    target = rewritten(unit.target, span.text, (span.start, span.end), name)
    return _with(unit, target, f"{own!r} is {name!r} now")


def _with(unit: Unit, target: Example | None, change: str) -> Made:
    return None if target is None else (with_target(unit, target), change)


def _told(unit: Unit, number: int) -> str:
    span = unit.target.spans[number]
    return f"{unit.target.covered(span)!r} [{span.label}]"


KINDS: Mapping[str, Callable[[Unit, Random, Pool], Made]] = {
    "swapped": _swapped,
    "truncated": _truncated,
    "wrong_language": _wrong_language,
    "dropped_span": _dropped_span,
    "unlabelled_span": _unlabelled_span,
    "shifted_span": _shifted_span,
    "moved_boundary": _moved_boundary,
    "swapped_labels": _swapped_labels,
    "swapped_places": _swapped_places,
    "number_changed": _number_changed,
    "negation_dropped": _negation_dropped,
    "name_changed": _name_changed,
}
"""All kinds of faults."""
