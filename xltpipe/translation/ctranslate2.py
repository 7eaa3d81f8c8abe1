"""CTranslate2: translate with any converted encoder-decoder model (OpenNMT, 2019-)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from xltpipe.checksums import check_whole
from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.spec import Incidental, Licensed
from xltpipe.translation.codec import codec
from xltpipe.translation.description import describe
from xltpipe.translation.engines import compute_types
from xltpipe.translation.models import find_model, model_digest

if TYPE_CHECKING:
    from xltpipe.translation.ctranslate2_translator import CTranslate2Translator

ComputeType = Literal[
    "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16",
    "float16", "bfloat16", "float32", "auto", "default",
]  # fmt: skip


class CTranslate2(Licensed):
    """A CTranslate2 model directory and how to decode with it.

    Beam and repetition penalty are chosen for the embedded model (docs/findings.md).
    `max_output_ratio` bounds the output at that many tokens per source token, plus 16.
    Zero for `workers`, `threads` and `batch_tokens` means: set from the machine. On GPUs, `devices`
    are their numbers, each with `workers` of its own.

    A text of more than `max_input_tokens` is translated sentence by sentence and joined again
    (`long_texts`), or cut there and marked so, or not translated, with the fault as its reason.
    """

    kind: Literal["ctranslate2"] = "ctranslate2"
    # By content only, through fingerprint(): the same model elsewhere gives the same texts.
    model: Annotated[str, Incidental] = "embedded"
    beam: int = Field(default=2, ge=1, le=64)
    repetition_penalty: float = Field(default=1.2, ge=1.0, le=3.0)
    # A model gives other texts at another precision, so the type is part of the experiment.
    compute_type: ComputeType = "int8"
    max_input_tokens: int = Field(default=256, ge=8)
    max_output_tokens: int = Field(default=256, ge=8)
    max_output_ratio: float = Field(default=3.0, ge=1.0)
    long_texts: Literal["split", "truncate", "fault"] = "split"
    batch_tokens: Annotated[int, Incidental, Field(ge=0)] = 0
    workers: Annotated[int, Incidental, Field(ge=0)] = 0
    threads: Annotated[int, Incidental, Field(ge=0)] = 0
    device: Literal["cpu", "cuda", "auto"] = "cpu"  # kernels differ in the last digits
    devices: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Incidental] = (0,)

    @model_validator(mode="after")
    def _devices_fit(self) -> CTranslate2:
        if not self.devices or len(set(self.devices)) < len(self.devices):
            raise ValueError(
                f"devices must be different numbers, at least one, was: {list(self.devices)}"
            )
        if self.devices != (0,) and self.device == "cpu":
            raise ValueError(
                f'devices must be for GPUs, was: {list(self.devices)} with device = "cpu"; '
                "set workers and threads for the CPU"
            )
        return self

    def build(self, source: str, target: str) -> CTranslate2Translator:
        """A translator for this pair; the model itself is loaded at its first batch.

        Raises:
            RecipeError: no such model, pair outside it, a tokenizer that is not its own, or
                limits beyond its positions.
        """
        from xltpipe.translation.ctranslate2_translator import CTranslate2Translator

        model = find_model(self.model)
        positions = describe(model).max_positions
        for name in ("max_input_tokens", "max_output_tokens"):
            if getattr(self, name) > positions:
                raise RecipeError(
                    f"{name} must be at most the {positions} positions of {model.name}, "
                    f"was: {getattr(self, name)}"
                )
        codec(model, resolve(source), resolve(target))
        return CTranslate2Translator(self, model)

    def check(self) -> None:
        """Meet a damaged model, a device that this machine has not got, or a type that it lacks.

        Raises:
            RecipeError: so; the message lists the types that there are.
        """
        check_whole(find_model(self.model))
        there = compute_types(self.device)
        if self.device != "auto" and self.compute_type not in there:
            raise RecipeError(
                f"compute_type must be one that {self.device} of this machine computes with, was: "
                f"{self.compute_type}; it has {', '.join(there)}"
            )

    def fingerprint(self) -> dict[str, str]:
        return {"model": model_digest(find_model(self.model))}

    def native_markers(self) -> bool:
        """The model was trained to carry markers `[A] … [/A]` through."""
        return bool(describe(find_model(self.model)).markers)

    def native_tags(self) -> bool:
        """Models know nothing but text."""
        return False

    def aligning_model(self) -> Path | None:
        """The model directory, for aligners that read its attention."""
        return find_model(self.model)
