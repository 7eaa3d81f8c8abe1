"""Fine-tuning: settings that all trainers on transformers share."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from xltpipe.errors import require
from xltpipe.spec import Incidental, Licensed
from xltpipe.training import checkpoint
from xltpipe.training.fitting import Schedule


class Pretrained(Licensed):
    """Settings of a model to fit: exactly one of `model` and `config` is given.

    `model` is a folder or a hub name (then `revision` pins it); `config` sizes a new model that
    learns its tokenizer from the training text.
    """

    kind: str
    model: str | None = None
    revision: str = "main"
    config: BaseModel | None = None
    epochs: int = Field(default=3, ge=1)
    learning_rate: float = Field(default=5e-5, gt=0)
    batch_size: int = Field(default=16, ge=1)
    warmup: float = Field(default=0.1, ge=0, lt=1)  # share of the steps; then linear to zero
    weight_decay: float = Field(default=0.01, ge=0)
    patience: int | None = Field(default=None, ge=1)
    """Epochs without a better loss on dev after which training stops; the best one is kept."""
    max_tokens: int = Field(default=256, ge=8)  # length of a window, or of all that is read at once
    device: Literal["auto", "cpu"] = "auto"  # a GPU trains in bf16: another result
    head_seed: int | None = Field(default=None, ge=0)
    """Draws the weights that are new (a head, or all of a new model); unset, the run's seed does.

    Runs can be averaged (`averaged`, `xltpipe models average`) only where this is the same.
    """
    predict_batch_size: Annotated[int, Incidental] = Field(default=32, ge=1)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.model is None) == (self.config is None):
            raise ValueError(
                f"{self.kind} must have either model (a folder or a hub name) or config (the size "
                f"of a new model), was: model={self.model!r}, config={self.config!r}"
            )
        return self

    def fingerprint(self) -> dict[str, str]:
        """The content of `model` where it is a folder."""
        return {} if self.model is None else checkpoint.fingerprint(self.model)

    def check(self) -> None:
        require("torch", "train")
        require("transformers", "train")

    def drawing(self, seed: int) -> int:
        """The seed of new weights in a run with this seed."""
        return seed if self.head_seed is None else self.head_seed

    def schedule(self, seed: int) -> Schedule:
        """How to fit, with this seed."""
        return Schedule(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            seed=seed,
            gpu=self.device == "auto",
            patience=self.patience,
            settings=repr(self.identity()),
        )


class FineTuning(Pretrained):
    """Settings of a model that reads texts in windows."""

    overlap: int = Field(default=64, ge=1)  # tokens that neighbouring windows share

    @model_validator(mode="after")
    def _windows(self) -> Self:
        if self.overlap >= self.max_tokens - 4:  # special tokens take their share of a window
            raise ValueError(
                f"overlap must be less than max_tokens - 4, was: {self.overlap}, {self.max_tokens}"
            )
        return self
