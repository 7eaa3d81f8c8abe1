"""Decoding: texts of one direction through one engine, its queue kept full.

What memory does not suffice for is tried again in smaller batches, a single text last and alone.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xltpipe import progress
from xltpipe.errors import RecipeError, TransientError
from xltpipe.translation.batches import Budget, Caps, batches
from xltpipe.translation.codec import Codec
from xltpipe.translation.engines import EngineKey, Hypotheses, Pending, engine, is_out_of_memory
from xltpipe.translation.tokenisers import Pieces
from xltpipe.types import Translation

if TYPE_CHECKING:
    from xltpipe.translation.ctranslate2 import CTranslate2

_WINDOW = 2048  # texts tokenised at a time: small enough that decoding soon starts beside it
_AHEAD = 4  # batches per worker left in the queue while the next window is tokenised


@dataclass(frozen=True, slots=True)
class _Batch:
    """Texts under way: their places in the input, source tokens, cuts, and results to come."""

    places: list[int]
    sources: list[Pieces]
    cut: list[bool]
    pending: list[Pending]

    @property
    def padded(self) -> int:
        return len(self.sources) * max(map(len, self.sources))


class Decoding:
    """One pass over some texts. `found` holds the translations of each text, best first.

    `long` are the places of texts that the model cannot hold, which are left alone if
    `spare_long`, else cut. `smaller` counts how often batches had to be made smaller.
    """

    def __init__(
        self,
        spec: CTranslate2,
        key: EngineKey,
        speech: Codec,
        budget: Budget,
        *,
        hypotheses: int = 1,
        spare_long: bool = False,
    ) -> None:
        self._spec, self._key, self._speech, self._budget = spec, key, speech, budget
        self._caps = Caps(spec.max_output_ratio, spec.max_output_tokens)
        self._hypotheses, self._spare_long = hypotheses, spare_long
        self._alone: list[_Batch] = []
        self.found: list[list[Translation]] = []
        self.long: list[int] = []
        self.counts: Counter[str] = Counter()

    def run(self, texts: Sequence[str]) -> None:
        """Decode all texts; blank ones give one empty translation."""
        self.found = [[Translation("")] for _ in texts]
        # Longest first: batches pad little, and the last ones under way are the short ones.
        order = [place for place, text in enumerate(texts) if text and not text.isspace()]
        progress.tick("translate", len(texts) - len(order))
        order.sort(key=lambda place: -len(texts[place]))
        under_way: deque[_Batch] = deque()
        for start in range(0, len(order), _WINDOW):
            under_way.extend(self._submit(texts, order[start : start + _WINDOW]))
            while len(under_way) > _AHEAD * self._key.workers * len(self._key.devices):
                under_way.extendleft(self._finish(under_way.popleft()))
        while under_way:
            under_way.extendleft(self._finish(under_way.popleft()))
        for batch in self._alone:
            self._finish_alone(batch)

    def _submit(self, texts: Sequence[str], places: list[int]) -> Iterator[_Batch]:
        """Tokenise a window of texts and hand it to the engine, batch by batch."""
        given = [texts[place] for place in places]
        encoded = self._speech.encode(given, self._spec.max_input_tokens)
        tokens = {place: one for place, (one, _) in zip(places, encoded, strict=True)}
        cut = {place for place, (_, was_cut) in zip(places, encoded, strict=True) if was_cut}
        if cut and self._spare_long:
            self.long += sorted(cut)
            tokens = {place: one for place, one in tokens.items() if place not in cut}
        yield from self._batches(tokens, cut)

    def _batches(self, tokens: dict[int, Pieces], cut: set[int]) -> Iterator[_Batch]:
        lengths = {place: len(one) for place, one in tokens.items()}
        for batch in batches(lengths, self._caps, lambda: self._budget.tokens):
            sources = [tokens[place] for place in batch]
            cuts = [place in cut for place in batch]
            yield _Batch(batch, sources, cuts, self._start(sources))

    def _start(self, sources: list[Pieces]) -> list[Pending]:
        prefix = self._speech.frame.prefix
        return engine(self._key).translate_batch(
            sources,
            [prefix] * len(sources) if prefix else None,
            asynchronous=True,
            beam_size=max(self._spec.beam, self._hypotheses),
            num_hypotheses=self._hypotheses,
            repetition_penalty=self._spec.repetition_penalty,
            disable_unk=True,  # an <unk> is a hole in the text; the next best piece is not
            return_end_token=True,  # its absence is the only sign of an output cut short
            return_scores=True,
            max_input_length=0,  # cut by the codec, and said so; here it would be silent
            max_decoding_length=self._caps.of(max(map(len, sources))),
        )

    def _finish(self, batch: _Batch) -> list[_Batch]:
        """Wait for a batch and keep its translations; or the smaller batches that it became."""
        try:
            answers = [pending.result() for pending in batch.pending]
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self.counts["smaller_batches"] += 1
            self._budget.shrink(batch.padded, self._key.model.name)
            if len(batch.places) == 1:  # once more when nothing else needs memory
                self._alone.append(batch)
                return []
            tokens = dict(zip(batch.places, batch.sources, strict=True))
            cut = {place for place, was in zip(batch.places, batch.cut, strict=True) if was}
            return list(self._batches(tokens, cut))
        self._keep(batch, answers)
        return []

    def _finish_alone(self, batch: _Batch) -> None:
        try:
            answers = [pending.result() for pending in self._start(batch.sources)]
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            told = (
                f"text of {len(batch.sources[0])} tokens at beam {self._spec.beam} in "
                f"{self._key.model.name} ({error}); take fewer workers, a smaller beam, smaller "
                "max_input_tokens (long texts are split there), or another device"
            )
            # no fault of the row: with more memory, or at another time, it has a translation
            wrong = TransientError if any(one[0].tokens_out for one in self.found) else RecipeError
            raise wrong(f"Memory must suffice for a single text, was: {told}") from error
        self._keep(batch, answers)

    def _keep(self, batch: _Batch, answers: Sequence[Hypotheses]) -> None:
        outputs = [hypothesis for answer in answers for hypothesis in answer.hypotheses]
        scores = [score for answer in answers for score in answer.scores]
        decoded = self._speech.decode(outputs)
        many = len(outputs) // len(answers)
        for k, place in enumerate(batch.places):
            taken = range(k * many, (k + 1) * many)
            length, was_cut = len(batch.sources[k]), batch.cut[k]
            self.found[place] = [
                self._one(decoded[n], outputs[n], scores[n], length, cut=was_cut) for n in taken
            ]
        progress.tick("translate", len(batch.places))

    def _one(
        self, text: str, output: Pieces, score: float, length: int, *, cut: bool
    ) -> Translation:
        forced, size = len(self._speech.frame.prefix), len(output)
        whole = size > forced and output[-1] == self._speech.end
        return Translation(
            text=text,
            # The engine divides by all tokens, but gives a forced prefix no log-probability.
            score=score * size / (size - forced) if size > forced else None,
            tokens_in=length,
            tokens_out=size - forced,
            truncated=cut or not whole,
        )
