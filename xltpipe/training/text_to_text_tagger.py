"""TextToTextTagger: writes each text again with tags in it, and reads the spans off by counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from xltpipe import progress
from xltpipe.schemes import spans_from_tags
from xltpipe.training.sentences import read_settings, word_bounds
from xltpipe.training.tag_grammar import Automaton, Chunk
from xltpipe.training.text_to_text_decoding import Decoder, Free, Grammatical
from xltpipe.training.text_to_text_model import longest_output
from xltpipe.training.text_to_text_windows import cut, owners
from xltpipe.training.text_to_text_words import Speller, speller
from xltpipe.training.transformers_heads import Opened
from xltpipe.types import Bounds, Example, Span

CHUNK = 256
"""Examples whose windows are sorted by length together, and between two ticks."""


@dataclass(frozen=True, slots=True)
class _Text:
    """One text with a word: where it is from, and its windows of words with their automata."""

    row: int
    index: int
    bounds: tuple[Bounds, ...]
    ranges: list[range]
    inputs: list[list[int]]
    automata: list[Automaton]


class TextToTextTagger:
    """A trained encoder-decoder. Batches and threads do not change its spans.

    `counts` says what was not as it should be, since the tagger was made: `lost_texts` (with
    `constrained` off: the output is not the input with balanced tags, and none of its spans is
    used), `cramped_texts` (the decoder had no room for a tag somewhere) and those of `Speller`.

    Raises:
        DataError: there is no model in `home`, or it cannot be read.
    """

    def __init__(
        self,
        home: Path,
        *,
        device: Literal["auto", "cpu"],
        batch_size: int,
        beams: int,
        length_penalty: float,
        constrained: bool,
    ) -> None:
        settings = read_settings(home, "text_to_text")
        self._length, self._overlap = int(settings["max_tokens"]), int(settings["overlap"])
        self._labels: list[str] = list(settings["labels"])
        self._batch_size, self._constrained = batch_size, constrained
        opened = Opened(home, "Seq2SeqLM", device)
        model, tokenizer = opened.model, opened.tokenizer
        self._speller: Speller = speller(tokenizer, self._labels, settings["tags"])
        positions = longest_output(model)
        self._limit = None if positions is None else positions - len(self._speller.before)
        self._decoder = Decoder(
            model,
            before=self._speller.before,
            end=self._speller.grammar.end,
            pad=tokenizer.pad_token_id,
            beams=beams,
            length_penalty=length_penalty,
        )
        self.counts: Counter[str] = Counter()

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with predicted spans, on `Example.tokens` where given."""
        out: list[Example] = []
        before = self.counts.copy()
        for start in range(0, len(examples), CHUNK):
            batch = examples[start : start + CHUNK]
            out += self._tag(batch)
            progress.tick("predict", len(batch))
        for name, count in sorted((self.counts - before).items()):
            if name != "split_words":  # exact all the same
                progress.note(f"text_to_text: {count} {name} in {len(examples)} examples")
        return out

    def _tag(self, examples: Sequence[Example]) -> list[Example]:
        texts = [
            self._text(row, index, text, bounds)
            for row, example in enumerate(examples)
            for index, text in enumerate(example.texts)
            if (bounds := word_bounds(example, index))
        ]
        written = iter(self._write(texts))
        spans: list[list[Span]] = [[] for _ in examples]
        for text in texts:
            chunks = [automaton.read(next(written)) for automaton in text.automata]
            if None in chunks:
                self.counts["lost_texts"] += 1
                continue
            self.counts["cramped_texts"] += any(a.refused for a in text.automata)
            tags = self._tags(text, [c for c in chunks if c is not None])
            found = spans_from_tags(tags, text.bounds, "bio")[0]
            spans[text.row] += [replace(span, text=text.index) for span in found]
        return [replace(e, spans=tuple(s)) for e, s in zip(examples, spans, strict=True)]

    def _text(self, row: int, index: int, text: str, bounds: tuple[Bounds, ...]) -> _Text:
        spell = self._speller
        windows = cut(spell, text, bounds, self._length, self._overlap)
        self.counts += windows.counts
        inputs = [spell.read(words) for words in windows.words]
        automata = [spell.grammar.over(words, self._limit) for words in windows.words]
        return _Text(row, index, bounds, windows.ranges, inputs, automata)

    def _write(self, texts: Sequence[_Text]) -> list[list[int]]:
        """The output for each window of each text, same order."""
        inputs = [row for text in texts for row in text.inputs]
        automata = [automaton for text in texts for automaton in text.automata]
        order = sorted(range(len(inputs)), key=lambda i: len(inputs[i]))
        out: list[list[int]] = [[]] * len(inputs)
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            guides = [self._guide(automata[i]) for i in rows]
            written = self._decoder.write([inputs[i] for i in rows], guides)
            for i, tokens in zip(rows, written, strict=True):
                out[i] = tokens
        return out

    def _guide(self, automaton: Automaton) -> Grammatical | Free:
        if self._constrained:
            return Grammatical(automaton)
        return Free(automaton.longest, self._speller.grammar.end)

    def _tags(self, text: _Text, chunks: Sequence[Sequence[Chunk]]) -> list[str]:
        """One tag per word, from the window that shows the most of its context."""
        written = [
            _written(len(words), marked, self._labels)
            for words, marked in zip(text.ranges, chunks, strict=True)
        ]
        return [
            written[window][word - text.ranges[window].start]
            for word, window in enumerate(owners(text.ranges, len(text.bounds)))
        ]


def _written(count: int, chunks: Sequence[Chunk], labels: Sequence[str]) -> list[str]:
    tags = ["O"] * count
    for first, last, label in chunks:
        tags[first:last] = [f"B-{labels[label]}", *[f"I-{labels[label]}"] * (last - first - 1)]
    return tags
