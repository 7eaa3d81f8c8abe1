"""Starting embeddings: pieces that are linked or stand near each other begin near each other.

Positive pointwise mutual information (Levy and Goldberg, 2014) of linked pieces and of neighbours,
cut down by singular values: a small network need not learn from scratch which words correspond.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from xltpipe.mt.sampling import Example

_LINK, _NEAR, _MET = 2.0, 0.5, 1.0
"""What a link counts, shared among its pieces; a neighbour one or two pieces away; and, in pairs
without links, all source pieces together for each target piece."""

_SHORT = 24
"""Pieces of a side at most, where all pieces of a pair without links count as met."""

_NOISE = 0.3


def embeddings(
    examples: Iterable[Example], vocabulary: int, width: int, seed: int
) -> NDArray[np.float32]:
    """(vocabulary, width) rows of unit length; rows of pieces never seen are random."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import svds

    rows, columns, weights = _counts(examples)
    counts = coo_matrix((weights, (rows, columns)), shape=(vocabulary, vocabulary)).tocsr()
    counts = counts + counts.T
    row_sums = np.asarray(counts.sum(1)).ravel() + 1e-9
    context = row_sums**0.75
    context /= context.sum()
    flat = counts.tocoo()
    information = np.log(np.maximum(flat.data / (row_sums[flat.row] * context[flat.col]), 1e-9))
    known = information > 0
    matrix = coo_matrix(
        (information[known], (flat.row[known], flat.col[known])), shape=(vocabulary, vocabulary)
    ).tocsr()
    left, values, _ = svds(matrix, k=width, random_state=seed)
    draw = np.random.default_rng(seed)
    vectors = left * np.sqrt(np.maximum(values, 1e-6))
    vectors -= vectors.mean(0)
    vectors = _unit(vectors)
    # A random turn spreads what the largest singular values hold over all coordinates.
    turn, _ = np.linalg.qr(draw.standard_normal((width, width)))
    noise = draw.standard_normal((vocabulary, width)) * width**-0.5
    return _unit(vectors @ turn + _NOISE * noise).astype(np.float32)


def _counts(
    examples: Iterable[Example],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    rows, columns, weights = [], [], []
    for example in examples:
        source, target = example.source.astype(np.int64), example.target.astype(np.int64)
        if len(example.links):
            at, there = example.links[:, 0], example.links[:, 1]
            degree = np.bincount(at, minlength=len(target))
            rows.append(target[at])
            columns.append(source[there])
            weights.append((_LINK / degree[at]).astype(np.float32))
        elif max(len(source), len(target)) <= _SHORT:
            rows.append(np.repeat(target[:-1], len(source) - 2))
            columns.append(np.tile(source[1:-1], len(target) - 1))
            weights.append(np.full(len(rows[-1]), _MET / max(1, len(source) - 2), np.float32))
        for ids in (source[1:-1], target[:-1]):
            for apart in (1, 2):
                rows.append(ids[:-apart])
                columns.append(ids[apart:])
                weights.append(np.full(max(0, len(ids) - apart), _NEAR, np.float32))
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(weights)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.where(length > 1e-6, vectors / np.maximum(length, 1e-6), 0.0)
    return unit
