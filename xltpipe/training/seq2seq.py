"""Seq2Seq: a translation model of an encoder-decoder, learnt from the corpus (`parallel`).

What it leaves is a checkpoint that the engine `transformers` opens: a recipe's model can translate
for the next. For a model from nothing that is to be used in earnest there is `xltpipe models
train`; `config` is for small ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from xltpipe import progress
from xltpipe.errors import DataError, RecipeError, require
from xltpipe.kinds import Task
from xltpipe.language_tokens import fillable
from xltpipe.languages import resolve
from xltpipe.protocols import Tagger, Trainer
from xltpipe.spec import Incidental
from xltpipe.training import checkpoint
from xltpipe.training.fine_tuning import Pretrained
from xltpipe.training.fitting import IGNORED, fit
from xltpipe.training.labelled import check_task
from xltpipe.training.resumable import Resumable
from xltpipe.training.sentences import make_home
from xltpipe.training.seq2seq_speech import Speech, describe, speech
from xltpipe.training.text_to_text_model import SmallMarian, longest_output, new_model
from xltpipe.training.transformers_heads import save
from xltpipe.types import Example

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

Inputs = dict[str, list[int]]


class Seq2Seq(Pretrained):
    """Settings of the encoder-decoder: exactly one of `model` and `config` is given.

    `into` is the language of the corpus's references, its last texts. `prompt` goes before each
    sentence for models that are told languages in words, such as T5: `"translate {source} to
    {target}: "`; models with language tokens are told by them.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"parallel"})

    kind: Literal["seq2seq"] = "seq2seq"
    into: str
    """The language of the references; ISO 639 or an engine's own code."""
    config: SmallMarian | None = None
    prompt: str | None = None
    weight_decay: float = Field(default=0.0, ge=0)
    max_tokens: int = Field(default=256, ge=8)
    """Tokens of either side; longer pairs are not learnt, longer sentences are cut off."""
    beams: int = Field(default=4, ge=1)  # 1 is greedy
    length_penalty: float = Field(default=1.0, ge=0)
    predict_batch_size: Annotated[int, Incidental] = Field(default=16, ge=1)

    @field_validator("into")
    @classmethod
    def _known(cls, into: str) -> str:
        try:
            return resolve(into).id
        except RecipeError as error:
            raise ValueError(str(error)) from error

    @field_validator("prompt")
    @classmethod
    def _filled(cls, prompt: str | None) -> str | None:
        return prompt if prompt is None else fillable(prompt)

    def build(self, seed: int, task: Task = "parallel") -> Trainer:
        """Make the trainer; the seed draws new weights, the order of pairs and dropout.

        Raises:
            RecipeError: it cannot learn this task.
        """
        check_task(self.kind, self.tasks, task)
        self.check()
        return Seq2SeqTrainer(self, seed)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        from xltpipe.training.seq2seq_tagger import Seq2SeqTagger

        return Seq2SeqTagger(home, self)


class Seq2SeqTrainer(Resumable):
    """Fine-tunes with transformers' Trainer; seeds torch, numpy and random, as that does."""

    def __init__(self, spec: Seq2Seq, seed: int) -> None:
        self._spec, self._seed = spec, seed

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """Write the model, its tokenizer, `xltpipe.json`, `settings.json` and `report.json`.

        `dev` decides when to stop, with `patience`; without, its loss stands in the report.

        Raises:
            DataError: no pair to learn, a row that is no pair, `patience` without dev, or `home`
                is not empty.
            RecipeError: the checkpoint cannot be loaded, does not fit, or lacks a language.
        """
        spec = self._spec
        pairs = [_pair(example) for example in examples]
        model, tokenizer = self._learner(pairs)
        spoken = speech(tokenizer, model, spec.model, spec.into, spec.prompt)
        limit = min(spec.max_tokens, (longest_output(model) or spec.max_tokens + 1) - 1)
        rows, counts = _rows(pairs, spoken, limit)
        _check(rows, counts)
        make_home(home)
        dev_rows, _ = _rows([_pair(example) for example in dev], spoken, limit)
        collator = require("transformers", "train").DataCollatorForSeq2Seq(
            tokenizer, model=model, label_pad_token_id=IGNORED
        )
        work = self._work(home)
        schedule = spec.schedule(self._seed)
        fitted = fit(model, tokenizer, rows, dev_rows, schedule, work, collator)
        _own_generation(model, spoken)
        settings = spec.identity() | {"seed": self._seed, "task": "parallel"}
        save(home, model, tokenizer, settings, counts | fitted)
        describe(home, model, spoken, (lang for lang, _, _ in pairs))

    def _learner(self, pairs: Sequence[Pair]) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
        spec = self._spec
        require("transformers", "train").set_seed(spec.drawing(self._seed))
        if spec.config is not None:
            texts = (text for _, *sides in pairs for text in sides)
            return new_model(spec.config, texts, (), "pieces", spec.max_tokens)
        name, length = spec.model or "", spec.max_tokens
        model, tokenizer = checkpoint.load_as(
            *("AutoModelForSeq2SeqLM", name, spec.revision, {"dtype": "float32"}, length),
            fast=False,
        )
        if model.config.decoder_start_token_id is None:
            raise RecipeError(
                f"Model must have a decoder_start_token_id in its config, was: {name!r} without; "
                "set it there, or take another model"
            )
        return model, tokenizer


Pair = tuple[str, str, str]
"""The language of a sentence, the sentence, its translation."""


def _pair(example: Example) -> Pair:
    if len(example.texts) != 2:
        raise DataError(
            f"Example must have a sentence and its translation, was: {len(example.texts)} texts "
            f"(example {example.id!r}); look at the columns that the source reads"
        )
    return (example.lang, *example.texts)


def _rows(
    pairs: Sequence[Pair], spoken: Speech, limit: int
) -> tuple[list[Inputs], dict[str, float | str]]:
    """Pairs as tokens; those with an empty or an overlong side are left out, and counted."""
    counts = Counter(dict.fromkeys(("blank_pairs", "overlong_pairs"), 0))
    rows: list[Inputs] = []
    for lang, sentence, translation in pairs:
        if not (sentence.strip() and translation.strip()):
            counts["blank_pairs"] += 1
            continue
        read, write = spoken.read(sentence, lang), spoken.write(translation)
        if max(len(read), len(write)) > limit:
            counts["overlong_pairs"] += 1
            continue
        rows.append({"input_ids": read, "attention_mask": [1] * len(read), "labels": write})
    return rows, {**counts, "examples": len(pairs), "pairs": len(rows)}


def _check(rows: Sequence[Inputs], counts: dict[str, float | str]) -> None:
    """Say what was left out; raise where that was everything."""
    told = ", ".join(f"{counts[n]} {n}" for n in ("blank_pairs", "overlong_pairs") if counts[n])
    if not rows:
        raise DataError(
            f"Training data must hold at least one pair to learn, was: none in "
            f"{counts['examples']} examples ({told or 'no example'}); look at the rejected rows, "
            "and at max_tokens"
        )
    if told:
        progress.note(f"seq2seq: {told} in {counts['examples']} examples to learn from")


def _own_generation(model: Any, spoken: Speech) -> None:
    """What is said beside the weights of how to generate, without what a checkpoint brought."""
    config = model.config
    model.generation_config = require("transformers", "train").GenerationConfig(
        decoder_start_token_id=config.decoder_start_token_id,
        eos_token_id=spoken.end,
        pad_token_id=config.pad_token_id,
    )
