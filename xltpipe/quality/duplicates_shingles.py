"""Rows as what duplicates are found by: a key of their text, and a MinHash signature.

MinHash of rensa, 128 permutations; of each number 16 bits are kept, which adds 1.5e-5 to a
similarity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from xltpipe.quality.batch import Batch
from xltpipe.quality.characters import ALNUM, MARK
from xltpipe.quality.column import Mask
from xltpipe.quality.duplicates import By, Duplicates, Marks
from xltpipe.quality.keys import Ints, Keys, keys_of
from xltpipe.quality.side import Side

PERMUTATIONS = 128

_SALT = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


def sides(batch: Batch, by: By) -> tuple[Side, ...]:
    """The sides of a row that make it a duplicate."""
    return {"pair": (batch.source, batch.target), "source": (batch.source,)}.get(
        by, (batch.target,)
    )


def text_keys(sides: Sequence[Side]) -> list[bytes | None]:
    """16 bytes per row, equal for equal texts (composed, runs of white space as one space).

    None where all texts are blank.
    """
    texts = [side.plain for side in sides]
    edges = [side.first.tolist() for side in sides]
    out: list[bytes | None] = []
    for row in range(sides[0].rows):
        own = [
            "\n".join(lines[first[row] : first[row + 1]])
            for lines, first in zip(texts, edges, strict=True)
        ]
        whole = "\t".join(own)
        key = hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        out.append(None if whole.isspace() or not whole else key)
    return out


def signatures(sides: Sequence[Side], settings: Duplicates) -> tuple[Marks, Mask]:
    """The MinHash signature of each row's shingles, and which rows have any."""
    from rensa import RMinHash

    cut = _characters if settings.shingle == "characters" else _words
    parts = [cut(side, settings.size) for side in sides]
    row = np.concatenate([rows for rows, _ in parts])
    with np.errstate(over="ignore"):  # the same words on the other side are another shingle
        token = np.concatenate([keys ^ (_SALT * np.uint64(k)) for k, (_, keys) in enumerate(parts)])
        token = (token ^ (token >> np.uint64(31))) * _MIX
    order = np.argsort(row, kind="stable")
    count = np.bincount(row, minlength=sides[0].rows)
    edges = np.concatenate([[0], np.cumsum(count)]).astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        np.ascontiguousarray(token[order]), edges, PERMUTATIONS, settings.seed
    )
    return np.array(matrix.to_rows(), np.uint32).astype(np.uint16), count > 0


def bands(marks: Marks, rows: int) -> Keys:
    """One line per signature, one key per band: a hash of `rows` (2, 4, 8 or 16) numbers of it."""
    whole = np.ascontiguousarray(marks).view(np.uint32 if rows == 2 else np.uint64)
    table = whole.reshape(len(marks), PERMUTATIONS // rows, -1).astype(np.uint64)
    keys = np.zeros(table.shape[:2], np.uint64)
    with np.errstate(over="ignore"):
        for part in range(table.shape[2]):
            keys = (keys ^ table[:, :, part]) * _MIX
            keys ^= keys >> np.uint64(29)
    return keys


def band_rows(threshold: float) -> int:
    """Numbers per band: as many as let a pair at the threshold meet in nine cases of ten."""
    for rows in (16, 8, 4):
        if 1.0 - (1.0 - threshold**rows) ** (PERMUTATIONS // rows) >= 0.9:
            return rows
    return 2


def _words(side: Side, size: int) -> tuple[Ints, Keys]:
    """Row and key of each run of `size` words of a text; of a shorter text all it has."""
    words = side.words
    start = np.flatnonzero(np.concatenate([[True], words.text[1:] != words.text[:-1]]))
    start = start[: len(words.text)]
    return _runs(start, np.diff([*start, len(words.text)]), size, words.key, words.row)


def _runs(first: Ints, length: Ints, size: int, key: Keys, row: Ints) -> tuple[Ints, Keys]:
    """Runs of `size` items within stretches of items; a stretch that is shorter is one run."""
    total = np.maximum(length - size + 1, np.minimum(length, 1))
    origin = np.repeat(first - np.concatenate([[0], np.cumsum(total)[:-1]]), total)
    start = origin + np.arange(len(origin))
    stop = np.repeat(first + length, total)
    out = np.zeros(len(start), np.uint64)
    with np.errstate(over="ignore"):
        for step in range(size):
            here = start + step
            known = here < stop
            item = key[np.where(known, here, 0)]
            out = np.where(known, (out ^ item) * _MIX, out)
            out ^= out >> np.uint64(32)
    return row[start], out


def _characters(side: Side, size: int) -> tuple[Ints, Keys]:
    """Row and key of each run of `size` letters and digits, a space for what lies between."""
    part = (side.flags & (ALNUM | MARK)) > 0
    keep = part.copy()
    keep[1:] |= part[:-1]  # of a stretch of others the first is kept, as a space
    codes = np.where(part, side.codes, np.uint32(32))[keep]
    text = side.text_of[keep]
    if not len(text):
        return text, np.zeros(0, np.uint64)
    first = np.flatnonzero(np.concatenate([[True], text[1:] != text[:-1]]))
    length = np.diff([*first, len(text)]) - 1  # without the space at the end
    length = np.maximum(length, 1)
    total = np.maximum(length - size + 1, 1)
    origin = np.repeat(first - np.concatenate([[0], np.cumsum(total)[:-1]]), total)
    start = origin + np.arange(len(origin))
    end = np.minimum(start + size, np.repeat(first + length, total))
    return side.row_of[text[start]], keys_of(codes, start, end)


def schema(columns: int) -> pa.Schema:
    """What is stored of each row that is looked at."""
    return pa.schema(
        [
            pa.field("id", pa.int64()),
            pa.field("shard", pa.int32()),
            pa.field("row", pa.int32()),
            pa.field("key", pa.binary()),
            pa.field("source", pa.binary()),
            pa.field("labels", pa.binary()),
            *(pa.field(f"band{k}", pa.uint64()) for k in range(columns)),
        ]
    )
