"""Transformers: token classification with a pretrained or a small new encoder (Wolf et al., 2020).

A checkpoint comes from a folder or the Hugging Face hub, as safetensors and without remote code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xltpipe.errors import require
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.training import checkpoint
from xltpipe.training.fine_tuning import FineTuning
from xltpipe.training.fitting import IGNORED, fit
from xltpipe.training.sentences import REPORT, SETTINGS, Reading, Sentence, make_home, write_json
from xltpipe.training.small_bert import SmallBert, learn_tokenizer, new_model
from xltpipe.training.windows import Inputs, cut
from xltpipe.types import Example

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


class Transformers(FineTuning):
    """Settings of the encoder: exactly one of `model` and `config` is given.

    `model` is a folder or a hub name (then `revision` pins it); `config` sizes a new model that
    learns its tokenizer from the training text. The defaults of the optimiser are those that
    Devlin et al. (2019) recommend; a new model needs a larger rate and more epochs.
    """

    kind: Literal["transformers"] = "transformers"
    config: SmallBert | None = None

    def build(self, seed: int, task: Task = "spans") -> Trainer:  # noqa: ARG002
        """Make the trainer; the seed draws new weights, the order of sentences and dropout."""
        self.check()
        return TransformersTrainer(self, seed)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        from xltpipe.training.transformers_tagger import TransformersTagger

        return TransformersTagger(home, device=self.device, batch_size=self.predict_batch_size)


@dataclass(frozen=True, slots=True)
class _Learner:
    """What is fitted: a model of transformers, its tokenizer, its labels in order."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    labels: list[str]


class TransformersTrainer:
    """Fine-tunes with transformers' Trainer; seeds torch, numpy and random, as that does."""

    def __init__(self, spec: Transformers, seed: int) -> None:
        self._spec = spec
        self._seed = seed

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """Write the model of the last epoch, its tokenizer, `settings.json` and `report.json`.

        `dev` is only measured: its loss stands in the report.

        Raises:
            DataError: no sentence or no span to learn from, or `home` is not empty.
            RecipeError: the checkpoint cannot be loaded or does not fit.
        """
        reading = Reading("bio", partial=True)
        sentences = list(reading.sentences(examples))
        reading.check()
        learner = self._learner(sentences, sorted(reading.labels))
        make_home(home)
        rows, counts = self._rows(sentences, learner)
        dev_rows, _ = self._rows(list(Reading("bio").sentences(dev)), learner)
        report = (
            reading.counts
            | counts
            | fit(learner.model, learner.tokenizer, rows, dev_rows, self._spec.schedule(self._seed))
        )
        with checkpoint.quiet():
            learner.model.save_pretrained(home)
            learner.tokenizer.save_pretrained(home)
        write_json(home / SETTINGS, self._spec.identity() | {"seed": self._seed})
        write_json(home / REPORT, report | {"labels": sorted(reading.labels)})

    def _learner(self, sentences: Sequence[Sentence], types: Sequence[str]) -> _Learner:
        labels = ["O", *(f"{prefix}-{label}" for label in types for prefix in "BI")]
        names = dict(enumerate(labels))
        spec, length = self._spec, self._spec.max_tokens
        require("transformers", "train").set_seed(self._spec.drawing(self._seed))
        if spec.config is not None:
            texts = (sentence.text for sentence in sentences)
            tokenizer = learn_tokenizer(texts, spec.config.vocabulary, length)
            return _Learner(new_model(spec.config, tokenizer, names, length), tokenizer, labels)
        model, tokenizer = checkpoint.load(spec.model or "", spec.revision, names, length)
        return _Learner(model, tokenizer, labels)

    def _rows(
        self, sentences: Sequence[Sentence], learner: _Learner
    ) -> tuple[list[Inputs], dict[str, int]]:
        ids = {label: i for i, label in enumerate(learner.labels)}
        rows: list[Inputs] = []
        counts = {"windows": 0, "windowed_sentences": 0, "hidden_words": 0}
        for sentence in sentences:
            windows = cut(
                learner.tokenizer,
                sentence.text,
                sentence.bounds,
                self._spec.max_tokens,
                self._spec.overlap,
            )
            targets = [[IGNORED] * len(inputs["input_ids"]) for inputs in windows.inputs]
            for place, tag in zip(reversed(windows.places), reversed(sentence.tags), strict=True):
                if place is not None:  # backwards, so that the first word on a token decides
                    # what is unspecified, or a label that only dev has, is not asked for
                    targets[place[0]][place[1]] = ids.get(tag, IGNORED)
            rows += [
                inputs | {"labels": labels}
                for inputs, labels in zip(windows.inputs, targets, strict=True)
                if any(label != IGNORED for label in labels)  # its mean loss would be NaN
            ]
            counts["windows"] += len(windows.inputs)
            counts["windowed_sentences"] += len(windows.inputs) > 1
            counts["hidden_words"] += windows.hidden
        return rows, counts
