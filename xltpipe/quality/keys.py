"""Keys: a hash for each of many stretches of code points, all at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xltpipe.quality.characters import Codes, mixed_of

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

_ROOT = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that it has an inverse modulo 2^64: the key of a word does not depend on its place."""
_INVERSE = np.uint64(pow(int(_ROOT), -1, 1 << 64))


def keys_of(codes: Codes, start: Ints, end: Ints) -> Keys:
    """A hash of each stretch of code points, lower-cased: equal stretches have equal keys.

    A sum of mixed characters times powers of an odd root, brought to the stretch's beginning.
    """
    with np.errstate(over="ignore"):
        weighted = mixed_of(codes)
        weighted *= _powers(len(codes))
        sums = np.zeros(len(codes) + 1, np.uint64)
        np.cumsum(weighted, out=sums[1:])
        keys: Keys = (sums.take(end) - sums.take(start)) * _inverses(len(codes)).take(start)
        keys ^= keys >> np.uint64(29)
    return keys


_cache: dict[str, Keys] = {}


def _powers(size: int) -> Keys:
    return _grown("powers", _ROOT, size)


def _inverses(size: int) -> Keys:
    return _grown("inverses", _INVERSE, size)


def _grown(name: str, root: np.uint64, size: int) -> Keys:
    found = _cache.get(name)
    if found is None or len(found) < size:
        wanted = max(1 << 16, 1 << (size - 1).bit_length())
        with np.errstate(over="ignore"):
            found = np.cumprod(np.concatenate([[np.uint64(1)], np.full(wanted - 1, root)]))
        # shards beside this one may put a shorter one in its place at any time
        _cache[name] = found = found.astype(np.uint64)
    return found[:size]
