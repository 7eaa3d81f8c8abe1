"""Chat: a causal language model that learns responses (Ouyang et al., 2022, their first step).

Dialogues keep their turns, order and roles, and are written by the model's own chat template. The
loss is on the tokens of responses alone. A translation is the response to its sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from xltpipe import progress
from xltpipe.errors import DataError, require
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.spec import Incidental
from xltpipe.training import checkpoint
from xltpipe.training.chat_model import SmallLlama, new_model
from xltpipe.training.chat_text import ChatText, Refused, ends, with_template
from xltpipe.training.fine_tuning import Pretrained
from xltpipe.training.fitting import IGNORED, fit
from xltpipe.training.labelled import check_task
from xltpipe.training.resumable import Resumable
from xltpipe.training.sentences import make_home
from xltpipe.training.transformers_heads import save
from xltpipe.training.turns import ASSISTANT, Turn, turns
from xltpipe.types import Example

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

Inputs = dict[str, list[int]]


class Chat(Pretrained):
    """Settings of the language model: exactly one of `model` and `config` is given.

    All weights are tuned, in float32 (bf16 arithmetic on a GPU): 16 bytes a weight.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"instructions", "parallel"})

    kind: Literal["chat"] = "chat"
    config: SmallLlama | None = None
    learn: Literal["all", "last"] = "all"
    """Responses of a dialogue to learn: all that its assistant gives, or the last alone."""
    learning_rate: float = Field(default=1e-5, gt=0)  # a new model needs about 1e-3
    batch_size: int = Field(default=8, ge=1)
    weight_decay: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=1024, ge=16)
    """Tokens of a dialogue with its response; of longer ones the oldest turns are left out."""
    max_new_tokens: int = Field(default=256, ge=1)
    """Tokens of a predicted response, at most; a prompt has the rest of `max_tokens`."""
    beams: int = Field(default=1, ge=1)  # 1 is greedy
    length_penalty: float = Field(default=1.0, ge=0)
    predict_batch_size: Annotated[int, Incidental] = Field(default=8, ge=1)

    @model_validator(mode="after")
    def _room(self) -> Chat:
        if self.max_new_tokens > self.max_tokens - 8:
            raise ValueError(
                "max_new_tokens must leave 8 of max_tokens to the prompt, was: "
                f"{self.max_new_tokens}, {self.max_tokens}"
            )
        return self

    def build(self, seed: int, task: Task = "instructions") -> Trainer:
        """Make the trainer; the seed draws new weights, the order of dialogues and dropout.

        Raises:
            RecipeError: it cannot learn this task.
        """
        check_task(self.kind, self.tasks, task)
        self.check()
        return ChatTrainer(self, seed, task)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        from xltpipe.training.chat_tagger import ChatTagger

        return ChatTagger(home, self)


class ChatTrainer(Resumable):
    """Fine-tunes with transformers' Trainer; seeds torch, numpy and random, as that does."""

    def __init__(self, spec: Chat, seed: int, task: Task) -> None:
        self._spec, self._seed, self._task = spec, seed, task

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """Write the model, its tokenizer with template, `settings.json` and `report.json`.

        `dev` decides when to stop, with `patience`; without, its loss stands in the report.

        Raises:
            DataError: no response to learn, `patience` without dev, or `home` is not empty.
            RecipeError: the checkpoint cannot be loaded or does not fit.
        """
        spec = self._spec
        dialogues, counts = read(examples)
        model, tokenizer = self._learner(dialogues)
        stops = ends(tokenizer, model, spec.model or "config")
        rows = self._rows(dialogues, tokenizer, counts)
        _check(rows, counts)
        make_home(home)
        dev_rows = self._rows(read(dev)[0], tokenizer, Counter())
        fitted = fit(
            model,
            tokenizer,
            rows,
            dev_rows,
            spec.schedule(self._seed),
            self._work(home),
            Padding(_filler(tokenizer)),
        )
        model.generation_config = require("transformers", "train").GenerationConfig(
            eos_token_id=stops, pad_token_id=_filler(tokenizer)
        )
        settings = spec.identity() | {"seed": self._seed, "task": self._task}
        save(home, model, tokenizer, settings, dict(counts) | fitted)

    def _learner(
        self, dialogues: Sequence[list[Turn]]
    ) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
        spec = self._spec
        require("transformers", "train").set_seed(spec.drawing(self._seed))
        if spec.config is not None:
            texts = (f"{turn.role}:\n{turn.text}" for one in dialogues for turn in one)
            model, tokenizer = new_model(spec.config, texts, spec.max_tokens)
        else:
            model, tokenizer = checkpoint.load_as(
                "AutoModelForCausalLM",
                spec.model or "",
                spec.revision,
                {"dtype": "float32"},
                spec.max_tokens,
            )
        with_template(tokenizer, spec.model or "config")
        return model, tokenizer

    def _rows(
        self,
        dialogues: Sequence[list[Turn]],
        tokenizer: PreTrainedTokenizerFast,
        counts: Counter[str],
    ) -> list[Inputs]:
        """The dialogues as tokens; those that cannot be learnt are left out, and counted."""
        text, every = ChatText(tokenizer), self._spec.learn == "all"
        rows: list[Inputs] = []
        names = "overlong refused unmarked truncated"
        counts.update(dict.fromkeys((f"{name}_dialogues" for name in names.split()), 0))
        counts.update(dict.fromkeys(("dropped_turns", "unlearnt_turns", "responses"), 0))
        for dialogue in dialogues:
            try:
                row = text.row(dialogue, self._spec.max_tokens, every=every)
            except Refused:
                counts["refused_dialogues"] += 1
                continue
            if row is None or not row.responses:
                counts["overlong_dialogues" if row is None else "unmarked_dialogues"] += 1
                continue
            counts["truncated_dialogues"] += row.dropped > 0
            counts["dropped_turns"] += row.dropped
            counts["unlearnt_turns"] += row.unlearnt
            counts["responses"] += row.responses
            rows.append({"input_ids": row.ids, "labels": row.labels})
        counts["response_tokens"] = sum(id != IGNORED for row in rows for id in row["labels"])
        counts["tokens"] = sum(len(row["labels"]) for row in rows)
        return rows


def read(examples: Iterable[Example]) -> tuple[list[list[Turn]], Counter[str]]:
    """The dialogues of examples, each up to its last response, and what was left out.

    `unanswered_dialogues` have no response, or nothing in the last; `trailing_turns` come after it.
    """
    counts = Counter(dict.fromkeys(("examples", "unanswered_dialogues", "trailing_turns"), 0))
    dialogues: list[list[Turn]] = []
    for example in examples:
        counts["examples"] += 1
        found = turns(example)
        given = [n for n, turn in enumerate(found) if turn.role == ASSISTANT]
        if not given or not found[given[-1]].text.strip():
            counts["unanswered_dialogues"] += 1
            continue
        counts["trailing_turns"] += len(found) - 1 - given[-1]
        dialogues.append(found[: given[-1] + 1])
    return dialogues, counts


_LEFT_OUT = (
    *("unanswered_dialogues", "overlong_dialogues", "refused_dialogues", "unmarked_dialogues"),
    *("truncated_dialogues", "unlearnt_turns", "trailing_turns"),
)


def _check(rows: Sequence[Inputs], counts: Counter[str]) -> None:
    """Say what was left out; raise where that was everything."""
    told = ", ".join(f"{counts[name]} {name}" for name in _LEFT_OUT if counts[name])
    if not rows:
        raise DataError(
            f"Training data must hold at least one response to learn, was: none in "
            f"{counts['examples']} examples ({told or 'no example'}); look at the rejected rows, "
            "at max_tokens and at the model's chat template"
        )
    if told:
        progress.note(f"chat: {told} in {counts['examples']} examples to learn from")


def _filler(tokenizer: Any) -> int:
    """The token that fills up a batch: where a tokenizer has none, its end; it is hidden anyway."""
    pad = tokenizer.pad_token_id
    return int(tokenizer.eos_token_id if pad is None else pad)


class Padding:
    """Makes a batch: inputs are filled up at the right and hidden, labels IGNORED there."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, rows: Sequence[Inputs]) -> dict[str, Any]:
        torch = require("torch", "train")
        width = max(len(row["input_ids"]) for row in rows)

        def wide(values: Sequence[int], filler: int) -> list[int]:
            return [*values, *[filler] * (width - len(values))]

        return {
            "input_ids": torch.tensor([wide(row["input_ids"], self._pad) for row in rows]),
            "attention_mask": torch.tensor([wide([1] * len(row["input_ids"]), 0) for row in rows]),
            "labels": torch.tensor([wide(row["labels"], IGNORED) for row in rows]),
        }
