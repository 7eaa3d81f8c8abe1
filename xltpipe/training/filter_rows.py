"""Rows of FILTER: both sides of a unit, tokenised, with the labels of each.

A text longer than a window is cut into windows on both sides, and those at the same share of
their text are coupled, so that nothing of either side is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xltpipe.training.fitting import IGNORED
from xltpipe.training.sentences import Reading, Sentence, word_bounds
from xltpipe.training.windows import Inputs, Windows, cut
from xltpipe.types import Bounds, Example, Unit

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Row = dict[str, Any]
"""`target` and `source` (inputs), their labels, `places`, and with a teacher `soft`: its row."""


@dataclass(frozen=True, slots=True)
class Coupled:
    """A text and its counterpart: `couples` are (target window, source window)."""

    text: int
    bounds: tuple[Bounds, ...]
    target: Windows
    source: Windows
    couples: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Cutter:
    """Tokenises into windows of at most `length` tokens that share `overlap`."""

    tokenizer: PreTrainedTokenizerFast
    length: int
    overlap: int

    def couple(self, unit: Unit, text: int) -> Coupled:
        """One text of a unit with its counterpart (nothing, where the source has none)."""
        bounds = word_bounds(unit.target, text)
        there = text < len(unit.source.texts)
        other = unit.source.texts[text] if there else ""
        target = self._cut(unit.target.texts[text], bounds)
        source = self._cut(other, word_bounds(unit.source, text) if there else ())
        sizes = len(target.inputs), len(source.inputs)
        return Coupled(text, bounds, target, source, tuple(couples(*sizes)))

    def _cut(self, text: str, bounds: Sequence[Bounds]) -> Windows:
        return cut(self.tokenizer, text, bounds, self.length, self.overlap)

    def whole(self, example: Example) -> Inputs:
        """An example of one or two texts as one sequence; what is too long is cut off."""
        encoded = self.tokenizer(*example.texts[:2], truncation=True, max_length=self.length)
        return dict(encoded)


def couples(target: int, source: int) -> list[tuple[int, int]]:
    """Which of so many windows belong together: all of both sides, in order."""
    most = max(target, source)
    return [(i * target // most, i * source // most) for i in range(most)]


def span_rows(
    unit: Unit, cutter: Cutter, ids: Mapping[str, int], readings: tuple[Reading, Reading]
) -> list[Row]:
    """The rows of all texts of a unit; `readings` count what they see, target's and source's."""
    rows: list[Row] = []
    for text in range(len(unit.target.texts)):
        coupled = cutter.couple(unit, text)
        mine, places = _labels(coupled.target, _tags(unit.target, text, readings[0]), ids)
        other, _ = _labels(coupled.source, _tags(unit.source, text, readings[1]), ids)
        rows += [
            {
                "target": coupled.target.inputs[a],
                "source": coupled.source.inputs[b],
                "target_labels": mine[a],
                "source_labels": other[b],
                "places": places[a],
            }
            for a, b in coupled.couples
            if any(places[a]) or any(label != IGNORED for label in other[b])
        ]
    return rows


def sequence_row(unit: Unit, cutter: Cutter, ids: Mapping[str, int]) -> Row | None:
    """The row of a unit with one label; None where neither side has one that is known."""
    labels = [ids.get(side.label or "", IGNORED) for side in (unit.target, unit.source)]
    if labels == [IGNORED, IGNORED]:
        return None
    return {
        "target": cutter.whole(unit.target),
        "source": cutter.whole(unit.source),
        "target_labels": labels[0],
        "source_labels": labels[1],
        "places": True,
    }


def sentence(example: Example, text: int, reading: Reading) -> Sentence | None:
    """One text of an example as words and tags; None where it has no word, or is not there."""
    if text >= len(example.texts):
        return None
    alone = replace(
        example,
        texts=(example.texts[text],),
        spans=tuple(replace(s, text=0) for s in example.spans if s.text == text),
        tokens=example.tokens if text == 0 else (),
        masked=(0,) if text in example.masked else (),
        links=(),
    )
    return next(iter(reading.sentences([alone])), None)


def _tags(example: Example, text: int, reading: Reading) -> tuple[str, ...]:
    found = sentence(example, text, reading)
    return () if found is None else found.tags


def _labels(
    windows: Windows, tags: Sequence[str], ids: Mapping[str, int]
) -> tuple[list[list[int]], list[list[bool]]]:
    """Label and whether a word begins there, for each token of each window."""
    labels = [[IGNORED] * len(inputs["input_ids"]) for inputs in windows.inputs]
    places = [[False] * len(inputs["input_ids"]) for inputs in windows.inputs]
    for place, tag in zip(reversed(windows.places), reversed(tags), strict=True):
        if place is not None:  # backwards, so that the first word on a token decides
            labels[place[0]][place[1]] = ids.get(tag, IGNORED)
            places[place[0]][place[1]] = True
    return labels, places
