"""By row: from one value per span to one per row; what a row without spans gets is said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xltpipe.quality.column import Floats

_Ints = NDArray[np.int64]


def counted(rows: int, row: _Ints, mask: NDArray[np.bool_] | None = None) -> Floats:
    """How many items each row has, those of the mask only."""
    found = np.bincount(row if mask is None else row[mask], minlength=rows)
    return found.astype(np.float64)


def shared(rows: int, row: _Ints, mask: NDArray[np.bool_], empty: float = np.nan) -> Floats:
    """The share of each row's items that are of the mask; `empty` where it has no items."""
    items = counted(rows, row)
    out = np.full(rows, empty)
    share: Floats = np.divide(counted(rows, row, mask), items, out=out, where=items > 0)
    return share


def least(rows: int, row: _Ints, values: Floats) -> Floats:
    """The least of each row's values, NaN left aside; NaN where a row has none."""
    out = np.full(rows, np.inf)
    known = ~np.isnan(values)
    np.minimum.at(out, row[known], values[known])
    out[np.isinf(out)] = np.nan
    return out


def greatest(rows: int, row: _Ints, values: Floats) -> Floats:
    """The greatest of each row's values, NaN left aside; NaN where a row has none."""
    return -least(rows, row, -values)
