"""Score and judge units as a run does, language pair by language pair."""

from __future__ import annotations

from collections.abc import Sequence

from xltpipe import tables
from xltpipe.quality import REASONS, SCORERS, Rules
from xltpipe.quality.batch import Batch
from xltpipe.quality.scorer import Scorer
from xltpipe.quality.stage import judge, score
from xltpipe.types import Unit


def judged(units: Sequence[Unit], rules: Rules | None = None) -> list[Unit]:
    """The units with their reasons; given order."""
    out: list[Unit] = list(units)
    pairs = [(u.source.lang, u.target.lang) for u in units]
    for pair in dict.fromkeys(pairs):
        rows = [i for i, own in enumerate(pairs) if own == pair]
        table = tables.units_to_table([units[i] for i in rows])
        done = judge(table, score(table, SCORERS).columns, rules or Rules(), REASONS)
        for i, unit in zip(rows, tables.table_to_units(done), strict=True):
            out[i] = unit
    return out


def value(scorer: Scorer, made: Unit, column: str | None = None) -> float:
    """One unit's score."""
    found = dict(zip((c.name for c in scorer.columns), scorer.score(Batch.of([made])), strict=True))
    return float(found[column or scorer.columns[0].name][0])
