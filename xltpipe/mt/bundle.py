"""Bundle: what goes with the weights, so that the model says how to speak to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from xltpipe.mt.exporting import export_ctranslate2
from xltpipe.mt.making import PREPROCESSING, SPM
from xltpipe.mt.recipe import Training
from xltpipe.mt.vocabulary import MARKERS, Pieces


def write_model(recipe: Training, weights: dict[str, Tensor], vocabulary: Path, home: Path) -> None:
    """Write a model directory that `translation.model` may name; `home` must be empty or new."""
    home.mkdir(parents=True, exist_ok=True)
    pieces = Pieces.read(vocabulary)
    export_ctranslate2(weights, recipe.network, pieces.names, home, recipe.quantization)
    shutil.copy(vocabulary, home / SPM)
    told = {
        "family": "xltpipe",
        "tokenizer": {"kind": "sentencepiece", "source": SPM},
        **({"languages": recipe.languages} if recipe.zero_shot else {}),
        "directions": directions(recipe),
        "preprocessing": list(PREPROCESSING),
        "markers": list(MARKERS) if recipe.aligner is not None and recipe.drawing.marked else [],
        "max_positions": recipe.network.positions,
    }
    (home / "xltpipe.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def directions(recipe: Training) -> Sequence[tuple[str, str]]:
    """What the model was trained to translate; the other pairs are `zero_shot`."""
    found: dict[tuple[str, str], None] = {}
    for file in recipe.pairs:
        source, target = file.languages
        backward = recipe.drawing.backward if file.backward is None else file.backward
        if backward < 1:
            found[source, target] = None
        if backward > 0:
            found[target, source] = None
    return list(found)
