"""`xltpipe` with a scorer that is slow, or falls over on one row: python -m … SECONDS POISON run …

MOST in the environment lowers the number of tasks of a stage, so that few shards make batches.
"""

from __future__ import annotations

import os
import sys
import time

from tasks import batches
from xltpipe import scoring
from xltpipe.cli import main
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Floats
from xltpipe.quality.scorer import Scorer


class Faulty:
    """A scorer that gives what another gives, with the same columns: keys of results stay."""

    def __init__(self, scorer: Scorer, seconds: float, poison: str) -> None:
        self.columns = scorer.columns
        self._scorer, self._seconds, self._poison = scorer, seconds, poison

    def score(self, batch: Batch) -> list[Floats]:
        time.sleep(self._seconds)
        if self._poison and any(self._poison in text for text in batch.source.strings):
            raise ZeroDivisionError("the scorer fell over")
        return list(self._scorer.score(batch))


if __name__ == "__main__":
    seconds, poison = float(sys.argv[1]), sys.argv[2]
    scoring.SCORERS = (Faulty(scoring.SCORERS[0], seconds, poison), *scoring.SCORERS[1:])
    del sys.argv[1:3]
    batches.MOST = int(os.environ.get("MOST", batches.MOST))
    main()
