"""What lies on a shared shelf is believed only where it has the right form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.toy_recipe import RULES, toy_recipe
from tests.toy_run import run
from xltpipe.catalogue import query, refresh
from xltpipe.durable import seal, unseal
from xltpipe.manifests import is_inside, manifest, record
from xltpipe.runs import records
from xltpipe.store import Store


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("part-00000.parquet", True),
        ("aligner/parameters.npz", True),
        ("..", False),
        ("../x", False),
        ("a/../../x", False),
        ("/etc/passwd", False),
        ("", False),
        ("a\0b", False),
        ("./a", False),
        ("a//b", False),
        ("x" * 300, False),
        (None, False),
        (1, False),
    ],
)
def test_names_of_files_stay_inside(name: object, *, inside: bool) -> None:
    assert is_inside(name) is inside


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    home = tmp_path_factory.mktemp("toy")
    made = Store(home / "store")
    run(toy_recipe(home, rules=RULES), made)
    return made


def test_what_we_write_is_believed(store: Store) -> None:
    written = [*store.root.rglob("manifest.json")]
    assert len(written) > 5
    assert all(manifest(path.read_bytes()) is not None for path in written)
    assert len(records(store)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"rows": "1"},
        {"rows": True},
        {"files": {}},
        {"files": ["x"]},
        {"files": [{"name": "../../x", "bytes": 1, "sha256": ""}]},
        {"files": [{"name": "x", "bytes": None, "sha256": ""}]},
        {"counts": [1]},
        {"counts": {"rows": []}},
        {"identity": None},
        {"key": 1},
    ],
)
def test_a_manifest_of_another_form_is_none(store: Store, change: dict[str, Any]) -> None:
    whole = json.loads(next(store.root.rglob("manifest.json")).read_bytes())
    assert manifest(json.dumps(whole).encode()) is not None
    assert manifest(json.dumps({**whole, **change}).encode()) is None


@pytest.mark.parametrize(
    "text", [b"", b"[", b"[" * 100_000, b"null", b"\xff", b'{"rows": 1' + b"0" * 5000]
)
def test_noise_is_none(text: bytes) -> None:
    assert manifest(text) is None
    assert record(text) is None


def _spoilt(store: Store, change: dict[str, Any]) -> bytes:
    path = next((store.root / "runs").glob("*.json"))
    return json.dumps({**json.loads(path.read_bytes()), **change}).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"run": "../../outside"},
        {"run": ""},
        {"run": ".hidden"},
        {"state": 1},
        {"outcomes": [{}]},
        {"outcomes": [{"strategy": "x", "target": "../x", "shards": [], "scores": []}]},
        {
            "outcomes": [
                {
                    "strategy": "corpus",
                    "target": "spa",
                    "shards": [["../..", {"stage": "judge", "key": "ab", "rows": 1, "part": ""}]],
                    "scores": [],
                }
            ]
        },
        *(
            {
                "outcomes": [
                    {
                        "strategy": "corpus",
                        "target": "spa",
                        "shards": [
                            ["train", {"stage": "judge", "key": "ab", "rows": 1, "part": ""} | bad]
                        ],
                        "scores": [],
                    }
                ]
            }
            for bad in (
                {"stage": "../x"},
                {"key": "../../etc"},
                {"key": "a' OR '1"},
                {"part": "../x"},
                {"part": "/etc/passwd"},
                {"rows": None},
                {"more": 1},
            )
        ),
    ],
)
def test_a_record_of_another_form_is_left_out(store: Store, change: dict[str, Any]) -> None:
    assert record(_spoilt(store, {})) is not None
    assert record(_spoilt(store, change)) is None


def test_a_part_whose_name_is_sql_asks_nothing(tmp_path: Path) -> None:
    """A file may be called anything; its name stays a text in the catalogue's views."""
    recipe = toy_recipe(tmp_path, rules=RULES)
    store = Store(tmp_path / "store")
    run(recipe, store)
    evil = "x']) UNION ALL SELECT * FROM read_text(['etc.parquet"
    path = next((store.root / "runs").glob("*.json"))
    told = unseal(path.read_bytes())
    assert told is not None
    for outcome in told["outcomes"]:
        for _, shard in outcome["shards"]:
            if shard["stage"] == "judge":
                folder = store.root / "judge" / shard["key"][:2] / shard["key"]
                manifest_file = folder / "manifest.json"
                held = unseal(manifest_file.read_bytes())
                assert held is not None
                for file in held["files"]:
                    if file["name"] == shard["part"]:
                        file["name"] = evil
                (folder / shard["part"]).rename(folder / evil)
                manifest_file.write_text(seal(held))
                shard["part"] = evil
    path.write_text(seal(told))
    refresh(store)
    assert query(store, "SELECT count(*) AS n FROM units").to_pylist() == [{"n": 6}]


def test_a_damaged_score_does_not_take_the_catalogue_down(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, rules=RULES)
    store = Store(tmp_path / "store")
    run(recipe, store)
    assert query(store, "SELECT count(*) AS n FROM results").to_pylist() == [{"n": 1}]
    next(store.root.rglob("result.json")).write_text('{"name": 1}')
    refresh(store)
    assert query(store, "SELECT count(*) AS n FROM results").to_pylist() == [{"n": 0}]
    assert query(store, "SELECT count(*) AS n FROM units").to_pylist() == [{"n": 6}]
