"""Runs put on a shelf by hand: judged rows in many scripts, without an engine or a projector."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.toy_recipe import toy_recipe
from xltpipe import tables
from xltpipe.catalogue import refresh
from xltpipe.durable import write_table
from xltpipe.runs import records
from xltpipe.store import Shard, Step, Store
from xltpipe.types import Example, Placement, Span, Translation, Unit

RUN = "toy-0a1b2c3d"


def row(
    id: str,
    source: tuple[str, ...],
    target: tuple[str, ...],
    spans: Sequence[tuple[str, str, str | None]] = (),
    *,
    reasons: tuple[str, ...] = (),
    error: str | None = None,
    label: str | None = None,
    text: int = 0,
    lang: str = "spa",
) -> Unit:
    """A unit whose spans are (covered source, label, covered target or None where it was lost)."""
    ours, theirs, placed = [], [], []
    for number, (left, name, right) in enumerate(spans):
        start = source[text].index(left)
        ours.append(Span(start, start + len(left), name, text))
        if right is None:
            placed.append(Placement(number, None, "aligned", reason="span_lost"))
            continue
        start = target[text].index(right)
        placed.append(Placement(number, len(theirs), "aligned", 0.5 + number / 10))
        theirs.append(Span(start, start + len(right), name, text))
    return Unit(
        Example(id, "eng", source, tuple(ours), label),
        Example(id, lang, target, tuple(theirs), label),
        source,
        tuple(Translation(t) for t in target),
        tuple(placed),
        reasons,
        error,
    )


def rows() -> list[Unit]:
    """Kept, rejected and quarantined rows; emoji before spans, Arabic, and a line break."""
    return [
        row("r1", ("Ana lives in Rome",), ("Ana vive en Roma",), [("Ana", "PER", "Ana"), ("Rome", "LOC", "Roma")]),
        row("r2", ("😀👩‍👩‍👧 Ana saw Rome",), ("😀👩‍👩‍👧 Ana vio Roma",), [("Ana", "PER", "Ana"), ("Rome", "LOC", "Roma")]),
        row("r3", ("Layla visited Cairo",), ("زارت ليلى القاهرة 🏛 أمس",), [("Layla", "PER", "ليلى"), ("Cairo", "LOC", "القاهرة")]),
        row("r4", ("Bob left\nParis",), ("Bob dejó\nParís",), [("Bob", "PER", None), ("Paris", "LOC", "París")], reasons=("span_lost", "length_ratio")),
        row("r5", ("Eva works",), ("Eva trabaja en IBM",), [("Eva", "PER", "Eva")]),
        row("r6", ("It rains",), ("Llueve",)),
        row("r7", ("Max called",), ("",), [("Max", "PER", None)], error="translate: RuntimeError: boom"),
    ]  # fmt: skip


Shelved = Mapping[tuple[str, str], Sequence[Sequence[Unit]]]
"""For each language and split its shards, each a list of units."""


def shelve(home: Path, given: Shelved | None = None, run: str = RUN) -> Store:
    """A store with one run of these rows, one shard per list; several runs can share a store."""
    store = Store(home / "store")
    places = given or {("spa", "train"): [rows()[:4], rows()[4:]]}
    outcomes = []
    for (lang, split), shards in places.items():
        made = [(split, asdict_of(_judged(store, units, (run, lang, split)))) for units in shards]
        outcomes.append(
            {"strategy": "translate_train", "target": lang, "shards": made, "scores": []}
        )
    recipe = toy_recipe(home, targets=sorted({lang for lang, _ in places}), tests=[])
    record = {
        "run": run, "name": "toy", "state": "completed", "started": f"2026-01-{len(records(store)) + 1:02d}T00:00:00Z",
        "ended": "2026-01-09T00:01:00Z", "error": None,
        "recipe": recipe.model_dump(mode="json"), "outcomes": outcomes,
    }  # fmt: skip
    (store.root / "runs").mkdir(exist_ok=True)
    (store.root / "runs" / f"{run}.json").write_text(json.dumps(record), encoding="utf-8")
    refresh(store)
    return store


def asdict_of(shard: Shard) -> dict[str, object]:
    return dict(asdict(shard))


def _judged(store: Store, units: Sequence[Unit], about: tuple[str, ...]) -> Shard:
    def build(home: Path) -> dict[str, int | float | str]:
        table = tables.units_to_table(units)
        scores = pa.array([{"length_ratio": float(i)} for i in range(len(units))])
        write_table(table.append_column("scores", scores), home / "part-00000.parquet")
        return {"rows": len(units)}

    return store.make(Step("judge", 0, {"units": [*about, repr(units)]}, (), build, len(units)))[0]


def relang(units: Sequence[Unit], lang: str) -> list[Unit]:
    return [replace(u, target=replace(u.target, lang=lang)) for u in units]


def answer(
    task: dict[str, Any], *spans: tuple[str, str], verdict: str | None = None
) -> dict[str, Any]:
    """The task as a person left it: these words labelled, counted as a browser counts (UTF-16)."""
    text, result = task["data"]["text"], []
    for covered, label in spans:
        at = len(text[: text.index(covered)].encode("utf-16-le")) // 2
        end = at + len(covered.encode("utf-16-le")) // 2
        value = {"start": at, "end": end, "text": covered, "labels": [label]}
        result.append(
            {
                "id": f"u{at}",
                "from_name": "label",
                "to_name": "text",
                "type": "labels",
                "value": value,
            }
        )
    if verdict is not None:
        result.append(
            {
                "id": "v",
                "from_name": "verdict",
                "to_name": "text",
                "type": "choices",
                "value": {"choices": [verdict]},
            }
        )
    annotation = {
        "id": 1,
        "completed_by": 4,
        "was_cancelled": False,
        "updated_at": "2026-03-01T10:00:00Z",
        "result": result,
    }
    return task | {"annotations": [annotation]}
