"""Decoding: transformers' beam search, each output led by a guide of its own.

The search takes the log-softmax over the whole vocabulary before it asks the guide, and never
normalises again: a hypothesis scores sum of log p / length ** length_penalty, the end included,
with the probabilities of the model itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from xltpipe.errors import require
from xltpipe.training.tag_grammar import Automaton, States, Tokens

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel


class Guide(Protocol):
    """Says what may follow in one output."""

    longest: int  # tokens of an output, the end included

    def allowed(self, written: Tokens) -> Sequence[int] | None:
        """The tokens that may follow; None for any, none at all once the output is over."""
        ...


class Grammatical:
    """A guide that keeps to an automaton."""

    def __init__(self, automaton: Automaton) -> None:
        self.longest = automaton.longest
        self._automaton = automaton
        self._known: dict[Tokens, States] = {(): automaton.start}

    def allowed(self, written: Tokens) -> list[int]:
        return self._automaton.allowed(self._states(written))

    def _states(self, written: Tokens) -> States:
        """The readings of an output; a search asks for one token more each time."""
        if written not in self._known:
            before = self._states(written[:-1])
            self._known[written] = self._automaton.follow(before, written[-1])
        return self._known[written]


class Free:
    """A guide that only makes an output end; the limit is its own, not that of its batch."""

    def __init__(self, longest: int, end: int) -> None:
        self.longest = longest
        self._end = end

    def allowed(self, written: Tokens) -> list[int] | None:
        if self._end in written:
            return []
        return [self._end] if len(written) == self.longest - 1 else None


class Decoder:
    """Writes the best output of each input; what stands in a batch together does not matter.

    `before` are the tokens that every output begins with.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        before: Sequence[int],
        end: int,
        pad: int,
        beams: int,
        length_penalty: float,
    ) -> None:
        self._model = model
        self._start = [model.config.decoder_start_token_id, *before]
        self._pad, self._end = pad, end
        self._beams, self._length_penalty = beams, length_penalty
        # what a checkpoint brings (forced or forbidden tokens, lengths) would enter unasked
        model.generation_config = require("transformers", "train").GenerationConfig()

    def write(self, inputs: Sequence[Sequence[int]], guides: Sequence[Guide]) -> list[list[int]]:
        """The best output for each input, its end included, same order."""
        torch = require("torch", "train")
        width = max(map(len, inputs))
        rows = [[*row, *[self._pad] * (width - len(row))] for row in inputs]
        mask = [[1] * len(row) + [0] * (width - len(row)) for row in inputs]
        device = self._model.device
        with torch.inference_mode():
            written = self._model.generate(
                torch.tensor(rows, device=device),
                attention_mask=torch.tensor(mask, device=device),
                decoder_input_ids=torch.tensor([self._start] * len(rows), device=device),
                generation_config=self._search(max(guide.longest for guide in guides)),
                logits_processor=[_guiding(guides, len(self._start), self._beams)],
            )
        return [self._whole(row[len(self._start) :]) for row in written.tolist()]

    def _whole(self, row: list[int]) -> list[int]:
        return row[: row.index(self._end) + 1] if self._end in row else row

    def _search(self, longest: int) -> GenerationConfig:
        return require("transformers", "train").GenerationConfig(
            num_beams=self._beams,
            do_sample=False,
            length_penalty=self._length_penalty,
            max_new_tokens=longest,
            decoder_start_token_id=self._start[0],
            eos_token_id=self._end,
            pad_token_id=self._pad,
        )


def _guiding(guides: Sequence[Guide], skip: int, beams: int) -> Any:
    """A logits processor that leaves each beam what the guide of its input allows.

    A beam without a continuation, over or never used, gets nothing: -inf is never chosen while
    another beam lives, and `prefix_allowed_tokens_fn` would refuse it.
    """
    torch = require("torch", "train")

    class Guiding(require("transformers", "train").LogitsProcessor):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any) -> Any:
            rows: list[int] = []
            tokens: list[int] = []
            free: list[int] = []
            for row, written in enumerate(input_ids[:, skip:].tolist()):
                allowed = guides[row // beams].allowed(tuple(written))
                if allowed is None:
                    free.append(row)
                else:
                    rows += [row] * len(allowed)
                    tokens += allowed
            kept = torch.full_like(scores, -torch.inf)
            kept[rows, tokens] = scores[rows, tokens]
            kept[free] = scores[free]
            return kept

    return Guiding()
