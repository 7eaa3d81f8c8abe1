"""Checkpoints: encoder-decoder models of Hugging Face, opened once per process."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError

from xltpipe.errors import RecipeError, require
from xltpipe.model_files import more_than_tensors, read_json
from xltpipe.translation.transformers_decoding import Checkpoint, lacks_memory


@dataclass(frozen=True, slots=True)
class Limits:
    """Positions of a checkpoint, on either side; None where it has no limit (T5)."""

    model: Path
    positions: int | None

    @classmethod
    def of(cls, model: Path) -> Limits:
        config = read_json(model / "config.json")
        found = config.get("max_position_embeddings")
        return cls(model, None if found is None else int(found))

    def hold(self, longest_input: int, longest_output: int, forced: int = 0) -> None:
        """Raises RecipeError if a limit is beyond the positions; `forced` tokens begin outputs."""
        limits = {"max_input_tokens": longest_input, "max_output_tokens": longest_output}
        for name, limit in limits.items():
            taken = forced if name == "max_output_tokens" else 0
            if self.positions is not None and limit + taken > self.positions:
                beside = f" beside {taken} of its language" if taken else ""
                raise RecipeError(
                    f"{name} must be at most the {self.positions} positions of "
                    f"{self.model.name}{beside}, was: {limit}"
                )


def find_checkpoint(name: str) -> Path:
    """The folder of an encoder-decoder checkpoint.

    Raises:
        RecipeError: there is none, or it holds something else.
    """
    place = Path(name).expanduser()
    if not (place / "config.json").is_file():
        raise RecipeError(
            "Model must be a folder with a checkpoint of transformers (config.json, tokenizer, "
            f"weights), was: {name!r} (looked in {place.absolute()})"
        )
    config = read_json(place / "config.json")
    if "model_type" not in config:
        hint = (
            ' (a CTranslate2 model: kind = "ctranslate2")' if (place / "model.bin").exists() else ""
        )
        raise RecipeError(f"config.json must name a model_type, was: none in {place}{hint}")
    return place.resolve()


_lock = threading.Lock()


def checkpoint(model: Path, device: str, dtype: str, threads: int) -> Checkpoint:
    """The checkpoint, opened once per process.

    Raises:
        RecipeError: it cannot be opened, is no encoder-decoder, or its weights are not whole.
    """
    torch = require("torch", "train")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if threads:
        torch.set_num_threads(threads)
    with _lock:  # lru_cache alone lets two threads load the model at once
        return _open(model, device, dtype)


@lru_cache(maxsize=2)
def _open(model: Path, device: str, dtype: str) -> Checkpoint:
    torch, transformers = require("torch", "train"), require("transformers", "train")
    damaged = require("safetensors", "train").SafetensorError
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # progress is shown in one place
    try:
        loaded, report = transformers.AutoModelForSeq2SeqLM.from_pretrained(
            str(model),
            dtype=getattr(torch, dtype),
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        loaded = loaded.eval().to(device)
    except UnpicklingError:  # its text would advise to open it all the same
        raise more_than_tensors(model) from None
    except (OSError, ValueError, RuntimeError, AssertionError, damaged) as error:
        if lacks_memory(error):
            words = f"memory does not suffice to load it on {device}"
        else:
            words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RecipeError(
            "Checkpoint must be an encoder-decoder that transformers can open with "
            f"device={device!r}, dtype={dtype!r}, was: {model} ({words})"
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()
    lacking = sorted(report["missing_keys"]) + sorted(map(str, report.get("mismatched_keys", ())))
    if lacking:
        raise RecipeError(
            f"Checkpoint must hold all weights of its model, was: {model} without "
            f"{', '.join(lacking[:3])}{' …' if len(lacking) > 3 else ''}; they would be random"
        )
    if loaded.config.decoder_start_token_id is None:
        raise RecipeError(
            f"Checkpoint must have a decoder_start_token_id in its config, was: {model} without; "
            "set it there"
        )
    # what a checkpoint brings (forced or forbidden tokens, lengths) would enter unasked
    loaded.generation_config = transformers.GenerationConfig()
    return Checkpoint(loaded, device)
