"""Weights: the variables of a CTranslate2 model.bin as float32 arrays.

The format (version 6) is a list of named arrays and of aliases; integers are stored with one
scale per row. What is read here is what the engine computes with at compute_type="float32".
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xltpipe.errors import RecipeError

Floats = NDArray[np.float32]

_BINARY_VERSION = 6
_BFLOAT16 = 5
_TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16, np.uint16)  # the last: bfloat16


class _Stream:
    """A model file, read from its beginning."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        self.at = 0

    def number(self, code: str) -> int:
        (value,) = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(f"<{code}")
        return int(value)

    def name(self) -> str:
        size = self.number("H")  # with a closing zero
        text = self.data[self.at : self.at + size - 1].decode()
        self.at += size
        return text

    def array(self) -> NDArray[np.generic]:
        shape = [self.number("I") for _ in range(self.number("B"))]
        kind, size = self.number("B"), self.number("I")
        item = np.dtype(_TYPES[kind])
        flat = np.frombuffer(self.data, item, size // item.itemsize, self.at)
        self.at += size
        if kind == _BFLOAT16:
            flat = (flat.astype(np.uint32) << 16).view(np.float32)
        return flat.reshape(shape)


@lru_cache(maxsize=2)
def read_weights(model: Path) -> dict[str, Floats]:
    """All variables by name, aliases too, de-quantised.

    Raises:
        RecipeError: the file is of another version, or packed in a way that is not known here.
    """
    stream = _Stream(model / "model.bin")
    version = stream.number("I")
    if version != _BINARY_VERSION:
        raise RecipeError(
            f"Model must be in CTranslate2's binary version {_BINARY_VERSION}, was: {version} in "
            f'{model}; convert it again, or score with the engine (backend = "ctranslate2")'
        )
    stream.name(), stream.number("I")  # specification and its revision: the variables tell
    raw = {stream.name(): stream.array() for _ in range(stream.number("I"))}
    weights = {n: _plain(raw, n) for n in raw if not n.endswith(("/weight_scale", "/weight_zero"))}
    for _ in range(stream.number("I")):
        alias, name = stream.name(), stream.name()
        if name in weights:
            weights[alias] = weights[name]
    for side in ("encoder", "decoder"):
        scale = raw.get(f"{side}/scale_embeddings")
        if scale is not None and scale.dtype == np.int8 and scale:  # a flag, not the factor
            depth = weights[f"{side}/layer_0/self_attention/linear_1/weight"].shape[0]
            weights[f"{side}/scale_embeddings"] = np.sqrt(np.float32(depth))
    return weights


def _plain(raw: dict[str, NDArray[np.generic]], name: str) -> Floats:
    values = raw[name].astype(np.float32)
    scale = raw.get(f"{name}_scale")
    if scale is None:
        return values
    rows = np.atleast_1d(scale.astype(np.float32))
    if f"{name}_zero" in raw or rows.ndim != 1 or values.ndim != 2:
        raise RecipeError(
            f"Weights must have one scale per row at most, was: {name} packed in groups; "
            'score with the engine (backend = "ctranslate2")'
        )
    plain: Floats = values / rows[:, None]
    return plain
