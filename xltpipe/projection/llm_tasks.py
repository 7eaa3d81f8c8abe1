"""Tasks: what to ask a language model about one span, and what its answer means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from xltpipe.errors import RecipeError
from xltpipe.projection.llm_answers import find
from xltpipe.projection.llm_cells import (
    Limits,
    candidates,
    cells,
    count,
    fits,
    limits,
    longest,
    pattern,
    spelled,
)
from xltpipe.text import is_punctuation
from xltpipe.translation.server_answers import Answer, Question
from xltpipe.types import Bounds, Span, Unit

Mode = Literal["choice", "regex", "free"]

LONGEST_PATTERN = 16384
"""Characters of a regular expression over which spans are asked for freely: servers compile it.

xgrammar 0.2.8, vLLM's engine, takes 0.6 s for as many and 0.1 s for 512 choices, with 128,000
tokens on one core; 3,000 choices take 4 s and 5,800 take 96 s with 257 tokens already.
"""

_ROOM = 16  # tokens for quotes and the end, beside the longest answer there can be


@dataclass(frozen=True, slots=True)
class Bounded:
    """How answers are held to the text: see the settings of `Llm`."""

    mode: Mode
    ratio: float
    most_choices: int


@dataclass(frozen=True, slots=True)
class Task:
    """A question about one span; `options` are the choices with their places in the target."""

    text: str
    mode: Mode
    question: Question
    options: Mapping[str, Sequence[Bounds]]
    cells: Sequence[Bounds]
    within: Limits


@dataclass(frozen=True, slots=True)
class Said:
    """All places where an answer stands in the text, its confidence, and how it was come by."""

    places: tuple[Bounds, ...]
    score: float | None
    method: str


def task(unit: Unit, span: Span, prompt: str, bounded: Bounded, seed: int) -> Task | str:
    """What to ask for a span, or the reason why nothing can be asked."""
    text = unit.target.texts[span.text]
    ours, theirs = cells(unit.source, span.text), cells(unit.target, span.text)
    if not theirs:
        return "text_missing"
    covered, words = unit.source.covered(span), max(1, count(span, ours))
    within = limits(covered, words, (len(ours), len(theirs)), bounded.ratio)
    if not any(fits(cell, text, theirs, within) for cell in theirs):
        return "punctuation_only"
    room = longest(text, theirs, within) + _ROOM
    if bounded.mode == "choice":
        options = candidates(text, theirs, within, bounded.most_choices)
        if options:
            question = Question(prompt, room, choice=tuple(options), seed=seed)
            return Task(text, "choice", question, options, theirs, within)
    if bounded.mode != "free" and spelled(text):
        regex = pattern(text, theirs, within)
        if len(regex) <= LONGEST_PATTERN:
            question = Question(prompt, room, regex=regex, seed=seed)
            return Task(text, "regex", question, {}, theirs, within)
    return Task(text, "free", Question(prompt, room, seed=seed), {}, theirs, within)


def read(asked: Task, answer: Answer) -> Said | str:
    """Where an answer stands in the text, or the reason why it is of no use.

    Raises:
        RecipeError: the server did not hold to the choices, so that it does not know them.
    """
    said = answer.text.strip()
    if asked.mode == "free":
        return _read_free(asked, answer)
    if asked.mode == "choice":
        places, begun = asked.options.get(said, ()), any(o.startswith(said) for o in asked.options)
    else:
        found = find(said, asked.text, asked.cells)
        copied = found is not None and found.how != "widened"
        places = _fitting(asked, found.places) if found and copied else ()
        begun = found is not None
    if places and answer.whole:
        return Said(tuple(places), answer.probability, f"llm:{asked.mode}")
    if begun and not answer.whole:
        return "answer_truncated"
    raise RecipeError(
        f"Server must hold answers to structured_outputs, was: {said!r}, which is none of the "
        'choices; that needs vLLM >= 0.12, else set mode = "free" (for a model that thinks '
        "first: template_arguments = { enable_thinking = false })"
    )


def _read_free(asked: Task, answer: Answer) -> Said | str:
    if not answer.text.strip():
        return "no_answer" if answer.whole else "answer_truncated"
    found = find(answer.text, asked.text, asked.cells)
    if found is None:
        return "not_in_text" if answer.whole else "answer_truncated"
    trimmed = [_trimmed(asked, place) for place in found.places]
    if not any(trimmed):
        return "punctuation_only"
    places = _fitting(asked, [place for place in trimmed if place is not None])
    if not places:
        return "answer_too_long"
    method = "llm:free" if found.how == "exact" else f"llm:free:{found.how}"
    return Said(tuple(places), answer.mean_probability, method)


def _fitting(asked: Task, places: Sequence[Bounds]) -> list[Bounds]:
    return [place for place in places if fits(place, asked.text, asked.cells, asked.within)]


def _trimmed(asked: Task, place: Bounds) -> Bounds | None:
    """Without the punctuation at edges where the source span has none."""
    inside = [(a, b) for a, b in asked.cells if a < place[1] and place[0] < b]
    while inside and not asked.within.opening and is_punctuation(asked.text[slice(*inside[0])]):
        inside.pop(0)
    while inside and not asked.within.closing and is_punctuation(asked.text[slice(*inside[-1])]):
        inside.pop()
    return (inside[0][0], inside[-1][1]) if inside else None
