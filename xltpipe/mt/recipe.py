"""Recipe: one training of a translation model, loaded from TOML and checked before it starts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from xltpipe.alignment import HMM
from xltpipe.durable import digest_file
from xltpipe.errors import RecipeError, require
from xltpipe.faults import explain
from xltpipe.languages import resolve
from xltpipe.mt.settings import Drawing, Pairs, Schedule, Size, Vocabulary
from xltpipe.spec import Incidental, Spec

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]
"""Names of files and folders are made of it."""


class Training(Spec):
    """One translation model to train: its text, its size, how it learns.

    Files are relative to the recipe's folder. `dev` (at most `dev_rows` pairs of each file) decides
    which checkpoint is the best, by chrF; without it the last one is kept. Sentences of `dev` and
    `held_out` files (any TAB-separated column) are never learnt from, on either side.
    `base` is a model trained here before: its vocabulary and weights are the start.
    """

    name: Name
    pairs: tuple[Pairs, ...] = Field(min_length=1)
    dev: tuple[Pairs, ...] = ()
    dev_rows: int = Field(default=200, ge=1)
    held_out: Annotated[tuple[Path, ...], Incidental] = ()  # enters by content: fingerprint()
    vocabulary: Vocabulary = Vocabulary()
    network: Size = Size()
    drawing: Drawing = Drawing()
    schedule: Schedule = Schedule()
    aligner: HMM | None = HMM(ibm1=4, hmm=3, max_pairs=25_000, max_words=60)
    """Links words for guided attention and markers; none: neither."""
    aligned_pairs: int = Field(default=60_000, ge=0)
    """Pairs of each file that are aligned, in windows of 2,000."""
    base: Annotated[Path | None, Incidental] = None
    zero_shot: bool = False
    """The model's description also offers the pairs of its languages that it was never shown."""
    quantization: Literal["int8", "int16", "float16", "float32"] = "int8"
    seed: int = Field(default=1, ge=0)
    licence: Annotated[str | None, Incidental] = None
    device: Literal["cpu", "cuda", "auto"] = "auto"
    precision: Literal["bfloat16", "float32", "auto"] = "auto"
    threads: Annotated[int, Incidental, Field(ge=0)] = 0
    """Batches under way side by side; 0: one a core."""
    root: Annotated[Path, Incidental] = Path()

    @model_validator(mode="after")
    def _distinct(self) -> Training:
        targets = {file.languages[1] for file in self.pairs}
        unknown = {code for code in self.drawing.focus if resolve(code).id not in targets}
        if unknown:
            raise ValueError(
                f"drawing.focus must name targets of pairs, was: {', '.join(sorted(unknown))}"
            )
        return self

    @model_validator(mode="after")
    def _judged(self) -> Training:
        learnt = {frozenset(file.languages) for file in self.pairs}
        for file in self.dev:
            if frozenset(file.languages) not in learnt:
                raise ValueError(
                    f"dev must be of languages that are paired in pairs, was: "
                    f"{'-'.join(file.languages)} ({file.path})"
                )
        if self.schedule.patience is not None and not self.dev:
            raise ValueError(
                f"schedule.patience must have dev text to judge by, was: {self.schedule.patience} "
                "without dev"
            )
        return self

    @model_validator(mode="after")
    def _narrow(self) -> Training:
        width, size = self.network.width, self.vocabulary.size
        if self.base is None and width >= size:
            raise ValueError(
                f"network.width must be below vocabulary.size, was: {width} and {size}"
            )
        return self

    def check(self) -> None:
        """Meet what is missing on this machine before hours of work.

        Raises:
            MissingExtraError: a package is not installed.
            RecipeError: there is no GPU, where the recipe asks for one.
        """
        for package in ("torch", "scipy", *(["sacrebleu"] if self.dev else [])):
            require(package, "train")
        if self.aligner is not None:
            self.aligner.check()
        from xltpipe.mt.teaching import placed

        placed(self)

    @property
    def languages(self) -> list[str]:
        """Ids of all languages, in the order in which they appear."""
        return list(dict.fromkeys(code for file in self.pairs for code in file.languages))

    @property
    def aligned_languages(self) -> list[tuple[str, str]]:
        """The language pairs that get an aligner; none without one, or without pairs to align."""
        if self.aligner is None or not self.aligned_pairs:
            return []
        return list(dict.fromkeys(file.languages for file in self.pairs))

    def fingerprint(self) -> dict[str, str]:
        """SHA-256 of each file that is read."""
        files = {f"pairs.{n}": f.path for n, f in enumerate(self.pairs)}
        files |= {f"dev.{n}": f.path for n, f in enumerate(self.dev)}
        files |= {f"held_out.{n}": path for n, path in enumerate(self.held_out)}
        if self.base is not None:
            files["base"] = self.base / "model.bin"
        return {name: self._digest(path) for name, path in files.items()}

    def _digest(self, path: Path) -> str:
        try:
            return digest_file(self.root / path)
        except OSError as error:
            raise RecipeError(
                f"File of the training must be readable, was: {error}; paths are relative to "
                "the recipe's folder"
            ) from error


def load(path: Path) -> Training:
    """Read a recipe of a training.

    Raises:
        RecipeError: not there, not TOML, or a key is unknown or wrong; the key is named.
    """
    try:
        said: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(f"Recipe must be a readable file, was: {error}") from error
    except (ValueError, RecursionError) as error:  # also no UTF-8, too long a number, too deep
        raise RecipeError(f"Recipe must be TOML, was: {error} ({path})") from error
    try:
        return Training.model_validate({**said, "root": path.absolute().parent})
    except ValidationError as error:
        faults = "".join(f"\n  {line}" for line in explain(error, Training))
        raise RecipeError(f"Recipe must be valid, was: {path} with{faults}") from error
