"""Rows: a sample of kept, rejected and quarantined rows in which every reason is seen.

Drawn by a hash of each row, so the same run and seed give the same rows, in two scans and in
memory that grows with the sample, not with the corpus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any, Literal

from xltpipe.reporting.reasons import KIND
from xltpipe.types import Example, Span

if TYPE_CHECKING:
    import duckdb

State = Literal["kept", "rejected", "quarantined"]
STATES: tuple[State, ...] = ("kept", "rejected", "quarantined")

TEXT = 1500
"""Characters of a text that are listed: one text of a megabyte must not make the page unusable."""

SPANS = 60
"""Spans of a text that are listed, for the same reason."""

_ALIKE = 20
"""Rows fetched for each that is wanted: rows alike in id and texts have one hash."""


@dataclass(frozen=True, slots=True)
class Row:
    """One listed row; `cut` and `spans_cut` are characters and spans that are not shown of it."""

    lang: str
    split: str
    state: State
    source: Example
    target: Example
    reasons: tuple[str, ...]
    error: str | None
    scores: Mapping[str, float]
    lost: tuple[tuple[str, str, str], ...]
    """Source spans that were lost: their text, label and the reason."""
    methods: tuple[str, ...]
    truncated: bool
    cut: int
    spans_cut: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows listed, and how many there are of each state in all."""

    rows: tuple[Row, ...]
    totals: Mapping[State, int]

    def listed(self, state: State) -> int:
        return sum(row.state == state for row in self.rows)


def sample(connection: duckdb.DuckDBPyConnection, run: str, size: int, seed: int) -> Sample:
    """Half kept rows, half others if there are as many; each reason and kind of error in turn."""
    strata: dict[State, list[list[int]]] = {state: [] for state in STATES}
    totals: dict[State, int] = dict.fromkeys(STATES, 0)
    for state, wholes, hashes in connection.execute(
        _STRATA, {"run": run, "seed": str(seed), "size": max(size, 1)}
    ).fetchall():
        strata[state].append(hashes)
        totals[state] += wholes
    half = size // 2
    others = strata["rejected"] + strata["quarantined"]
    dropped = _in_turn(others, max(half, size - _most(strata["kept"])))
    kept = _in_turn(strata["kept"], size - len(dropped))
    chosen = {h: n for n, h in enumerate([*kept, *dropped])}
    return Sample(tuple(_rows(connection, run, seed, chosen)), totals)


def _most(lists: Sequence[Sequence[int]]) -> int:
    return len({one for listed in lists for one in listed})


def _in_turn(lists: Sequence[Sequence[int]], size: int) -> list[int]:
    """One of each list in turn, none twice, until there are enough or no more."""
    left = [list(reversed(one)) for one in lists]
    found: dict[int, None] = {}
    for one in cycle(left):
        if len(found) >= size or not any(left):
            break
        while one:
            item = one.pop()
            if item not in found:
                found[item] = None
                break
    return list(found)


def _rows(
    connection: duckdb.DuckDBPyConnection, run: str, seed: int, chosen: Mapping[int, int]
) -> list[Row]:
    if not chosen:
        return []
    reader = connection.sql(
        _CHOSEN,
        params={
            "run": run,
            "seed": str(seed),
            "chosen": list(chosen),
            "text": TEXT,
            "spans": SPANS,
            "most": _ALIKE * len(chosen),
        },
    ).to_arrow_reader(100)
    found: dict[int, dict[str, Any]] = {}
    for batch in reader:
        for row in batch.to_pylist():
            found.setdefault(row["h"], row)  # rows alike in all that is hashed: one of them
    order = {state: n for n, state in enumerate(("rejected", "quarantined", "kept"))}
    listed = sorted(found.values(), key=lambda r: (order[r["state"]], chosen[r["h"]]))
    return [_row(row) for row in listed]


def _row(row: Mapping[str, Any]) -> Row:
    source, target = _example(row, "source"), _example(row, "target")
    return Row(
        row["lang"],
        row["split"],
        row["state"],
        source,
        target,
        tuple(row["reasons"]),
        row["error"],
        {name: value for name, value in row["scores"].items() if value is not None},
        tuple((p["text"], p["label"], p["reason"]) for p in row["lost"]),
        tuple(sorted(row["methods"])),
        row["truncated"],
        row["characters"] - sum(len(t) for t in (*source.texts, *target.texts)),
        row["all_spans"] - len(source.spans) - len(target.spans),
    )


def _example(row: Mapping[str, Any], side: str) -> Example:
    """The example as far as it is listed: spans end where its texts are cut."""
    texts = tuple(row[f"{side}_texts"])
    spans = tuple(
        Span(s["start"], min(s["end"], len(texts[s["text"]])), s["label"], s["text"])
        for s in row[f"{side}_spans"]
        if s["start"] < len(texts[s["text"]])
    )
    return Example(row["id"], row[f"{side}_lang"], texts, spans, row[f"{side}_label"])


_HASHED = "hash(lang, split, id, source_text, target_text, $seed)"
_STATE = """CASE WHEN error IS NOT NULL THEN 'quarantined'
     WHEN reason IS NOT NULL THEN 'rejected' ELSE 'kept' END"""

_STRATA = f"""
SELECT state, count(*) FILTER (stratum = gravest) AS wholes, arg_min(h, h, $size) AS hashes
FROM (SELECT *, unnest(strata) AS stratum, strata[1] AS gravest FROM (
    SELECT lang, split, {_STATE} AS state, {_HASHED} AS h,
           CASE WHEN error IS NOT NULL THEN [{KIND}]
                WHEN reason IS NOT NULL THEN reasons ELSE ['kept'] END AS strata
    FROM units WHERE run = $run))
GROUP BY state, lang, split, stratum ORDER BY state, lang, split, stratum"""  # noqa: S608 - ours
"""Of each state, language and reason (a row of two reasons is in both): rows, and the least hashes.
"""

_CHOSEN = f"""
SELECT {_HASHED} AS h, lang, split, {_STATE} AS state, id,
       source.lang AS source_lang, target.lang AS target_lang,
       source.label AS source_label, target.label AS target_label,
       list_transform(source.texts, lambda t: left(t, $text)) AS source_texts,
       list_transform(target.texts, lambda t: left(t, $text)) AS target_texts,
       source.spans[1:$spans] AS source_spans, target.spans[1:$spans] AS target_spans,
       coalesce(list_sum(list_transform(source.texts || target.texts, lambda t: length(t))), 0)
           ::BIGINT AS characters,
       len(source.spans) + len(target.spans) AS all_spans,
       reasons, left(error, $text) AS error, scores, truncated,
       list_distinct(list_transform(placements, lambda p: p.method)) AS methods,
       list_transform(
           list_filter(placements, lambda p: p.reason IS NOT NULL)[1:$spans],
           lambda p: {{'text': left(substr(source.texts[source.spans[p.source + 1].text + 1],
                                         source.spans[p.source + 1].start + 1,
                                         source.spans[p.source + 1]."end"
                                             - source.spans[p.source + 1].start), 200),
                      'label': source.spans[p.source + 1].label, 'reason': p.reason}}) AS lost
FROM units WHERE run = $run AND list_contains($chosen, {_HASHED})
ORDER BY h LIMIT $most"""  # noqa: S608 - our own words
