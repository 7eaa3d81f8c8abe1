"""Funnel: what became of every row, from reading to the corpus; and whether the sum is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xltpipe import strategies

if TYPE_CHECKING:
    import duckdb

STAGES = ("read", "translate", "project", "score", "judge", "materialise")
"""Stages that a row passes, in order; others (aligners, groups of duplicates) hold no rows."""

LABELLING = tuple(sorted(strategies.LABELLING))
"""Strategies that label rows in the target language; their shards are the corpus's."""

UNLABELLED = ("test", "gold", "oracle", "source")
"""Splits of such strategies that are read, and used as they are."""


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one language and split: after each stage, and by what was decided.

    `repeated` are rows in blocks that equal an earlier one: these are stored, and counted, once.
    """

    lang: str
    split: str
    stages: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    kept: int = 0
    rejected: int = 0
    quarantined: int = 0
    truncated: int = 0
    masked: int = 0
    repeated: int = 0

    @property
    def read(self) -> int:
        """Rows that came in: read, or, on the way back of `round_trip`, taken up again."""
        came = self.stages.get("read", self.stages.get("translate", 0))
        return came - self.repeated

    @property
    def missing(self) -> int:
        """Rows that were read and are neither kept, rejected nor quarantined; 0 is right."""
        return self.read - self.kept - self.rejected - self.quarantined

    @property
    def astray(self) -> int:
        """Kept rows that are not in the corpus; 0 is right, also where there is no corpus yet."""
        if self.repeated:  # the corpus holds equal blocks as often as they were read
            return 0
        return self.kept - self.stages.get("materialise", self.kept)


def parts(connection: duckdb.DuckDBPyConnection, run: str, record: Mapping[str, Any]) -> list[Part]:
    """Every language and split that was labelled."""
    stages = _stages(connection, run)
    judged = {
        (lang, split): dict(zip(_JUDGED, numbers, strict=True))
        for lang, split, *numbers in connection.execute(
            """SELECT lang, split, count(*),
                      count(*) FILTER (reason IS NULL AND error IS NULL),
                      count(*) FILTER (reason IS NOT NULL),
                      count(*) FILTER (error IS NOT NULL),
                      count(*) FILTER (truncated),
                      count(*) FILTER (reason IS NULL AND error IS NULL AND len(target.masked) > 0)
               FROM units WHERE run = $1 GROUP BY ALL""",
            [run],
        ).fetchall()
    }
    repeated = _repeated(record)
    return [
        Part(*at, stages.get(at, {}), repeated=repeated[at], **judged.get(at, {}))
        for at in sorted({*stages, *judged})
    ]


_JUDGED = ("rows", "kept", "rejected", "quarantined", "truncated", "masked")


def _stages(
    connection: duckdb.DuckDBPyConnection, run: str
) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for lang, split, stage, rows in connection.execute(
        """SELECT lang, split, stage, sum(rows)::BIGINT FROM (
               SELECT DISTINCT lang, split, stage, key, part, rows FROM shards
               WHERE run = $1 AND list_contains($2, strategy)
               AND NOT list_contains($4, split))
           WHERE list_contains($3, stage) GROUP BY ALL""",
        [run, list(LABELLING), list(STAGES), list(UNLABELLED)],
    ).fetchall():
        found.setdefault((lang, split), {})[stage] = rows
    return found


def _repeated(record: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    """Rows in read blocks of equal content, of which later stages see one."""
    first: dict[tuple[str, str, str], str] = {}
    again: dict[tuple[str, str, str], int] = {}
    for outcome in record.get("outcomes", []):
        for split, shard in outcome["shards"]:
            labelled = outcome["strategy"] in LABELLING and split not in UNLABELLED
            if labelled and shard["stage"] == "read":
                here = (outcome["target"], split, shard["content"])
                where = f"{shard['key']}/{shard['part']}"
                if shard["content"] and first.setdefault(here, where) != where:
                    again[(*here[:2], where)] = shard["rows"]
    out: Counter[tuple[str, str]] = Counter()
    for (lang, split, _), rows in again.items():
        out[lang, split] += rows
    return out
