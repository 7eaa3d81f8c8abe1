import errno
import json
import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from xltpipe.durable import write_table
from xltpipe.errors import DataError
from xltpipe.store import _HOST, Shard, Step, Store


def step(
    rows: int = 3, version: int = 1, built: list[int] | None = None, **identity: object
) -> Step:
    def build(home: Path) -> dict[str, int]:
        if built is not None:
            built.append(1)
        write_table(pa.table({"x": list(range(rows))}), home / "part-00000.parquet")
        return {"rows": rows, "odd": rows // 2}

    return Step("translate", version, identity, ("input",), build)


def test_made_once_then_found(tmp_path: Path) -> None:
    store, built = Store(tmp_path), []
    shard, made = store.make(step(built=built))
    again, made_again = store.make(step(built=built))
    assert (made, made_again, len(built)) == (True, False, 1)
    assert shard == again
    assert shard.rows == 3
    assert store.read(shard)["x"].to_pylist() == [0, 1, 2]


def test_key_depends_on_stage_version_identity_and_inputs() -> None:
    keys = {
        step().key,
        step(version=2).key,
        step(beam=4).key,
        step(beam=5).key,
        Step("project", 1, {}, ("input",), step().build).key,
        Step("translate", 1, {}, ("other",), step().build).key,
    }
    assert len(keys) == 6
    assert step(beam=4).key == step(beam=4).key


def test_manifest_tells_what_was_made(tmp_path: Path) -> None:
    store = Store(tmp_path)
    manifest = store.manifest(store.make(step(beam=4))[0])
    assert manifest is not None
    assert manifest["counts"] == {"rows": 3, "odd": 1}
    assert manifest["identity"] == {"beam": 4}
    assert manifest["files"][0]["name"] == "part-00000.parquet"
    assert len(manifest["files"][0]["sha256"]) == 64
    assert "pyarrow" in manifest["libraries"]


@pytest.mark.parametrize(
    "damage", ["truncate", "flip", "delete", "no manifest", "bad manifest", "half"]
)
def test_damage_is_found_said_and_mended(tmp_path: Path, caplog, damage: str) -> None:
    store = Store(tmp_path)
    shard, _ = store.make(step())
    path, manifest = store.path(shard), store.folder(shard) / "manifest.json"
    good = path.read_bytes()
    if damage == "truncate":
        path.write_bytes(good[:-7])
    elif damage == "flip":
        path.write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
    elif damage == "delete":
        path.unlink()
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "bad manifest":
        manifest.write_text("[]")
    else:
        manifest.write_text(manifest.read_text()[:30])
    _, made = store.make(step())
    assert made
    assert "is not whole" in caplog.text
    assert store.path(shard).read_bytes() == good


def test_every_bit_of_a_manifest_counts(tmp_path: Path) -> None:
    """Numbers in it are believed: one that was changed must show, wherever the bit flipped."""
    store = Store(tmp_path)
    shard, _ = store.make(step(beam=4))
    path = store.folder(shard) / "manifest.json"
    whole = path.read_bytes()
    good = store.manifest(shard)
    believed = []
    for place in range(0, len(whole), 3):
        bits = bytearray(whole)
        bits[place] ^= 1 << place % 7
        path.write_bytes(bits)
        if store.manifest(shard) not in (None, good):
            believed.append((place, whole[place - 9 : place + 9]))
    assert believed == []


def test_a_manifest_without_a_seal_is_of_an_earlier_version(tmp_path: Path) -> None:
    store = Store(tmp_path)
    shard, _ = store.make(step())
    path = store.folder(shard) / "manifest.json"
    content = json.loads(path.read_text())
    plain = {name: value for name, value in content.items() if name not in {"sealed", "digest"}}
    path.write_text(json.dumps(plain))
    assert store.make(step()) == (shard, False)


def test_a_shard_that_changes_after_it_was_found_is_not_read(tmp_path: Path) -> None:
    """A later stage would else work on other rows, and write down that they are right."""
    store = Store(tmp_path)
    shard, _ = store.make(step(rows=1000))
    path = store.path(shard)
    good = path.read_bytes()
    for place in range(4, len(good), len(good) // 25):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(DataError, match=r"changed since it was made.*run the recipe again"):
            store.read(shard)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EFBIG, errno.EIO])
def test_a_disk_that_fails_in_a_build_is_one_clear_error(tmp_path: Path, number: int) -> None:
    store = Store(tmp_path)

    def build(home: Path) -> dict[str, int]:
        raise OSError(number, os.strerror(number), str(home / "part"))

    with pytest.raises(DataError, match="Store must be a folder that can be written, was: "):
        store.make(Step("translate", 1, {}, (), build))
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def build(home: Path) -> dict[str, int]:
        (home / "part-00000.parquet").write_text("half")
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        store.make(Step("translate", 1, {}, (), build))
    assert list(tmp_path.glob("translate/*")) == []
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_two_builders_of_one_key_build_once(tmp_path: Path) -> None:
    store, built = Store(tmp_path), []
    threads = [threading.Thread(target=store.make, args=(step(built=built),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


def test_sweep_removes_what_the_dead_left(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / ".tmp" / f"abc.{_HOST}.999999999").mkdir()
    store.aside("abc").mkdir()
    (tmp_path / ".tmp" / "abc.elsewhere.999999999").mkdir()
    (tmp_path / ".tmp" / f"xltpipe.duckdb.{_HOST}.999999999").write_bytes(b"")
    (tmp_path / ".tmp" / f"xltpipe.duckdb.{_HOST}.999999999.wal").write_bytes(b"")
    assert store.sweep() == 3
    left = {p.name for p in (tmp_path / ".tmp").iterdir()}
    assert left == {store.aside("abc").name, "abc.elsewhere.999999999"}


def test_root_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        DataError, match=r"Store must be a folder that can be written.*XLTPIPE_DATA"
    ):
        Store(tmp_path / "file" / "store")


def test_unreadable_shard_names_itself(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(DataError, match="Shard translate/abcdef must be a readable Parquet file"):
        store.read(Shard("translate", "abcdef" * 8))


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    first, second = Store(tmp_path / "a"), Store(tmp_path / "b")
    shards = [first.make(step())[0], second.make(step())[0]]
    assert first.path(shards[0]).read_bytes() == second.path(shards[1]).read_bytes()
    assert json.loads((first.folder(shards[0]) / "manifest.json").read_text())["rows"] == 3
