"""Confidence: what projection itself thought of the places it chose; a row is as its worst span."""

from __future__ import annotations

import numpy as np

from xltpipe.quality.batch import Batch
from xltpipe.quality.by_row import greatest, least
from xltpipe.quality.column import Column, Floats
from xltpipe.quality.scorer import Scorer


class Confidence:
    """The least confidence and margin, and the latest method of a chain that was needed.

    Confidences of different methods are on different scales: a threshold belongs to a recipe.
    """

    columns = (
        Column(
            "span_confidence",
            "span_unsure",
            "share",
            "Least confidence of the row's placed spans; none where the method gives none.",
            "ours",
            high=1.0,
        ),
        Column(
            "span_margin",
            "span_contested",
            "share",
            "Least lead of a placed span's confidence over its second-best place's.",
            "ours",
            high=1.0,
        ),
        Column(
            "span_rank",
            "late_method",
            "rank",
            "Latest method of a chain that placed a span of the row; 0 is the first.",
            "ours",
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        placed = batch.placed
        return [
            least(batch.rows, placed.row, placed.score),
            least(batch.rows, placed.row, placed.margin),
            greatest(batch.rows, placed.row, placed.rank.astype(np.float64)),
        ]


SCORERS: tuple[Scorer, ...] = (Confidence(),)
