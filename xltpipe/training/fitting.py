"""Fitting: transformers' Trainer, told everything and reporting to nobody but us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.training.windows import Inputs

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast, TrainingArguments

IGNORED = -100  # torch's cross entropy leaves out this label

_watchers: ContextVar[tuple[Any, ...]] = ContextVar("watchers", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How to fit: `warmup` is a share of the steps; `gpu` allows one, it does not ask for it."""

    epochs: int
    learning_rate: float
    batch_size: int
    warmup: float
    weight_decay: float
    seed: int
    gpu: bool


@contextmanager
def watched(*callbacks: Any) -> Iterator[None]:
    """Meanwhile these callbacks of transformers see each model that is fitted."""
    token = _watchers.set((*_watchers.get(), *callbacks))
    try:
        yield
    finally:
        _watchers.reset(token)


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    rows: Sequence[Inputs],
    dev: Sequence[Inputs],
    schedule: Schedule,
    collator: Callable[[list[Inputs]], Any] | None = None,
) -> dict[str, float | str]:
    """Fit in place and report the losses, the precision, and the commit of a hub's model.

    `collator` makes a batch of rows; by default labels are padded as far as the inputs.
    """
    transformers = require("transformers", "train")
    with TemporaryDirectory(prefix="xltpipe-") as folder:
        arguments = _arguments(schedule, folder)
        trainer = transformers.Trainer(
            model=model,
            args=arguments,
            train_dataset=rows,
            eval_dataset=dev or None,
            data_collator=collator or transformers.DataCollatorForTokenClassification(tokenizer),
            callbacks=[_ticking(), *_watchers.get()],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        report: dict[str, float | str] = {"loss": trainer.train().training_loss}
        if dev:
            report["dev_loss"] = trainer.evaluate()["eval_loss"]
    if commit := getattr(model.config, "_commit_hash", None):
        report["model_commit"] = commit
    return report | {"precision": "bf16" if arguments.bf16 else "float32"}


def _arguments(schedule: Schedule, folder: str) -> TrainingArguments:
    torch, transformers = require("torch", "train"), require("transformers", "train")
    gpu = schedule.gpu and torch.cuda.is_available()
    return transformers.TrainingArguments(
        output_dir=folder,
        num_train_epochs=schedule.epochs,
        learning_rate=schedule.learning_rate,
        per_device_train_batch_size=schedule.batch_size,
        warmup_steps=schedule.warmup,  # below 1 it is a share
        weight_decay=schedule.weight_decay,
        seed=schedule.seed,
        data_seed=schedule.seed,
        bf16=gpu and torch.cuda.is_bf16_supported(),
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        log_level="error",
        disable_tqdm=True,
    )


def _ticking() -> Any:
    class Ticking(require("transformers", "train").TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            progress.expect("train", state.max_steps)

        def on_step_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
            progress.tick("train", 1)

    return Ticking()
