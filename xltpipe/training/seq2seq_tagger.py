"""Seq2SeqTagger: translates the first text of each example; the last is the translation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xltpipe import carried, progress
from xltpipe.training.sentences import read_settings
from xltpipe.training.seq2seq_speech import speech
from xltpipe.training.text_to_text_model import longest_output
from xltpipe.training.transformers_heads import Opened
from xltpipe.training.writing import Search, Writer
from xltpipe.types import Example

if TYPE_CHECKING:
    from xltpipe.training.seq2seq import Seq2Seq

_RATIO, _MORE, _STEP = 3, 16, 32
"""A translation has at most 3 times the tokens of its sentence and 16, up to the next multiple of
32: as the engine has it, whose texts are then the same.
"""


class Seq2SeqTagger:
    """A trained encoder-decoder. Predictions are the examples with another last text.

    `counts` says what was not as it should be, since the tagger was made: `cut_sentences` (longer
    than `max_tokens`: their beginning was read), `cut_translations` (at the limit).

    Raises:
        DataError: there is no model in `home`, or it cannot be read.
    """

    writes_last: ClassVar[bool] = True

    def __init__(self, home: Path, spec: Seq2Seq) -> None:
        settings = read_settings(home, spec.kind)
        opened = Opened(home, "Seq2SeqLM", spec.device)
        model, tokenizer = opened.model, opened.tokenizer
        self._tokenizer = tokenizer
        self._speech = speech(tokenizer, model, str(home), settings["into"], None)
        self._read = int(settings["max_tokens"])
        begin = [model.config.decoder_start_token_id, *self._speech.prefix]
        self._most = min(self._read, (longest_output(model) or 1 << 30) - len(begin))
        end, pad = self._speech.end, model.config.pad_token_id
        pad = end if pad is None else pad
        self._writer = Writer(
            model,
            Search(spec.beams, spec.length_penalty, spec.predict_batch_size),
            ends=[end],
            pad=pad,
            begin=begin,
            # holes in a text, as the engine has it: the unknown token and the filler
            never=sorted({pad, tokenizer.unk_token_id} - {None, end}),
        )
        self.counts: Counter[str] = Counter()

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with predicted last texts; of a blank sentence the translation is empty.

        Raises:
            RecipeError: the model has no token for a language.
        """
        before = self.counts.copy()
        asked = [n for n, e in enumerate(examples) if len(e.texts) > 1 and e.texts[0].strip()]
        progress.tick("predict", len(examples) - len(asked))
        inputs = [self._ids(examples[n]) for n in asked]
        caps = [min(self._most, ceil((_RATIO * len(i) + _MORE) / _STEP) * _STEP) for i in inputs]
        texts = [""] * len(examples)
        for n, one in zip(asked, self._writer.write(inputs, caps), strict=True):
            self.counts["cut_translations"] += not one.whole
            texts[n] = self._told(one.ids)
        for name, count in sorted((self.counts - before).items()):
            progress.note(f"seq2seq: {count} {name} in {len(examples)} examples")
        return [carried.answered(e, text) for e, text in zip(examples, texts, strict=True)]

    def _ids(self, example: Example) -> list[int]:
        ids = self._speech.read(example.texts[0], example.lang)
        if len(ids) <= self._read:
            return ids
        self.counts["cut_sentences"] += 1
        return [*ids[: self._read - 1], ids[-1]]

    def _told(self, ids: Sequence[int]) -> str:
        told: str = self._tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return told.strip()
