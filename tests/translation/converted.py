"""Converted tiny models, one of each family, made once for all tests of a process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.translation.tiny_models import build
from xltpipe.translation.convert import convert


class Made(NamedTuple):
    """The directory as transformers saved it, and the CTranslate2 model made of it."""

    source: Path
    model: Path


@cache
def _home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="xltpipe-models-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


@cache
def source(family: str) -> Path:
    return build(family, _home() / f"{family}-source")


@cache
def made(family: str) -> Made:
    home = source(family)
    done = convert(home, _home() / family, quantization="float32", licence="cc0-1.0")
    return Made(home, done.model)
