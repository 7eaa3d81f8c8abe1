"""What was hashed once is not hashed again; whatever changes a file is still found."""

import os
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from xltpipe import store as stores
from xltpipe.durable import digest_file, write_table
from xltpipe.errors import DataError
from xltpipe.steps import parts
from xltpipe.store import Step, Store
from xltpipe.verified import stamps
from xltpipe.waiting_sqlite import opened


def step(name: str = "a", shards: int = 1) -> Step:
    def build(home: Path) -> dict[str, int]:
        for number in range(shards):
            table = pa.table({"x": [f"{name} {number}"] * 50})
            write_table(table, home / f"part-{number:05d}.parquet")
        return {"rows": 50 * shards}

    return Step(
        "translate", 1, {"name": name}, (), build, part="" if shards > 1 else "part-00000.parquet"
    )


def model() -> Step:
    def build(home: Path) -> dict[str, int]:
        (home / "tagger").mkdir()
        (home / "tagger" / "weights.bin").write_bytes(b"weights" * 100)
        return {"rows": 1}

    return Step("train", 1, {}, (), build, part="tagger")


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that a store hashes from now on to decide what is there."""
    seen: list[Path] = []

    def digest(path: Path) -> str:
        seen.append(path)
        return digest_file(path)

    monkeypatch.setattr(stores, "digest_file", digest)
    return seen


def flip(path: Path, at: int = 40) -> None:
    """One bit of a file, by a program that sets the file's time back."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_size == before.st_size


def test_what_was_built_here_is_not_hashed_again(tmp_path: Path, hashed: list[Path]) -> None:
    store = Store(tmp_path)
    shard, _ = store.make(step())
    for again in (store, Store(tmp_path)):  # also in another process
        assert again.find(step()) == shard
    assert hashed == []


def test_what_came_from_elsewhere_is_hashed_once(tmp_path: Path, hashed: list[Path]) -> None:
    Store(tmp_path / "there").make(step(shards=3))
    shutil.copytree(tmp_path / "there", tmp_path / "here")
    store = Store(tmp_path / "here")
    found = [store.find(step(shards=3)) for _ in range(3)]
    assert found[0] is not None
    assert found[0].rows == 150
    assert found == [found[0]] * 3
    assert len(hashed) == 3


def test_a_flipped_bit_is_found_though_the_time_was_set_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    shard, _ = store.make(step())
    assert store.find(step()) == shard
    flip(store.path(shard))
    assert store.find(step()) is None
    assert store.make(step()) == (shard, True)


@pytest.mark.parametrize("name", ["part-00001.parquet", "manifest.json"])
def test_every_file_counts(tmp_path: Path, hashed: list[Path], name: str) -> None:
    store = Store(tmp_path)
    shard, _ = store.make(step(shards=3))
    path = store.folder(shard) / name
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    assert store.find(step(shards=3)) == shard
    assert len(hashed) == 3  # the same bytes in another file: looked at again, and found true


def test_decay_below_the_file_system_is_met_by_whoever_reads(tmp_path: Path) -> None:
    store = Store(tmp_path)
    shard, _ = store.make(step())
    flip(store.path(shard))
    # as if the disk had changed the bytes: the kernel knows nothing of it
    store.verified.note(shard.key, 50, stamps(str(store.folder(shard))) or [])
    assert store.find(step()) == shard
    with pytest.raises(DataError, match="changed since it was made; run the recipe again"):
        store.read(shard)
    assert store.make(step()) == (shard, True)
    assert store.read(shard).num_rows == 50


def test_decay_of_one_part_of_many_is_met(tmp_path: Path) -> None:
    store = Store(tmp_path)
    shard, _ = store.make(step(shards=3))
    part = parts(store, shard)[1]
    flip(store.path(part))
    store.verified.note(shard.key, 150, stamps(str(store.folder(shard))) or [])
    assert store.read(parts(store, shard)[0]).num_rows == 50
    with pytest.raises(DataError, match="changed since it was made"):
        store.read(part)
    assert store.make(step(shards=3))[1]


def test_files_that_are_read_by_others_are_hashed_each_time(
    tmp_path: Path, hashed: list[Path]
) -> None:
    store = Store(tmp_path)
    shard, _ = store.make(model())
    assert store.find(model()) == shard == store.find(model())
    assert len(hashed) == 2


def test_rows_that_somebody_changed_in_the_index_are_not_believed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    shard, _ = store.make(step())
    (index,) = (tmp_path / ".verified").glob("*.sqlite")
    with sqlite3.connect(index) as connection:
        assert connection.execute("UPDATE verified SET rows = rows + 1").rowcount == 1
    connection.close()
    assert Store(tmp_path).find(step()) == shard


@pytest.mark.parametrize("damage", ["no database", "half", "another table", "a folder"])
def test_without_the_index_everything_is_hashed(
    tmp_path: Path, hashed: list[Path], damage: str
) -> None:
    shard, _ = Store(tmp_path).make(step())
    (index,) = (tmp_path / ".verified").glob("*.sqlite")
    for end in ("-wal", "-shm"):
        index.with_name(index.name + end).unlink(missing_ok=True)
    if damage == "no database":
        index.write_bytes(b"this is no database, " * 400)
    elif damage == "half":
        index.write_bytes(index.read_bytes()[:2000])
    else:
        index.unlink()
        if damage == "a folder":
            index.mkdir()
        else:
            with sqlite3.connect(index) as connection:
                connection.execute("CREATE TABLE verified (other TEXT)")
            connection.close()
    assert [Store(tmp_path).find(step()) for _ in range(2)] == [shard, shard]
    assert hashed
    flip(Store(tmp_path).path(shard))
    assert Store(tmp_path).find(step()) is None


def test_a_new_index_that_many_open_at_once_is_of_use_to_all(tmp_path: Path) -> None:
    """Going over to WAL waits for nobody by itself: one of several was told "database is locked"."""
    for number in range(60):
        path, start = tmp_path / f"{number}.sqlite", threading.Barrier(6)

        def join(path: Path, start: threading.Barrier) -> None:
            start.wait()
            opened(path, 30).close()

        with ThreadPoolExecutor(6) as pool:
            for done in [pool.submit(join, path, start) for _ in range(6)]:
                done.result()
