"""Runs put on a shelf by hand with all that a report tells: stages, scores, errors, results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tests.toy_recipe import settings, write_data
from tests.toy_shelf import row
from xltpipe import tables
from xltpipe.catalogue import refresh
from xltpipe.durable import write_table
from xltpipe.recipe_file import parse
from xltpipe.store import Counts, Step, Store
from xltpipe.types import Unit

RUN = "toy-0a1b2c3d"
EVIL = '<script>document.title="ran"</script>'
HOSTILE = '<img src=x onerror="document.title=1"> ]]> --> </script>'
LABEL = '"><b>&amp;'
Scores = Mapping[str, Sequence[float]]


def rows() -> list[Unit]:
    """Kept, rejected and quarantined rows, in several scripts and full of what could do harm."""
    return [
        row(
            f"k1-{EVIL}",
            ("Ana lives in Rome",),
            ("Ana vive en Roma",),
            [("Ana", "PER", "Ana"), ("Rome", "LOC", "Roma")],
        ),
        row(
            "k2",
            (f"Bob {HOSTILE} left",),
            (f"Bob {HOSTILE} dejó",),
            [("Bob", "PER", "Bob"), ("onerror", LABEL, "onerror")],
        ),
        row(
            "rtl",
            ("Layla visited Cairo",),
            ("زارت ليلى القاهرة أمس",),
            [("Layla", "PER", "ليلى"), ("Cairo", "LOC", "القاهرة")],
            lang="arb",
        ),
        row("cjk", ("Wang works in Beijing",), ("王芳在北京工作。",), [("Beijing", "LOC", "北京")]),
        row(
            "controls\x00\u202e",
            ("Zoë \x1b[31m\u202eabc {{x}} $body ${title}",),
            ("Zoë \x00\x1b[31m\u202eabc",),
            [("Zoë", "PER", "Zoë")],
        ),
        row(
            "lost",
            ("Max left Paris",),
            ("Max dejó París",),
            [("Max", "PER", None), ("Paris", "LOC", "París")],
            reasons=("span_lost", "length_ratio"),
        ),
        row("long", ("It rains",), ("Llueve y llueve",), reasons=("length_ratio",)),
        row(
            "bad",
            ("Eva called",),
            ("",),
            [("Eva", "PER", None)],
            error=f"translate: RuntimeError: boom {EVIL}",
        ),
    ]


def scores() -> Scores:
    """Of `rows`: an unknown score too, one without meaning anywhere, and one outside its limits."""
    nan = float("nan")
    return {
        "spans_placed": [1, 1, 1, 1, 1, 0.5, 1, nan],
        "length_ratio": [1, 1.1, 0.9, 0.7, 1, 4.5, 3.5, nan],
        "truncated": [0] * 7 + [nan],
        "brand_new": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, nan],
        "never": [nan] * 8,
    }


def shelve(
    home: Path,
    units: Sequence[Unit],
    given: Scores,
    *,
    lost: int = 0,
    state: str = "completed",
    value: float | None = 0.75,
) -> Store:
    """A store with one run of these rows in two shards; `lost` rows were read and never judged."""
    store, half = Store(home / "store"), (len(units) + 1) // 2
    kept = [unit for unit in units if unit.kept]
    shards: list[tuple[str, dict[str, object]]] = []
    for number, at in enumerate((slice(0, half), slice(half, None))):
        part, more = list(units[at]), lost if number else 0
        if not part and not more:
            continue
        examples = [u.source for u in part]
        examples += [replace(e, id=f"more-{n}") for n, e in enumerate(examples[:1] * more)]
        read = tables.examples_to_table(examples)
        plain = tables.units_to_table([replace(u, reasons=()) for u in part])
        judged = tables.units_to_table(part)
        judged = judged.append_column(
            tables.scored(list(given)).field("scores"),
            tables.scores_column({name: list(v[at]) for name, v in given.items()}, len(part)),
        )
        counts: Counts = {"truncated": 2, "lost:span_lost": 1, "repairs": 0, "table_faults": 3}
        for stage, table, told in (
            ("read", read, {}),
            ("translate", plain, {}),
            ("project", plain, counts),
            ("judge", judged, {}),
        ):
            inputs = (_aligner(store),) if stage == "project" else ()
            shards.append(("train", _made(store, stage, table, number, told, inputs)))
    corpus = tables.examples_to_table([u.target for u in kept])
    shards.append(("train", _made(store, "materialise", corpus, 0, {})))
    _record(home, store, state, shards, [] if value is None else [_score(store, value)])
    refresh(store)
    return store


def _made(
    store: Store,
    stage: str,
    table: object,
    number: int,
    counts: Counts,
    inputs: tuple[str, ...] = (),
) -> dict[str, object]:
    def build(home: Path) -> Counts:
        write_table(table, home / "part-00000.parquet")
        return {"rows": table.num_rows, **counts}

    shard, _ = store.make(Step(stage, 0, {"number": number}, inputs, build))
    content = f"{number}" if stage == "read" else ""
    return asdict(replace(shard, content=content))


def _aligner(store: Store) -> str:
    """An artefact that no record names: what was projected with it does."""

    def build(home: Path) -> Counts:
        (home / "prior").write_text("x", encoding="utf-8")
        return {"rows": 5, "thinned": 7}

    return store.make(Step("align", 0, {}, (), build))[0].key


def _score(store: Store, value: float) -> dict[str, object]:
    def build(home: Path) -> Counts:
        details = {"f1_low": value - 0.1, "f1_high": value + 0.1, "precision": value}
        signature = f"span_f1|mode:strict|{EVIL}|v:0"
        told = {"name": "span_f1", "value": value, "signature": signature, "details": details}
        (home / "result.json").write_text(json.dumps(told), encoding="utf-8")
        return {"rows": 3}

    identity = {"test": "small", "lang": "spa"}
    return asdict(store.make(Step("evaluate", 0, identity, (), build))[0])


def _record(
    home: Path,
    store: Store,
    state: str,
    shards: Sequence[tuple[str, Mapping[str, object]]],
    found: Sequence[Mapping[str, object]],
) -> None:
    write_data(home)
    recipe = parse(settings(targets=["spa"]), home / "toy.toml")
    outcome = {
        "strategy": "translate_train",
        "target": "spa",
        "shards": [(split, dict(fields)) for split, fields in shards],
        "scores": [dict(fields) for fields in found],
    }
    record = {
        "run": RUN,
        "name": "toy",
        "state": state,
        "started": "2026-01-01T00:00:00Z",
        "ended": "2026-01-01T00:01:05Z",
        "error": f"DataError: {EVIL}" if state == "failed" else None,
        "recipe": recipe.model_dump(mode="json"),
        "outcomes": [outcome],
    }
    (store.root / "runs").mkdir(exist_ok=True)
    (store.root / "runs" / f"{RUN}.json").write_text(json.dumps(record), encoding="utf-8")
