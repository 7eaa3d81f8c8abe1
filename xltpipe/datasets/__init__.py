"""Datasets: labelled examples in, from files or the Hugging Face hub, streaming; and out again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.datasets.conll import Conll, Iob2
from xltpipe.datasets.hub import Hub
from xltpipe.datasets.jsonl import Jsonl
from xltpipe.datasets.parquet import Parquet
from xltpipe.datasets.squad import Squad

SourceSpec = Annotated[Conll | Iob2 | Jsonl | Parquet | Hub | Squad, Field(discriminator="kind")]
"""Where examples come from. Each has `read(lang, root)` and `digest(root)`."""

__all__ = ["Conll", "Hub", "Iob2", "Jsonl", "Parquet", "SourceSpec", "Squad"]
