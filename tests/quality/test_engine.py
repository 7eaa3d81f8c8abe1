"""What the engine says of its output."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from tests.quality.text_units import pair, scores
from xltpipe.quality.engine import Engine
from xltpipe.types import Translation


@pytest.mark.parametrize(
    ("received", "cut", "lowest"),
    [
        ((), 0, nan),
        ((Translation("x"),), 0, nan),
        ((Translation("x", -0.25),), 0, -0.25),
        ((Translation("x", -0.25), Translation("y", -1.5)), 0, -1.5),
        ((Translation("x", -0.25), Translation("y", None, truncated=True)), 1, -0.25),
        ((Translation("x", 1e-7),), 0, 0),  # single precision
    ],
)
def test_engine(received: tuple[Translation, ...], cut: float, lowest: float) -> None:
    found = scores(Engine(), replace(pair("a", "b"), received=received), pair("a", "b"))
    assert found["truncated"] == [cut, 0]
    assert found["log_probability"] == pytest.approx([lowest, nan], nan_ok=True)
