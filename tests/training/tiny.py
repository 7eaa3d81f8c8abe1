"""Tiny: encoders of one or two layers and the settings that train them in a second."""

from __future__ import annotations

from typing import Any

from xltpipe.training import Transformers
from xltpipe.training.small_bert import SmallBert

TINY = SmallBert(layers=1, width=32, heads=2, vocabulary=400)


def settings(**changes: Any) -> dict[str, Any]:
    """For any trainer on transformers."""
    given = {"config": TINY, "epochs": 3, "learning_rate": 5e-3, "batch_size": 8}
    return given | {"max_tokens": 24, "overlap": 6, "device": "cpu"} | changes


def tiny(**changes: Any) -> Transformers:
    return Transformers.model_validate(settings(**changes))
