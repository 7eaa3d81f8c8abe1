"""Settings of a training: what a recipe for `xltpipe models train` may say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from xltpipe.languages import resolve
from xltpipe.spec import Incidental, Spec


class Size(Spec):
    """The network: 15.8 M parameters with 16,000 pieces; int8 on disk is as many bytes."""

    width: int = Field(default=320, ge=16, multiple_of=16)
    heads: int = Field(default=5, ge=1)
    inner: int = Field(default=1280, ge=16)
    encoder_layers: int = Field(default=6, ge=1)
    decoder_layers: int = Field(default=2, ge=1)
    positions: int = Field(default=256, ge=16)
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _divisible(self) -> Size:
        if self.width % self.heads:
            raise ValueError(
                f"width must be a multiple of heads, was: {self.width} and {self.heads}"
            )
        return self


Column = Annotated[int, Field(ge=0)]
Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Pairs(Spec):
    """One file of `source TAB target` lines (plain or .gz), and how much of it to learn.

    `weight` counts each pair so many times when pairs are drawn: 0.3 for text that is not like
    what the model is for, 2 for text that is. `backward` is the file's own share of draws from
    target to source, where it differs from the recipe's: 0 where an engine wrote the source.
    """

    path: Annotated[Path, Incidental]  # enters by content: fingerprint()
    source: str
    target: str
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    backward: float | None = Field(default=None, ge=0, le=1)
    licence: Annotated[str | None, Incidental] = None
    columns: tuple[Column, Column] = (0, 1)
    skip_lines: int = Field(default=0, ge=0)
    """Lines of header."""

    @model_validator(mode="after")
    def _known(self) -> Pairs:
        if resolve(self.source).id == resolve(self.target).id:
            raise ValueError(f"source and target must differ, was: {self.source} twice")
        if self.columns[0] == self.columns[1]:
            raise ValueError(f"columns must differ, was: {self.columns[0]} twice")
        return self

    @property
    def languages(self) -> tuple[str, str]:
        """Ids of source and target."""
        return resolve(self.source).id, resolve(self.target).id


class Schedule(Spec):
    """How long and how fast to learn; training ends at the first limit that is met.

    `rate` is AdamW's peak rate (embeddings, norms, biases), `matrix_rate` Muon's. Over the last
    `decay` share the rates fall to nothing. A step sums over `step_tokens` target pieces, in
    batches of at most `batch_tokens` padded pieces.
    """

    minutes: float = Field(default=60.0, gt=0)
    tokens: int | None = Field(default=None, ge=1)
    warmup: int = Field(default=200, ge=1)
    decay: float = Field(default=0.3, gt=0, le=1)
    rate: float = Field(default=1e-3, gt=0)
    matrix_rate: float = Field(default=0.01, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=2.0, gt=0)
    smoothing: float = Field(default=0.1, ge=0, lt=1)
    guidance: float = Field(default=0.1, ge=0)
    """Weight of the word alignment of one decoder head; 0 switches it off."""
    step_tokens: int = Field(default=2048, ge=64)
    batch_tokens: int = Field(default=1536, ge=64)
    average: int = Field(default=3, ge=1)
    """Checkpoints whose mean is exported."""
    evaluate_minutes: float = Field(default=10.0, gt=0)
    save_minutes: Annotated[float, Incidental, Field(gt=0)] = 2.0
    """A kill loses at most so much."""
    patience: int | None = Field(default=None, ge=1)
    """Evaluations without a better chrF after which training stops; None: never."""


class Vocabulary(Spec):
    """How many pieces, learnt from at most `lines` texts spread over the languages."""

    size: int = Field(default=16_000, ge=300, le=65_000)
    lines: int = Field(default=1_000_000, ge=100)


class Drawing(Spec):
    """How pairs are drawn and varied.

    `temperature` flattens the shares of the languages (1: as much as there is of each; 5: nearly
    equal); `focus` counts a language so many times before. `backward` is the share of draws that
    go from a pair's target to its source: 0.05 is Strategic Downsampling for multi-way data.
    `marked` and `joined` are shares of examples with label markers, and of examples made of two
    to four pairs; `names` the share of pairs repeated with other names and numbers.
    """

    temperature: float = Field(default=2.0, ge=1)
    focus: dict[str, Factor] = Field(default_factory=dict)
    backward: float = Field(default=0.5, ge=0, le=1)
    marked: float = Field(default=0.15, ge=0, le=1)
    joined: float = Field(default=0.1, ge=0, le=1)
    names: float = Field(default=0.5, ge=0, le=1)
    longest: int = Field(default=120, ge=8)
    """Pieces of a side at most; longer pairs are left out, and counted. Never more than the
    network's positions hold."""
