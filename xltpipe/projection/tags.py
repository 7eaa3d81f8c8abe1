"""Tags: spans as inline markup that the engine itself carries along with its words.

Exact, for the engine knows which of its words came out of which; but what it translates as one
phrase bears one tag, so function words get drawn in ("en [Ginebra]", "[a Ginebra]"), and it may
move words apart. Such edges are put right by rule (`pieces`), or the span has a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from xltpipe.alignment import AlignerSpec
from xltpipe.errors import RecipeError
from xltpipe.projection.aligned import words
from xltpipe.projection.filling import Placed, filled
from xltpipe.projection.markup import bounds
from xltpipe.projection.pairing import Pairing
from xltpipe.projection.pieces import Claim, Stretch, assemble, part
from xltpipe.projection.placing import area_of
from xltpipe.projection.tools import Projection, Tools
from xltpipe.projection.traits import Traits
from xltpipe.text import tokenise
from xltpipe.translation.tags import Piece, Tagged, read, taggable, write
from xltpipe.types import Example, Span, Unit


class Tags(Projection):
    """Settings: there is nothing to set."""

    kind: Literal["tags"] = "tags"

    in_place: ClassVar[bool] = False

    @property
    def marking(self) -> Tags:
        return self

    def meet(self, tools: Tools) -> None:
        if not tools.native_tags:
            raise RecipeError(UNTAGGED)

    def aligners(self) -> tuple[AlignerSpec, ...]:
        return ()

    def build(self, tools: Tools) -> TagProjector:
        return TagProjector(Traits(tools.source), Traits(tools.target))

    def sender(self, *, native_markers: bool) -> TagSender:  # noqa: ARG002 - those are others
        """What translation needs: the texts with their tags."""
        return TagSender()


UNTAGGED = (
    'projection "tags" needs an engine that carries tags by itself (translation "apertium"), was: '
    'one that does not; choose projection "aligned" or "markers", or another engine'
)


class TagSender:
    """Sends every span in a pair of tags that holds its number."""

    marks: ClassVar[tuple[str, ...]] = ()
    """None that a tokeniser could lose."""

    def prepare(self, example: Example) -> tuple[str, ...]:
        """The texts with tags; one that holds a character of ours goes without."""
        out = []
        for number, text in enumerate(example.texts):
            spans = [(k, s) for k, s in enumerate(example.spans) if s.text == number]
            out.append(write(text, _given(text, spans)) if taggable(text) else text)
        return tuple(out)


def _given(text: str, spans: Sequence[tuple[int, Span]]) -> list[Piece]:
    found = [(bounds(text, span.start, span.end), k) for k, span in spans]
    return [(*place, k) for place, k in found if place is not None]


class TagProjector(TagSender):
    """Reads the spans back from where their tags went.

    The method of a span that came back in pieces and was joined is `tags:joined`; of one whose tags
    were lost, but whose very text stands once in the target, `tags:copied`.
    """

    in_place: ClassVar[bool] = False

    def __init__(self, source: Traits, target: Traits) -> None:
        self._traits = source, target

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        """Fill the target's text (without tags), spans and placements.

        Reasons: tags_lost, discontinuous, span_empty, punctuation_only, overlap, not_markable,
        text_missing.
        """
        return [self._project(unit) for unit in units]

    def _project(self, unit: Unit) -> Unit:
        texts: list[str] = []
        found: dict[int, Placed | str] = {}
        for number, text in enumerate(unit.source.texts):
            marked = unit.received[number].text
            came = read(marked) if taggable(text) else Tagged(marked)
            texts.append(came.text)
            found |= self._text(unit.source, number, came)
        labelled = replace(unit, target=replace(unit.target, texts=tuple(texts), spans=()))
        return filled(labelled, found, "tags")

    def _text(self, source: Example, number: int, came: Tagged) -> dict[int, Placed | str]:
        spans = {k: s for k, s in enumerate(source.spans) if s.text == number}
        if not spans:
            return {}
        ours, theirs = words(source, number), tokenise(came.text)
        if not len(theirs):
            return dict.fromkeys(spans, "text_missing")
        if not taggable(ours.text):
            return dict.fromkeys(spans, "not_markable")
        pairing = Pairing(ours, theirs, (), self._traits)
        claims = {
            k: Claim(
                (span.start, span.end),
                area_of((span.start, span.end), ours.bounds),
                [(a, b, area_of((a, b), theirs.bounds)) for a, b, id in came.pieces if id == k],
            )
            for k, span in spans.items()
        }
        return {
            k: one if isinstance(one, str) else _placed(spans[k], one)
            for k, one in _outcomes(pairing, claims).items()
        }


def _placed(span: Span, found: Stretch) -> Placed:
    moved = replace(span, start=found.start, end=found.end)
    return Placed(moved, None, f"tags:{found.how}" if found.how else None)


def _outcomes(pairing: Pairing, claims: Mapping[int, Claim]) -> dict[int, Stretch | str]:
    found: dict[int, Stretch | str] = {}
    for k, claim in claims.items():
        others = [c for c in claims.values() if c.apart(claim)]
        found[k] = assemble(pairing, claim, others)
    for k, claim in claims.items():
        for m, other in claims.items():
            one, two = found[k], found[m]
            if m >= k or not claim.apart(other) or isinstance(one, str) or isinstance(two, str):
                continue
            if one.meets(two):
                found[k], found[m] = part(pairing, one, two)
    return found
