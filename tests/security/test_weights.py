"""Model folders from elsewhere: pickles in them run nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.translation.tiny_checkpoint import write_marian
from xltpipe.alignment import hmm_parameters
from xltpipe.errors import DataError, RecipeError
from xltpipe.translation import Transformers
from xltpipe.translation.convert import convert

HMM = Path(__file__).parents[2] / "data/models/en-es-tatoeba-hmm"


class Evil:
    def __init__(self, where: Path) -> None:
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.where,)


@pytest.fixture
def evil(tmp_path: Path) -> tuple[Path, Path]:
    """A checkpoint whose weights would write a file, and that file."""
    home, ran = write_marian(tmp_path / "marian"), tmp_path / "ran"
    (home / "model.safetensors").unlink()
    torch.save({"model.shared.weight": Evil(ran)}, home / "pytorch_model.bin")
    return home, ran


def test_the_engine_runs_no_weights(evil: tuple[Path, Path]) -> None:
    home, ran = evil
    engine = Transformers(model=str(home), max_input_tokens=64, max_output_tokens=64)
    with pytest.raises(RecipeError, match="Weights must be tensors and nothing else, was: "):
        engine.build("eng", "spa").translate(["a dog"], "eng", "spa")
    assert not ran.exists()


def test_the_conversion_runs_no_weights(evil: tuple[Path, Path], tmp_path: Path) -> None:
    home, ran = evil
    with pytest.raises(RecipeError, match="Weights must be tensors and nothing else, was: "):
        convert(home, tmp_path / "out", quantization="int8")
    assert not ran.exists()
    assert not (tmp_path / "out").exists()


def test_an_aligner_runs_no_arrays(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for name in ("settings.json", "vocabulary.json"):
        (tmp_path / name).write_bytes((HMM / name).read_bytes())
    with np.load(HMM / "parameters.npz", allow_pickle=False) as stored:
        arrays: dict[str, Any] = dict(stored)
    stream = io.BytesIO()
    np.savez(stream, **{**arrays, "codes": np.array([Evil(ran)], dtype=object)})
    (tmp_path / "parameters.npz").write_bytes(stream.getvalue())
    with pytest.raises(DataError, match="HMM artefact must be readable"):
        hmm_parameters.load(tmp_path)
    assert not ran.exists()
