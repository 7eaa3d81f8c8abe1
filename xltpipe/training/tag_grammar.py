"""Tag grammar: which token may follow when words are copied and tags put around some of them.

A finite-state automaton over token ids, after the constrained decoding of De Cao et al. (2021):
a text-to-text tagger may copy the next piece of its input, open a span before a word, or close
the open one after a word. What it writes is then always its input with balanced tags that
neither nest nor stand around nothing, so every span is found again by counting words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from xltpipe.errors import DataError, RecipeError

Tokens = tuple[int, ...]
Chunk = tuple[int, int, int]
"""Half-open word range and the index of its label."""


class Position(NamedTuple):
    """Where a reading of the output stands; `label` is -1 where no span is open."""

    word: int  # words copied whole; one more than there are once the end is written
    piece: int = 0  # pieces copied of the next word
    label: int = -1
    filled: bool = False  # the open span holds a word
    written: int = 0  # tokens of the tag that is being written: a closing one if filled
    room: int = 0  # tokens that tags may still take, those of the open span already taken


States = frozenset[Position]
"""All readings of one output: a tag and a word may begin with the same token."""


class TagGrammar:
    """The tags of a tagger as token ids, and the token that ends an output.

    Raises:
        RecipeError: a tag has no token, holds the end, or is written like another one.
    """

    def __init__(
        self, openings: Sequence[Sequence[int]], closings: Sequence[Sequence[int]], end: int
    ) -> None:
        self.openings, self.closings = [*map(tuple, openings)], [*map(tuple, closings)]
        self.end = end
        if len(self.openings) != len(self.closings) or len({*self.openings}) < len(self.openings):
            raise RecipeError(
                "Tags must be one pair per label and differ in their tokens, was: "
                f'{self.openings}, {self.closings}; tags = "tokens" makes each a token of its own'
            )
        if any(not tag or end in tag for tag in (*self.openings, *self.closings)):
            raise RecipeError(
                f"Tags must have tokens, and not the one that ends an output ({end}), was: "
                f'{self.openings}, {self.closings}; tags = "tokens" makes each a token of its own'
            )

    def over(self, words: Sequence[Sequence[int]], limit: int | None = None) -> Automaton:
        """The automaton for one input; an output has at most `limit` tokens, the end included.

        Raises:
            DataError: a word has no token or holds the end, or the words do not fit the limit.
        """
        return Automaton(self, words, limit)

    def write(self, words: Sequence[Sequence[int]], chunks: Sequence[Chunk]) -> list[int]:
        """The output that stands for these chunks, which ascend and do not overlap."""
        out: list[int] = []
        at = 0
        for first, last, label in chunks:
            out += [piece for word in words[at:first] for piece in word]
            out += self.openings[label]
            out += [piece for word in words[first:last] for piece in word]
            out += self.closings[label]
            at = last
        return [*out, *(piece for word in words[at:] for piece in word), self.end]


class Automaton:
    """What may follow in the output for one input. No reading ever comes to a dead end."""

    def __init__(
        self, grammar: TagGrammar, words: Sequence[Sequence[int]], limit: int | None
    ) -> None:
        self._grammar = grammar
        self._words = [*map(tuple, words)]
        if any(not word or grammar.end in word for word in self._words):
            raise DataError(
                f"Words must have tokens, and not the one that ends an output ({grammar.end}), "
                f"was: {self._words}"
            )
        plain = sum(map(len, self._words)) + 1
        costs = [len(a) + len(b) for a, b in zip(grammar.openings, grammar.closings, strict=True)]
        room = max(costs, default=0) * len(self._words)  # enough for a span on each word
        if limit is not None:
            room = min(room, limit - plain)
        if room < 0:
            raise DataError(f"Words must fit into {limit} tokens with the end, was: {plain}")
        self._costs = costs
        self.longest = plain + room
        self.refused = False
        """An opening was left out for want of room, in some reading of some output."""
        self.start: States = frozenset([Position(0, room=room)])

    def allowed(self, states: States) -> list[int]:
        """The tokens that may follow, distinct and ascending; none after the end."""
        return sorted({token for position in states for token, _ in self._moves(position)})

    def follow(self, states: States, token: int) -> States:
        """The readings after one more token; empty where it was not allowed."""
        return frozenset(
            after for position in states for it, after in self._moves(position) if it == token
        )

    def read(self, tokens: Sequence[int]) -> list[Chunk] | None:
        """The chunks that an output marks, ascending; None where it is not of the grammar.

        Where words look like tags an output may have several readings: the one is taken that
        copies where they part.
        """
        readings: dict[Position, tuple[Chunk, ...]] = dict.fromkeys(self.start, ())
        for token in tokens:
            following: dict[Position, tuple[Chunk, ...]] = {}
            for position, chunks in readings.items():
                for it, after in self._moves(position):
                    if it == token:
                        following.setdefault(after, _extended(chunks, position, after))
            readings = following
        done = [chunks for p, chunks in readings.items() if p.word > len(self._words)]
        return list(done[0]) if done else None

    def _moves(self, at: Position) -> Iterator[tuple[int, Position]]:
        """The tokens that may follow one reading, and where they lead; copying comes first."""
        if at.word > len(self._words):
            return
        if at.written:
            yield self._tag(at, at.written)
            return
        if at.word < len(self._words):
            yield self._copy(at)
        elif at.label < 0:
            yield self._grammar.end, at._replace(word=at.word + 1)
        if at.piece:
            return
        if at.label >= 0 and at.filled:
            yield self._tag(at, 0)
        elif at.label < 0 and at.word < len(self._words):
            yield from self._open(at)

    def _copy(self, at: Position) -> tuple[int, Position]:
        word = self._words[at.word]
        if at.piece + 1 < len(word):
            return word[at.piece], at._replace(piece=at.piece + 1)
        return word[at.piece], at._replace(word=at.word + 1, piece=0, filled=at.label >= 0)

    def _open(self, at: Position) -> Iterator[tuple[int, Position]]:
        for label, cost in enumerate(self._costs):
            if cost <= at.room:
                yield self._tag(at._replace(label=label, room=at.room - cost), 0)
            else:
                self.refused = True

    def _tag(self, at: Position, written: int) -> tuple[int, Position]:
        """One more token of the opening or closing tag."""
        tag = (self._grammar.closings if at.filled else self._grammar.openings)[at.label]
        if written + 1 < len(tag):
            return tag[written], at._replace(written=written + 1)
        if at.filled:
            return tag[written], at._replace(label=-1, filled=False, written=0)
        return tag[written], at._replace(written=0)


def _extended(chunks: tuple[Chunk, ...], before: Position, after: Position) -> tuple[Chunk, ...]:
    """The chunks of a reading after one more token: `last` is 0 in one that is still open."""
    if before.label >= 0 and after.label < 0:
        first, _, label = chunks[-1]
        return (*chunks[:-1], (first, after.word, label))
    if before.label < 0 <= after.label:
        return (*chunks, (after.word, 0, after.label))
    return chunks
