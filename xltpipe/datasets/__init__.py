"""Datasets: labelled examples in, from files or the Hugging Face hub, streaming; and out again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.datasets.choice import Choice
from xltpipe.datasets.conll import Conll, Iob2
from xltpipe.datasets.events import Events
from xltpipe.datasets.hub import Hub
from xltpipe.datasets.instructions import Instructions
from xltpipe.datasets.jsonl import Jsonl
from xltpipe.datasets.parquet import Parquet
from xltpipe.datasets.squad import Squad
from xltpipe.datasets.table import Table

SourceSpec = Annotated[
    Conll | Iob2 | Jsonl | Parquet | Hub | Squad | Table | Instructions | Choice | Events,
    Field(discriminator="kind"),
]
"""Where examples come from. Each has `read(lang, root)` and `digest(root)`."""

__all__ = [
    "Choice",
    "Conll",
    "Events",
    "Hub",
    "Instructions",
    "Iob2",
    "Jsonl",
    "Parquet",
    "SourceSpec",
    "Squad",
    "Table",
]
