"""Engine: what the engine itself says of its output."""

from __future__ import annotations

from math import inf

import numpy as np

from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats, Limits


class Engine:
    """Whether a length limit cut a text, and how likely the engine thought its worst one."""

    columns = (
        Column(
            "truncated",
            "truncated",
            "flag",
            "1 where an engine's length limit cut the input or the output.",
            "ours",
            high=1.0,
            limits=Limits(max=0.0),
        ),
        Column(
            "log_probability",
            "unlikely",
            "log-probability",
            "Lowest mean log-probability per token of the texts that came back.",
            "the engine; Fomicheva et al., 2020 (TP)",
            low=-inf,
            high=0.0,
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        row = batch.received_row
        cut = np.zeros(batch.rows)
        cut[row[batch.received("truncated").astype(np.bool_)]] = 1.0
        scores = batch.received("score").astype(np.float64)
        lowest = np.full(batch.rows, inf)
        # rounding of single precision can lift a sure text a hair above 0
        np.minimum.at(lowest, row, np.where(np.isnan(scores), inf, np.minimum(scores, 0.0)))
        return [cut, np.where(lowest == inf, np.nan, lowest)]


SCORERS = (Engine(),)
