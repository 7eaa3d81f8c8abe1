"""Words as a text-to-text model reads and writes them: each one as pieces of its own.

Words are tokenised in their text and never compared as strings: what the tokenizer cannot write
is copied as its unknown token, and offsets are those of the input.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from xltpipe.errors import RecipeError
from xltpipe.training.tag_grammar import TagGrammar
from xltpipe.types import Bounds

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TagStyle = Literal["tokens", "pieces"]
"""A tag is one token that is added to the vocabulary, or spelled with the pieces that are there."""


def tag_strings(labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """The opening and the closing tag of each label, same order."""
    return [f"<{label}>" for label in labels], [f"</{label}>" for label in labels]


def add_tags(tokenizer: PreTrainedTokenizerFast, labels: Sequence[str]) -> None:
    """Give each tag a token of its own."""
    openings, closings = tag_strings(labels)
    tokenizer.add_tokens([*openings, *closings], special_tokens=True)


@dataclass(frozen=True, slots=True)
class Speller:
    """A tokenizer with what stands around and between its pieces.

    `before` and `after` are the tokens that the tokenizer puts around any text; pieces of a word
    that are `reserved` (they end an output, or are a tag) become `unknown`.
    """

    tokenizer: PreTrainedTokenizerFast
    grammar: TagGrammar
    before: tuple[int, ...]
    after: tuple[int, ...]
    reserved: frozenset[int]
    unknown: int

    counted: ClassVar[tuple[str, ...]] = ("split_words", "unknown_words", "shortened_words")

    @property
    def around(self) -> int:
        """Tokens around the words of an input."""
        return len(self.before) + len(self.after)

    def read(self, words: Sequence[Sequence[int]]) -> list[int]:
        """The input that shows these words to a model."""
        return [*self.before, *(piece for word in words for piece in word), *self.after]

    def spell(
        self, text: str, bounds: Sequence[Bounds], longest: int
    ) -> tuple[list[tuple[int, ...]], Counter[str]]:
        """The pieces of each word, 1 to `longest`, and how many words could not be as they are.

        `split_words` shared a piece with a neighbour and were tokenised alone, `unknown_words`
        hold the unknown token, `shortened_words` lost pieces behind the longest.
        """
        counts: Counter[str] = Counter()
        words: list[tuple[int, ...]] = []
        for first, last, pieces in self._groups(text, bounds):
            if last - first == 1:
                words.append(pieces)
            else:
                counts["split_words"] += last - first
                words += [self._alone(text[start:end]) for start, end in bounds[first:last]]
        words = [
            tuple(self.unknown if p in self.reserved else p for p in word) or (self.unknown,)
            for word in words
        ]
        counts["unknown_words"] += sum(self.unknown in word for word in words)
        counts["shortened_words"] += sum(len(word) > longest for word in words)
        return [word[:longest] for word in words], counts

    def _groups(
        self, text: str, bounds: Sequence[Bounds]
    ) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """The words in groups that share no piece: half-open range and pieces.

        A piece on no word belongs to the word behind it, such as a lone mark for a space.
        """
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        starts, ends = [start for start, _ in bounds], [end for _, end in bounds]
        first, last = 0, 1
        pieces: list[int] = []
        for piece, (start, end) in zip(
            encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            low = min(bisect_right(ends, start), len(bounds) - 1)
            high = max(bisect_left(starts, end), low + 1)
            while low >= last:
                yield first, last, tuple(pieces)
                first, last, pieces = last, last + 1, []
            last = max(last, high)
            pieces.append(piece)
        while first < len(bounds):
            yield first, last, tuple(pieces)
            first, last, pieces = last, last + 1, []

    def _alone(self, word: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(word, add_special_tokens=False)["input_ids"])


def speller(tokenizer: PreTrainedTokenizerFast, labels: Sequence[str], style: TagStyle) -> Speller:
    """Learn from a tokenizer how it writes texts and tags.

    Raises:
        RecipeError: it has no token for an end or for the unknown, or tags cannot be told apart.
    """
    end, unknown = tokenizer.eos_token_id, tokenizer.unk_token_id
    if end is None or unknown is None:
        raise RecipeError(
            "Model must have a tokenizer with an end token and an unknown token, was: "
            f"eos {tokenizer.eos_token!r}, unk {tokenizer.unk_token!r}; take another model"
        )
    openings, closings = (
        [_tag(tokenizer, tag, style) for tag in tags] for tags in tag_strings(labels)
    )
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    before = next(i for i in range(len(whole)) if whole[i : i + len(plain)] == plain)
    reserved = set(tokenizer.all_special_ids)
    if style == "tokens":
        reserved.update(token for tag in (*openings, *closings) for token in tag)
    return Speller(
        tokenizer,
        TagGrammar(openings, closings, end),
        tuple(whole[:before]),
        tuple(whole[before + len(plain) :]),
        frozenset(reserved - {unknown}),
        unknown,
    )


def _tag(tokenizer: PreTrainedTokenizerFast, tag: str, style: TagStyle) -> tuple[int, ...]:
    if style == "tokens":
        return (tokenizer.convert_tokens_to_ids(tag),)
    return tuple(tokenizer(tag, add_special_tokens=False)["input_ids"])
