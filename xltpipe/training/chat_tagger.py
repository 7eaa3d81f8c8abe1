"""ChatTagger: responds to the turns before the last text of each example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xltpipe import carried, progress
from xltpipe.errors import DataError
from xltpipe.training.chat_text import ChatText, Refused
from xltpipe.training.sentences import read_settings
from xltpipe.training.transformers_heads import Opened
from xltpipe.training.turns import ASSISTANT, turns
from xltpipe.training.writing import Search, Writer
from xltpipe.types import Example

if TYPE_CHECKING:
    from xltpipe.training.chat import Chat


class ChatTagger:
    """A trained causal model. Predictions are the examples with another last text.

    `counts` says what was not as it should be, since the tagger was made: `truncated_prompts`
    (oldest turns left out), `cut_prompts` (a last turn too long alone: its end was read),
    `refused_prompts` (by the chat template: the response is empty), `cut_responses` (at the limit),
    `unanswered_dialogues` (whose last turn is no response: it is left empty).

    Raises:
        DataError: there is no model in `home`, or it cannot be read.
    """

    writes_last: ClassVar[bool] = True

    def __init__(self, home: Path, spec: Chat) -> None:
        read_settings(home, spec.kind)
        opened = Opened(home, "CausalLM", spec.device)
        self._tokenizer = opened.tokenizer
        self._text = ChatText(opened.tokenizer)
        self._limit = spec.max_new_tokens
        self._room = spec.max_tokens - spec.max_new_tokens
        said = opened.model.generation_config
        if not isinstance(said.eos_token_id, list) or said.pad_token_id is None:
            raise DataError(
                f"Model must have the generation_config.json that training wrote, was: {home}; "
                "train the model again"
            )
        search = Search(spec.beams, spec.length_penalty, spec.predict_batch_size)
        self._writer = Writer(
            opened.model, search, ends=said.eos_token_id, pad=int(said.pad_token_id)
        )
        self.counts: Counter[str] = Counter()

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with predicted last texts."""
        before = self.counts.copy()
        prompts = [self._prompt(example) for example in examples]
        asked = [ids for ids in prompts if ids is not None]
        progress.tick("predict", len(prompts) - len(asked))
        written = iter(self._writer.write(asked, [self._limit] * len(asked)))
        texts: list[str] = []
        for ids in prompts:
            one = None if ids is None else next(written)
            self.counts["cut_responses"] += one is not None and not one.whole
            texts.append("" if one is None else self._read(one.ids))
        for name, count in sorted((self.counts - before).items()):
            progress.note(f"chat: {count} {name} in {len(examples)} examples")
        return [carried.answered(e, text) for e, text in zip(examples, texts, strict=True)]

    def _prompt(self, example: Example) -> list[int] | None:
        *asked, last = turns(example)
        if last.role != ASSISTANT:
            self.counts["unanswered_dialogues"] += 1
            return None
        try:
            ids, dropped = self._text.prompt(asked, self._room)
        except Refused:
            self.counts["refused_prompts"] += 1
            return None
        self.counts["truncated_prompts"] += dropped > 0
        self.counts["cut_prompts"] += dropped < 0
        return ids

    def _read(self, ids: Sequence[int]) -> str:
        told: str = self._tokenizer.decode(
            list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return told.strip()
