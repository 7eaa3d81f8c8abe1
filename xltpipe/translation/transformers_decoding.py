"""Decoding: `generate` on one batch, its scores, and smaller batches where memory is short."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xltpipe import progress
from xltpipe.errors import TransientError, require

if TYPE_CHECKING:
    from xltpipe.translation.transformers import Transformers
    from xltpipe.translation.transformers_dialect import Dialect

_SCORED = 1 << 26  # log-probabilities computed at a time: 256 MiB
_NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


@dataclass(frozen=True, slots=True)
class Output:
    """Ids behind the prefix with their end, the mean of their log-probabilities, and whether the
    end was reached; or why there are none.
    """

    ids: tuple[int, ...]
    score: float | None = None
    whole: bool = True
    fault: str | None = None


class Checkpoint:
    """A model on its device. One batch at a time: threads would share its memory and its cores.

    `most_tokens` bounds batches (padded source tokens times beams) once memory did not suffice.
    """

    def __init__(self, model: Any, device: str) -> None:
        self._model, self.device = model, device
        self.most_tokens = 1 << 60
        self._lock = threading.Lock()

    def generate(
        self, rows: Sequence[list[int]], speech: Dialect, spec: Transformers, cap: int
    ) -> list[Output]:
        """One output per row of source ids, same order, of at most `cap` tokens."""
        with self._lock:
            return self._generate(rows, speech, spec, cap)

    def _generate(
        self, rows: Sequence[list[int]], speech: Dialect, spec: Transformers, cap: int
    ) -> list[Output]:
        try:
            return self._once(rows, speech, spec, cap)
        except (RuntimeError, MemoryError) as error:
            if not lacks_memory(error):
                raise
            if len(rows) == 1:
                # no fault of the row: with more memory, or at another time, it has a translation
                raise TransientError(
                    f"Memory must suffice for a single text, was: one of {len(rows[0])} tokens at "
                    f"beam {spec.beam} ({error}); take a smaller beam, a smaller "
                    "max_input_tokens, or another device"
                ) from error
        # outside of the handler, whose traceback would keep the batch's tensors alive
        if self.device == "cuda":
            require("torch", "train").cuda.empty_cache()
        tokens = len(rows) * max(map(len, rows)) * spec.beam
        self.most_tokens = min(self.most_tokens, max(1, tokens // 2))
        progress.note(
            "memory did not suffice for a batch of transformers: it went on with smaller ones; "
            "translation.batch_tokens sets their size"
        )
        half = len(rows) // 2
        return [
            *self._generate(rows[:half], speech, spec, cap),
            *self._generate(rows[half:], speech, spec, cap),
        ]

    def _once(
        self, rows: Sequence[list[int]], speech: Dialect, spec: Transformers, cap: int
    ) -> list[Output]:
        torch = require("torch", "train")
        pad = self._pad(speech)
        width = max(map(len, rows))
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows], device=self.device)
        mask = torch.tensor(
            [[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self.device
        )
        begin, end = [self._start(speech), *speech.prefix], speech.tokenizer.eos_token_id
        with torch.inference_mode():
            written = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                decoder_input_ids=torch.tensor([begin] * len(rows), device=self.device),
                generation_config=search(spec, cap, self._never(speech), (begin[0], end, pad)),
            )
            kept = [_until(row[len(begin) :], end) for row in written.tolist()]
            scores = self._scores(ids, mask, begin, kept, self._never(speech))
        return [
            Output(tuple(one), score, bool(one) and one[-1] == end)
            for one, score in zip(kept, scores, strict=True)
        ]

    def _start(self, speech: Dialect) -> int:
        return int(
            self._model.config.decoder_start_token_id if speech.start is None else speech.start
        )

    def _pad(self, speech: Dialect) -> int:
        known = (self._model.config.pad_token_id, speech.tokenizer.pad_token_id)
        return int(next((one for one in known if one is not None), speech.tokenizer.eos_token_id))

    def _never(self, speech: Dialect) -> list[int]:
        """Tokens that are holes in a text: the unknown one and the filler, unless it ends texts."""
        tokenizer = speech.tokenizer
        holes = {tokenizer.unk_token_id, self._pad(speech)} - {None, tokenizer.eos_token_id}
        return sorted(holes)

    def _scores(
        self, ids: Any, mask: Any, begin: list[int], outputs: list[list[int]], never: list[int]
    ) -> list[float | None]:
        """Mean log-probability of each output's tokens with their end, the forced ones left out.

        By reading the outputs once more, side by side: `generate` would have to keep all logits.
        """
        torch = require("torch", "train")
        longest = max(map(len, outputs), default=0)
        if longest == 0:
            return [None] * len(outputs)
        step = max(1, _SCORED // ((len(begin) + longest) * self._model.config.vocab_size))
        found: list[float | None] = []
        for first in range(0, len(outputs), step):
            some = outputs[first : first + step]
            padded = torch.tensor(
                [begin + one + [0] * (longest - len(one)) for one in some], device=self.device
            )
            logits = self._model(
                input_ids=ids[first : first + step],
                attention_mask=mask[first : first + step],
                decoder_input_ids=padded[:, :-1],
                use_cache=False,
            ).logits[:, len(begin) - 1 :]
            logits = logits.float()
            logits[..., never] = -torch.inf
            chosen = padded[:, len(begin) :, None]
            told = logits.log_softmax(-1).gather(-1, chosen)[..., 0].tolist()
            for one, values in zip(some, told, strict=True):
                found.append(sum(values[: len(one)]) / len(one) if one else None)
        return found


def search(
    spec: Transformers, cap: int, never: Sequence[int], special: tuple[int, int, int]
) -> Any:
    """The settings of `generate`: nothing that a checkpoint brings of its own enters unasked.

    A forced end, for one, would hide that an output met its limit. `special` are the tokens that
    begin, end and fill an output, `never` those that it must not hold.
    """
    start, end, pad = special
    beams = {"length_penalty": spec.length_penalty, "early_stopping": spec.early_stopping}
    return require("transformers", "train").GenerationConfig(
        num_beams=spec.beam,
        do_sample=False,
        repetition_penalty=spec.repetition_penalty,
        max_new_tokens=cap,
        suppress_tokens=list(never) or None,
        decoder_start_token_id=start,
        eos_token_id=end,
        pad_token_id=pad,
        **(beams if spec.beam > 1 else {}),
    )


def _until(row: list[int], end: int) -> list[int]:
    return row[: row.index(end) + 1] if end in row else row


def lacks_memory(error: Exception) -> bool:
    """The fault is of the device's memory, however torch says so."""
    torch = require("torch", "train")
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error).lower() for words in _NO_MEMORY)
