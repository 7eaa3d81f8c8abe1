"""Writing: transformers' greedy or beam search over inputs of like length, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xltpipe import progress
from xltpipe.errors import require

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Written:
    """An output without its end, and whether the end was reached."""

    ids: tuple[int, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Search:
    """How to search; one beam is greedy. A hypothesis scores sum of log p / length ** penalty."""

    beams: int
    length_penalty: float
    batch_size: int


class Writer:
    """Writes the most likely output of each input; of a causal model, its continuation.

    `ends` are tokens that end an output, `never` those that it must not hold, and `begin` the
    tokens that every output of an encoder-decoder starts from. Nothing that a checkpoint brings
    besides (sampling, forced tokens, lengths) enters.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        search: Search,
        *,
        ends: Sequence[int],
        pad: int,
        begin: Sequence[int] = (),
        never: Sequence[int] = (),
    ) -> None:
        self._model, self._search = model, search
        self._ends, self._pad, self._begin = list(ends), pad, list(begin)
        self._never = list(never)
        model.generation_config = require("transformers", "train").GenerationConfig()

    def write(self, inputs: Sequence[Sequence[int]], caps: Sequence[int]) -> list[Written]:
        """One output for each input, same order, of at most so many tokens, the end included."""
        order = sorted(range(len(inputs)), key=lambda n: (len(inputs[n]), caps[n]))
        out = [Written((), whole=True)] * len(inputs)
        for start in range(0, len(order), self._search.batch_size):
            batch = order[start : start + self._search.batch_size]
            longest = max(caps[n] for n in batch)
            found = self._batch([inputs[n] for n in batch], longest)
            for n, ids in zip(batch, found, strict=True):
                out[n] = self._cut(ids, caps[n])
            progress.tick("predict", len(batch))
        return out

    def _batch(self, rows: Sequence[Sequence[int]], longest: int) -> Iterator[list[int]]:
        torch = require("torch", "train")
        device, width = self._model.device, max(map(len, rows))
        left = not self._begin  # what a causal model reads must end where its output begins
        pads = [width - len(row) for row in rows]
        ids, mask = [], []
        for row, more in zip(rows, pads, strict=True):
            filler, hidden = [self._pad] * more, [0] * more
            ids.append([*filler, *row] if left else [*row, *filler])
            mask.append([*hidden, *[1] * len(row)] if left else [*[1] * len(row), *hidden])
        begin: dict[str, Any] = {}
        if self._begin:
            begin["decoder_input_ids"] = torch.tensor([self._begin] * len(rows), device=device)
        with torch.inference_mode():
            written = self._model.generate(
                input_ids=torch.tensor(ids, device=device),
                attention_mask=torch.tensor(mask, device=device),
                generation_config=self._settings(longest),
                **begin,
            )
        done = width if left else len(self._begin)
        return (row[done:] for row in written.tolist())

    def _settings(self, longest: int) -> Any:
        beams = self._search.beams
        return require("transformers", "train").GenerationConfig(
            num_beams=beams,
            do_sample=False,
            max_new_tokens=longest,
            eos_token_id=self._ends,
            pad_token_id=self._pad,
            suppress_tokens=self._never or None,
            **({"length_penalty": self._search.length_penalty} if beams > 1 else {}),
            **({"decoder_start_token_id": self._begin[0]} if self._begin else {}),
        )

    def _cut(self, ids: Sequence[int], cap: int) -> Written:
        end = next((n for n, id in enumerate(ids[:cap]) if id in self._ends), None)
        return Written(tuple(ids[:cap] if end is None else ids[:end]), whole=end is not None)
