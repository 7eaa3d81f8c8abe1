"""Beginning: the model that a trainer on transformers fits: a new one, a checkpoint, or an earlier.

An earlier model brings its head, its labels and its tokenizer. A tokenizer over bytes spells any
text; another says of a script that it has not met that it is unknown, as a checkpoint's does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from xltpipe.errors import DataError, RecipeError, require
from xltpipe.kinds import Task
from xltpipe.training import checkpoint
from xltpipe.training.continuing import check_labels, settings_of
from xltpipe.training.fitting import Schedule
from xltpipe.training.transformers_heads import Head, make

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from xltpipe.training.fine_tuning import FineTuning


HEADS: Mapping[Task, Head] = MappingProxyType(
    {
        "spans": "TokenClassification",
        "classification": "SequenceClassification",
        "pairs": "SequenceClassification",
        "qa": "QuestionAnswering",
        "choice": "MultipleChoice",
    }
)


def begin(
    spec: FineTuning,
    seed: int,
    task: Task,
    labels: Sequence[str],
    texts: Iterable[str],
    earlier: Path | None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast, list[str]]:
    """A model to fit, its tokenizer, and its labels in order (of spans, tags; some tasks: none).

    Raises:
        RecipeError: the checkpoint cannot be loaded or does not fit.
        DataError: the earlier model is of another kind or task, or lacks a label.
    """
    head = HEADS[task]
    if earlier is None:
        return (*make(spec, seed, head, labels, texts), list(labels))
    settings_of(earlier, spec.kind, task)
    require("transformers", "train").set_seed(seed)
    model, tokenizer = load(f"AutoModelFor{head}", earlier, spec.max_tokens)
    if not labels:
        return model, tokenizer, []
    names = model.config.id2label
    known = [str(names[number]) for number in range(len(names))]
    of_spans = task == "spans"
    check_labels(
        map(_plain, known) if of_spans else known,
        map(_plain, labels) if of_spans else labels,
        earlier,
    )
    return model, tokenizer, known


def load(
    model_class: str, earlier: Path, length: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """An earlier model and its tokenizer.

    Raises:
        DataError: it cannot be read, or takes less than `length` tokens.
    """
    try:
        return checkpoint.load_as(model_class, str(earlier), "main", {}, length)
    except RecipeError as error:  # no fault of the recipe: it does not name this folder
        raise DataError(f"Earlier model must fit: {error}") from error


def after(schedule: Schedule, earlier: Path | None) -> Schedule:
    """The schedule, which tells checkpoints of another beginning from those of this one."""
    if earlier is None:
        return schedule
    begun = sorted(checkpoint.fingerprint(str(earlier)).items())
    return replace(schedule, settings=f"{schedule.settings} after {begun}")


def _plain(tag: str) -> str:
    """The label of a tag."""
    return tag[2:] if tag[:2] in {"B-", "I-"} else tag
