"""Rows appended to a source: work on the new ones alone, and the same corpus as from nothing."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests import toy_run
from tests.toy_recipe import toy_recipe
from xltpipe import tools
from xltpipe.evaluating import result
from xltpipe.plan import plan
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, records
from xltpipe.store import Shard, Store

ROWS, NEW = 4000, 40
NAMES = ("Ana", "Bob", "Eva", "Max", "Ida", "Leo")
WORDS = [
    "the",
    "river",
    "runs",
    "past",
    "old",
    "mills",
    "and",
    "quiet",
    "farms",
    "under",
    "a",
    "wide",
    "grey",
    "sky",
    "near",
    "our",
    "town",
]

ALIGNED = {
    "kind": "aligned",
    "aligner": {"kind": "hmm", "ibm1": 1, "hmm": 1, "max_pairs": 300},
}
MARKERS = {"kind": "markers", "style": "letters"}


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    out = []
    for number in range(count):
        name, words = chance.choice(NAMES), " ".join(chance.sample(WORDS, 9))
        span = {"start": 0, "end": len(name), "label": "PER"}
        text = f"{name} saw {words} {seed}{number}."
        out.append({"id": f"{seed}-{number}", "text": text, "spans": [span]})
    return out


def write(folder: Path, given: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row) + "\n" for row in given)
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")


def recipe(folder: Path, projection: dict[str, Any], **changes: object) -> Recipe:
    return toy_recipe(
        folder,
        train={"kind": "jsonl", "path": "rows.jsonl"},
        shard_rows=256,
        projection=projection,
        **changes,
    )


def keys(store: Store) -> dict[str, set[str]]:
    out: dict[str, set[str]] = {}
    for path in store.root.glob("*/??/*/manifest.json"):
        out.setdefault(path.parts[-4], set()).add(path.parent.name)
    return out


def new(before: dict[str, set[str]], store: Store) -> Counter[str]:
    """How many artefacts of each stage were made since."""
    return Counter(
        {stage: len(now - before.get(stage, set())) for stage, now in keys(store).items()}
    )


def corpus(store: Store, shard: Shard) -> list[bytes]:
    return [path.read_bytes() for path in sorted(store.folder(shard).glob("*.parquet"))]


def made(given: Recipe, store: Store) -> Shard:
    return toy_run.materialise(given, store, "spa", Outcome("corpus", "spa"))


def test_only_new_rows_are_worked_on(tmp_path: Path) -> None:
    given, store = recipe(tmp_path, ALIGNED), Store(tmp_path / "store")
    old = rows(ROWS, 1)
    write(tmp_path, old)
    made(given, store)
    before = keys(store)
    blocks = len(before["translate"])
    assert blocks > 20
    write(tmp_path, old + rows(NEW, 2))
    planned = {stage.stage: stage for stage in plan(given, store)}
    assert planned["project"].done >= blocks - 1  # the aligner that will be kept is foreseen
    made(given, store)
    now = new(before, store)
    for stage in ("translate", "project", "score", "marks"):
        assert now[stage] <= 2, stage
    assert now["judge"] <= 3
    assert now["align"] == now["materialise"] == 1


def test_a_row_in_the_middle_costs_its_block(tmp_path: Path) -> None:
    given, store = recipe(tmp_path, ALIGNED), Store(tmp_path / "store")
    old = rows(ROWS, 1)
    write(tmp_path, old)
    made(given, store)
    before = keys(store)
    write(tmp_path, old[:1500] + rows(1, 2) + old[1500:])
    made(given, store)
    now = new(before, store)
    assert 1 <= now["translate"] <= 4
    assert now["project"] == now["translate"]


@pytest.mark.parametrize("projection", [MARKERS, ALIGNED], ids=["markers", "aligned"])
def test_the_corpus_is_what_it_would_be_from_nothing(
    tmp_path: Path, projection: dict[str, Any]
) -> None:
    """Also where a new row is a copy of an old one, or contradicts it."""
    given = recipe(tmp_path, projection)
    grown, fresh = Store(tmp_path / "grown"), Store(tmp_path / "fresh")
    old = rows(ROWS, 1)
    write(tmp_path, old)
    made(given, grown)
    copy = {**old[7], "id": "copy"}
    other = {**old[900], "id": "other", "spans": []}
    write(tmp_path, [*old, *rows(NEW, 2), copy, other])
    if projection is ALIGNED:  # from nothing the aligner would be trained on all rows
        given = recipe(tmp_path, projection, reuse_aligner=1)
    once = made(given, grown)
    assert corpus(grown, once) == corpus(fresh, made(given, fresh))
    counts = (grown.manifest(once) or {})["counts"]
    assert counts["failed:duplicate"] == 1
    assert counts["rows_in"] == ROWS + NEW + 2 == counts["rows"] + counts["rejected"]


def aligner(store: Store, given: Recipe) -> tools.Trained:
    units = [
        shard
        for outcome in records(store)[-1]["outcomes"]
        for split, fields in outcome["shards"]
        if split == "train" and (shard := Shard(**fields)).stage == "translate"
    ]
    (needed,) = tools.aligners(given, sum(s.rows for s in units), "spa", scored=True)
    found = store.find(tools.align(store, needed.spec, units, ("eng", "spa"), given.reuse_aligner))
    assert found is not None
    return tools.aligned(needed, store, found)


def test_a_kept_aligner_says_what_it_was_trained_on(tmp_path: Path) -> None:
    given, store = recipe(tmp_path, ALIGNED), Store(tmp_path / "store")
    old = rows(ROWS, 1)
    write(tmp_path, old)
    toy_run.run(given, store)
    first = aligner(store, given)
    assert first.kept is None
    write(tmp_path, old + rows(NEW, 2))
    toy_run.run(given, store)
    second = aligner(store, given)
    assert second.kept is not None
    trained, unseen = second.kept
    assert trained == ROWS
    assert NEW <= unseen < NEW + 256
    assert second.shard is not None and first.shard is not None
    assert second.shard.id == first.shard.id
    counts = (store.manifest(second.shard) or {})["counts"]
    assert counts["rows"] == ROWS + NEW
    assert (counts["rows_trained_on"], counts["rows_not_trained_on"]) == second.kept
    told = f"trained on {ROWS} rows of an earlier revision, {unseen} rows are new"
    assert told in (store.root / f"corpus/run={given.run}" / "README.md").read_text("utf-8")
    (outcome,) = next(r for r in records(store) if r["run"] == given.run)["outcomes"]
    (score,) = outcome["scores"]
    signature = result(store, Shard(**score)).signature
    assert f"|aligner_rows:{ROWS}|" in signature
    assert f"|aligner_new_rows:{unseen}|" in signature


def test_a_damaged_or_too_old_aligner_is_not_kept(tmp_path: Path) -> None:
    given, store = recipe(tmp_path, ALIGNED), Store(tmp_path / "store")
    old = rows(1000, 1)
    write(tmp_path, old)
    made(given, store)
    (first,) = keys(store)["align"]
    write(tmp_path, old + rows(1000, 2))  # it saw less than 0.8 of these
    made(given, store)
    (second,) = keys(store)["align"] - {first}
    assert (store.manifest(Shard("align", second)) or {})["counts"]["rows_not_trained_on"] == 0
    for path in store.folder(Shard("align", second)).rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:-9])
    write(tmp_path, old + rows(1000, 2) + rows(NEW, 3))
    made(given, store)
    (third,) = keys(store)["align"] - {first, second}
    assert (store.manifest(Shard("align", third)) or {})["counts"]["rows_not_trained_on"] == 0
