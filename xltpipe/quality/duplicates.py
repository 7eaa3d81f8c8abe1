"""Duplicates: equal rows, and nearly equal ones by MinHash (Broder, 1997), over a whole split.

Rows contradict each other if their source texts are equal and their source labels are not. Such a
row is never a copy of the other: nobody knows which is right, and a choice would hide it.

`find` names the groups of rows that have company, `choose` says which row of each group stays.
Finding depends on the data alone, choosing on what other rules say: a new threshold needs only
the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from xltpipe.quality.column import Column, Limits
from xltpipe.spec import Incidental, Spec

By = Literal["pair", "source", "target"]
Marks = np.ndarray[tuple[int, int], np.dtype[np.uint16]]
"""Signatures, one line each."""

COLUMNS = (
    Column(
        "label_conflict",
        "labels_conflict",
        "flag",
        "1 where a row with the same source text has another class label or other spans, else 0.",
        "ours",
        high=1.0,
        usual=Limits(max=0.0),
    ),
    Column(
        "duplicate",
        "duplicate",
        "flag",
        "1 where a better row has the same text, apart from white space, and no other labels.",
        "ours; OpusFilter remove_duplicates",
        high=1.0,
        limits=Limits(max=0.0),
    ),
    Column(
        "near_duplicate",
        "near_duplicate",
        "similarity",
        "Estimated Jaccard similarity to the nearest better row that stays, else 0.",
        "rensa MinHash; datatrove MinhashDedup",
        high=1.0,
        usual=Limits(max=0.8),
    ),
)
"""What `choose` gives each row that has company; all other rows have 0."""

GROUPS = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("group", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),
        pa.field("signature", pa.binary()),
        pa.field("labels", pa.int32()),
    ]
)
"""Rows that have company, by kind (`exact`, `near`, `conflict`), group and order.

Groups are numbered by their first rows; `similarity` is to that row. `signature` is set where the
kind is `near`: shares of equal 16-bit numbers estimate the similarity of any two. The rows of a
`conflict` have equal source texts and two or more sets of labels, which `labels` numbers. A row
may be in a group of each kind.
"""


class Duplicates(Spec):
    """What counts as a duplicate: rows equal in both texts (`pair`) or in one side.

    `near` also groups rows whose sets of shingles (`size` characters or words in a row, without
    case and punctuation) have a Jaccard similarity of about `threshold` or more.
    """

    by: By = "pair"
    near: bool = True
    threshold: float = Field(default=0.8, ge=0.3, le=1.0)
    shingle: Literal["characters", "words"] = "characters"
    size: int = Field(default=5, ge=1, le=20)
    seed: int = Field(default=1, ge=0)
    memory_mb: Annotated[int, Incidental] = Field(default=128, ge=64)
    """What the joins of the search may hold in memory; the rest goes to the scratch folder."""


def find(shards: Iterator[tuple[int, pa.Table]], settings: Duplicates, scratch: Path) -> pa.Table:
    """The GROUPS of a split's UNITS, given in order as (number, table); rows in error left out.

    Works in files in `scratch`, which it leaves there.
    """
    return group(((number, marks(table, settings)) for number, table in shards), settings, scratch)


def marks(units: pa.Table, settings: Duplicates) -> pa.Table:
    """What the search needs to know of the rows of one shard."""
    from xltpipe.quality.duplicates_search import describe

    return describe(units, settings)


def group(shards: Iterator[tuple[int, pa.Table]], settings: Duplicates, scratch: Path) -> pa.Table:
    """The GROUPS of a split by the `marks` of its shards; see `find`."""
    from xltpipe.quality.duplicates_search import Search

    search = Search(settings, scratch)
    search.read(shards)
    return search.groups()


def numbers(signatures: pa.Array) -> Marks:
    """Signatures as one row of 16-bit numbers each."""
    flat = np.frombuffer(b"".join(signatures.to_pylist()), np.uint16)
    return flat.reshape(len(signatures), -1) if len(signatures) else flat.reshape(0, 0)
