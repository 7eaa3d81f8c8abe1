"""Fitting: transformers' Trainer, told everything and reporting to nobody but us."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltpipe import progress
from xltpipe.errors import DataError, require
from xltpipe.training.checkpoint import quiet

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast, TrainingArguments

IGNORED = -100  # torch's cross entropy leaves out this label
WHOLE = "whole"
"""Written into a checkpoint when all else of it is there."""
OF = "of"
"""Says, in a folder of checkpoints, which training they are of."""

Row = Mapping[str, Any]
"""What a model takes of one window or text, and what it is to say."""
Loss = Callable[..., Any]
"""(outputs, labels, num_items_in_batch=…) to the loss of a batch."""

_watchers: ContextVar[tuple[Any, ...]] = ContextVar("watchers", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How to fit: `warmup` is a share of the steps; `gpu` allows one, it does not ask for it.

    `patience` epochs without a better loss on dev end it, and the best is kept; None never does.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    warmup: float
    weight_decay: float
    seed: int
    gpu: bool
    patience: int | None = None
    settings: str = ""
    """All settings of the training: checkpoints of others are not gone on from."""


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
    rows: Sequence[Row],
    dev: Sequence[Row],
    schedule: Schedule,
    work: Path,
    collator: Callable[..., Any] | None = None,
    loss: Loss | None = None,
) -> dict[str, float | str]:
    """Fit in place and report the losses, the precision, and the commit of a hub's model.

    Checkpoints of each epoch lie in `work` meanwhile: a training of the same rows and settings
    that finds some there goes on from the last. `collator` makes a batch of rows; by default
    labels are padded as far as the inputs. `loss` is used instead of the model's own.

    Raises:
        DataError: there is patience, and no dev.
    """
    transformers = require("transformers", "train")
    check_dev(schedule.patience, dev)
    what = repr((schedule, type(model).__name__, model.config))
    begin(work, what, (sorted(row.items()) for row in rows))
    arguments = _arguments(schedule, str(work))
    callbacks = [_ticking(), *_watchers.get()]
    if schedule.patience is not None:
        callbacks.append(transformers.EarlyStoppingCallback(schedule.patience))
    trainer = transformers.Trainer(
        model=model,
        args=arguments,
        train_dataset=rows,
        eval_dataset=dev or None,
        data_collator=collator or transformers.DataCollatorForTokenClassification(tokenizer),
        callbacks=callbacks,
        compute_loss_func=loss,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    with quiet():
        trainer.train(resume_from_checkpoint=_last(work))
    report = _report(trainer, schedule, dev)
    shutil.rmtree(work)
    if commit := getattr(model.config, "_commit_hash", None):
        report["model_commit"] = commit
    return report | {"precision": "bf16" if arguments.bf16 else "float32"}


def check_dev(patience: int | None, dev: Sequence[object]) -> None:
    """Check that early stopping has something to look at.

    Raises:
        DataError: there is patience, and no dev.
    """
    if patience is not None and not dev:
        raise DataError(
            f"Development data must be there for patience, was: patience={patience} and no example "
            "to learn from; give the recipe dev data, or leave patience out"
        )


def _report(trainer: Any, schedule: Schedule, dev: Sequence[Row]) -> dict[str, float | str]:
    """Losses by what each epoch logged, so that a training that went on reports the same."""
    history = trainer.state.log_history
    losses = [entry["loss"] for entry in history if "loss" in entry]
    report: dict[str, float | str] = {"loss": sum(losses) / len(losses)}
    if dev:
        report["dev_loss"] = trainer.evaluate()["eval_loss"]
    if schedule.patience is not None:
        steps = trainer.state.best_global_step / (trainer.state.global_step or 1)
        report["epochs"] = round(trainer.state.epoch)
        report["best_epoch"] = round(steps * trainer.state.epoch)
    return report


def begin(work: Path, what: str, rows: Iterable[object]) -> None:
    """See to it that a folder holds only what is of this very training; the rest is removed."""
    digest = hashlib.sha256(what.encode())
    for row in rows:
        digest.update(repr(row).encode())
    try:
        same = (work / OF).read_text("utf-8") == digest.hexdigest()
    except OSError:
        same = False
    if not same:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        (work / OF).write_text(digest.hexdigest(), "utf-8")


def _last(work: Path) -> str | None:
    """The last whole checkpoint."""
    found = [path for path in work.glob("checkpoint-*") if (path / WHOLE).exists()]
    return str(max(found, key=lambda path: int(path.name.split("-")[1]))) if found else None


def _arguments(schedule: Schedule, folder: str) -> TrainingArguments:
    torch, transformers = require("torch", "train"), require("transformers", "train")
    gpu = schedule.gpu and torch.cuda.is_available()
    stopping = schedule.patience is not None
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
        remove_unused_columns=False,  # rows hold what the model, or the collator, takes
        eval_strategy="epoch" if stopping else "no",
        load_best_model_at_end=stopping,
        metric_for_best_model="eval_loss" if stopping else None,
        restore_callback_states_from_checkpoint=stopping,
        save_strategy="epoch" if stopping or schedule.epochs > 1 else "no",
        save_total_limit=2,
        logging_strategy="epoch",
        log_level="error",
        disable_tqdm=True,
    )


def _ticking() -> Any:
    class Ticking(require("transformers", "train").TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            progress.expect("train", state.max_steps - state.global_step)

        def on_step_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
            progress.tick("train", 1)

        def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / WHOLE).touch()

    return Ticking()
