"""Corruption: faults made on purpose, each of one kind, to learn and to measure what scores see.

As bicleaner and OPUS-CAT train on spoilt pairs (Sánchez-Cartagena et al., 2018), with faults of
labels besides. A fault is as silent as it can be: everything that is not the fault stays in order.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import regex

from xltpipe.errors import RecipeError
from xltpipe.quality.corruption_edit import (
    rewritten,
    with_target,
    without_spans,
    words_of,
)
from xltpipe.quality.corruption_labels import (
    dropped_span,
    moved_boundary,
    shifted_span,
    swapped_labels,
    swapped_places,
    unlabelled_span,
)
from xltpipe.quality.corruption_pool import Made, Pool, Random, labels_of, pick
from xltpipe.types import Example, Span, Unit


@dataclass(frozen=True, slots=True)
class Corrupted:
    """A spoilt unit: its kind of fault, and what was changed, in words."""

    unit: Unit
    kind: str
    change: str


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


def _swapped(unit: Unit, random: Random, pool: Pool) -> Made:
    """The target of another row with spans of the same labels, in length as near as possible."""
    others = [
        o
        for o in pool.alike.get(labels_of(unit), ())
        if o.target.texts != unit.target.texts and len(o.target.texts) == len(unit.target.texts)
    ]
    if not others:
        return None
    size = sum(map(len, unit.target.texts))
    near = sorted(others, key=lambda o: abs(sum(map(len, o.target.texts)) - size))[:10]
    other = near[pick(random, len(near))]
    target = replace(other.target, id=unit.target.id, label=unit.target.label)
    return with_target(unit, target), f"target of {other.source.id}"


def _truncated(unit: Unit, random: Random, _: Pool) -> Made:
    """The end of a text cut off, a third to two thirds of its words; behind its spans if it can."""
    text = pick(random, len(unit.target.texts))
    words = words_of(unit.target, text)
    if len(words) < 6:
        return None
    places = [words[n][1] for n in range(len(words) // 3, 2 * len(words) // 3)]
    inside = [s for s in unit.target.spans if s.text == text]
    clear = [p for p in places if not any(s.start < p < s.end for s in inside)]
    best = [p for p in clear if all(s.end <= p for s in inside)] or clear
    if not best:
        return None
    at = best[pick(random, len(best))]
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
    target = replace(unit.target, texts=unit.source.texts, spans=spans, tokens=(), links=())
    return with_target(replace(unit, placements=placements), target), "left in the source language"


def _number_changed(unit: Unit, random: Random, _: Pool) -> Made:
    """One number with another digit."""
    found = [
        (text, match)
        for text, whole in enumerate(unit.target.texts)
        for match in regex.finditer(r"\p{Nd}", whole)
    ]
    if not found:
        return None
    text, match = found[pick(random, len(found))]
    old = unicodedata.decimal(match.group())
    new = (old + 1 + pick(random, 9)) % 10
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
        text, match = found.pop(pick(random, len(found)))
        target = rewritten(unit.target, text, match.span(), "")
        if target is not None and target.texts[text].strip():
            return with_target(unit, target), f"{match.group().strip()!r} left out"
    return None


def _name_changed(unit: Unit, random: Random, pool: Pool) -> Made:
    """The text of a span replaced by that of another row's span of the same label."""
    spans = unit.target.spans
    if not spans:
        return None
    number = pick(random, len(spans))
    span: Span = spans[number]
    own = unit.target.covered(span)
    names = [n for n in pool.names.get(span.label, ()) if n.casefold() != own.casefold()]
    if not names:
        return None
    name = names[pick(random, len(names))]
    target = rewritten(unit.target, span.text, (span.start, span.end), name)
    return _with(unit, target, f"{own!r} is {name!r} now")


def _with(unit: Unit, target: Example | None, change: str) -> Made:
    return None if target is None else (with_target(unit, target), change)


KINDS: Mapping[str, Callable[[Unit, Random, Pool], Made]] = {
    "swapped": _swapped,
    "truncated": _truncated,
    "wrong_language": _wrong_language,
    "dropped_span": dropped_span,
    "unlabelled_span": unlabelled_span,
    "shifted_span": shifted_span,
    "moved_boundary": moved_boundary,
    "swapped_labels": swapped_labels,
    "swapped_places": swapped_places,
    "number_changed": _number_changed,
    "negation_dropped": _negation_dropped,
    "name_changed": _name_changed,
}
"""All kinds of faults."""
