"""Transformers: a pretrained or a small new encoder with a head (Wolf et al., 2020).

Spans by a head on tokens (here), labels (`transformers_labels.py`) and answers
(`transformers_answers.py`) by others. A checkpoint comes from a folder or the Hugging Face hub, as
safetensors and without remote code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from xltpipe.errors import RecipeError
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.training.continuing import GoingOn
from xltpipe.training.fine_tuning import FineTuning
from xltpipe.training.fitting import IGNORED, fit
from xltpipe.training.labelled import check_task
from xltpipe.training.resumable import Resumable
from xltpipe.training.sentences import Reading, Sentence, make_home, read_settings
from xltpipe.training.small_bert import SmallBert
from xltpipe.training.transformers_beginning import after, begin
from xltpipe.training.transformers_heads import save, weighted
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

    tasks: ClassVar[frozenset[Task]] = frozenset(
        {"spans", "classification", "pairs", "qa", "choice"}
    )

    kind: Literal["transformers"] = "transformers"
    config: SmallBert | None = None
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced`: all labels (of spans, all tags) weigh the same in sum; not of qa and choice."""
    prompts: int = Field(default=1, ge=1)
    """Of choice: how many texts come before the options (2: context and question)."""

    def build(self, seed: int, task: Task = "spans") -> Trainer:
        """Make the trainer; the seed draws new weights, the order of examples and dropout.

        Raises:
            RecipeError: it cannot learn this task.
        """
        check_task(self.kind, self.tasks, task)
        if self.class_weights != "none" and task in {"qa", "choice"}:
            raise RecipeError(
                f'class_weights must be "none" for task "{task}", was: "{self.class_weights}"; '
                "it has no classes to weigh"
            )
        self.check()
        if task == "spans":
            return TransformersTrainer(self, seed)
        if task == "qa":
            from xltpipe.training.transformers_answers import TransformersAnswerTrainer

            return TransformersAnswerTrainer(self, seed)
        from xltpipe.training.transformers_labels import TransformersLabelTrainer

        return TransformersLabelTrainer(self, seed, task)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        task = read_settings(home, self.kind).get("task", "spans")
        if task == "spans":
            from xltpipe.training.transformers_tagger import TransformersTagger

            return TransformersTagger(home, device=self.device, batch_size=self.predict_batch_size)
        if task == "qa":
            from xltpipe.training.transformers_answers import TransformersAnswerTagger as Answers

            return Answers(home, device=self.device, batch_size=self.predict_batch_size)
        from xltpipe.training.transformers_labels import TransformersLabelTagger as Labels

        return Labels(home, device=self.device, batch_size=self.predict_batch_size)


@dataclass(frozen=True, slots=True)
class _Learner:
    """What is fitted: a model of transformers, its tokenizer, its labels in order."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    labels: list[str]


class TransformersTrainer(GoingOn, Resumable):
    """Fine-tunes for spans with transformers' Trainer; seeds torch, numpy and random, as that does.

    Unless told where to `keep` them, checkpoints lie beside `home` until the training is done.
    """

    def __init__(self, spec: Transformers, seed: int) -> None:
        self._spec = spec
        self._seed = seed

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """Write the model, its tokenizer, `settings.json` and `report.json`.

        `dev` decides when to stop, with `patience`; without, its loss stands in the report.

        Raises:
            DataError: no sentence or span to learn from, `patience` without dev, or `home` is not
                empty.
            RecipeError: the checkpoint cannot be loaded or does not fit.
        """
        reading = Reading("bio", partial=True)
        sentences = list(reading.sentences(examples))
        reading.check()
        learner = self._learner(sentences, sorted(reading.labels))
        make_home(home)
        rows, counts = self._rows(sentences, learner)
        dev_rows, _ = self._rows(list(Reading("bio").sentences(dev)), learner)
        loss = None
        if self._spec.class_weights == "balanced":
            loss = weighted((tag for row in rows for tag in row["labels"]), len(learner.labels))
        fitted = fit(
            learner.model,
            learner.tokenizer,
            rows,
            dev_rows,
            after(self._spec.schedule(self._seed), self._earlier),
            self._work(home),
            loss=loss,
        )
        settings = self._spec.identity() | {"seed": self._seed, "task": "spans"}
        report = reading.counts | counts | fitted | {"labels": sorted(reading.labels)}
        save(home, learner.model, learner.tokenizer, settings, report)

    def _learner(self, sentences: Sequence[Sentence], types: Sequence[str]) -> _Learner:
        labels = ["O", *(f"{prefix}-{label}" for label in types for prefix in "BI")]
        texts = (sentence.text for sentence in sentences)
        return _Learner(*begin(self._spec, self._seed, "spans", labels, texts, self._earlier))

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
