"""Rows and settings that are wrong: one clear error with its place and remedy, or quarantine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.toy_recipe import RULES, settings, toy_recipe
from tests.toy_run import judged
from xltpipe import tables
from xltpipe.cli import _main
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome
from xltpipe.store import Store
from xltpipe.types import Unit


def jsonl(folder: Path, *rows: object) -> Recipe:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return toy_recipe(folder, train={"kind": "jsonl", "path": "rows.jsonl"})


def units_of(recipe: Recipe, store: Store) -> list[Unit]:
    shards = judged(recipe, store, "spa", Outcome("translate_train", "spa"))
    return [unit for shard in shards for unit in tables.table_to_units(store.read(shard))]


def test_a_text_of_a_megabyte_is_scored_in_seconds(tmp_path: Path) -> None:
    long = {"id": "long", "text": "Ana lives in Rome. " * 53_000, "spans": []}
    short = {"id": "short", "text": "Ana runs.", "spans": [{"start": 0, "end": 3, "label": "PER"}]}
    word = {"id": "word", "text": "x" * 1_000_000, "spans": []}
    digits = {"id": "digits", "text": "1 2 3 " * 160_000, "spans": []}
    marks = {"id": "marks", "text": "([{«." * 200_000, "spans": []}
    recipe = jsonl(tmp_path, long, short, word, digits, marks)
    started = time.perf_counter()
    done = units_of(recipe, Store(tmp_path / "store"))
    assert time.perf_counter() - started < 120  # quadratic work would take hours
    assert [u.source.id for u in done] == ["long", "short", "word", "digits", "marks"]
    assert not any(u.error for u in done)
    assert done[1].kept


def run_cli(folder: Path, capsys: pytest.CaptureFixture[str], **changes: object) -> tuple[int, str]:
    """Plan a recipe by the command line; what goes wrong is met before anything runs."""
    parts = []
    for key, value in settings(**changes).items():
        if isinstance(value, dict):
            continue
        if key != "tests":
            parts.append(f"{key} = {json.dumps(value)}")
    for key, value in settings(**changes).items():
        if isinstance(value, dict):
            parts += [f"[{key}]", *(f"{k} = {_toml(v)}" for k, v in value.items())]
    (folder / "toy.toml").write_text("\n".join(parts) + "\n", encoding="utf-8")
    code = _main(["plan", str(folder / "toy.toml"), "--store", str(folder / "data")])
    return code, capsys.readouterr().err


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    return "nan" if value != value else json.dumps(value)


def null_text(folder: Path) -> None:
    (folder / "rows.jsonl").write_text('{"id": "a", "text": "Hi"}\n{"id": "b", "text": null}\n')


def invalid_text(folder: Path) -> None:
    (folder / "rows.jsonl").write_bytes(b'{"id": "a", "text": "Hi"}\n{"id": "b", "text": "\xff"}\n')


def test_invalid_utf8_in_parquet_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )
    texts = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), bad)
    table = pa.table({"id": ["a"], "lang": ["eng"], "texts": texts})
    pq.write_table(table, tmp_path / "rows.parquet")
    code, words = run_cli(tmp_path, capsys, train={"kind": "parquet", "path": "rows.parquet"})
    assert code == 2
    assert "rows.parquet" in words
    assert "Traceback" not in words


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (null_text, "text must be a string, was: null"),
        (invalid_text, "utf-8 text, was: byte 0xff"),
    ],
)
def test_a_row_without_a_text_is_named(
    write: Callable[[Path], None], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    code, words = run_cli(tmp_path, capsys, train={"kind": "jsonl", "path": "rows.jsonl"})
    assert code == 2
    assert told in words
    assert "rows.jsonl:2" in words  # the file and the line
    assert "Traceback" not in words


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"copied": {"max": 1.5}}, "copied must have thresholds in its range 0 to 1"),
        ({"lenght_ratio": {"max": 2}}, "lenght_ratio"),
        ({"copied": {"max": float("nan")}}, "finite number"),
        ({"copied": {"min": 0.8, "max": 0.2}}, "min must not be above max"),
        ({"copied": True}, "rules.copied"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused_before_the_run(
    rules: dict[str, object], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy_recipe(tmp_path)
    code, words = run_cli(tmp_path, capsys, rules=RULES | rules)
    assert code == 2
    assert told in words
    assert "toy.toml" in words
    assert "Traceback" not in words
