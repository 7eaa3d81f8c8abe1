"""A store that machines share keeps the contract of the local one, whatever happens to either."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.s3_server import SECRET
from xltpipe.addresses import cache_folder
from xltpipe.durable import digest_file, seal, write_table
from xltpipe.errors import DataError, MissingExtraError, TransientError
from xltpipe.mirrored import Mirrored, open_store
from xltpipe.store import MANIFEST, Shard, Step, Store


@pytest.fixture(params=["file", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"file://{tmp_path}/shared"
    return f"{request.getfixturevalue('s3')}/{tmp_path.name}"


def machine(address: str, tmp_path: Path, name: str = "one") -> Mirrored:
    return Mirrored(address, tmp_path / name)


def step(built: list[str] | None = None, rows: int = 3, **identity: object) -> Step:
    def build(home: Path) -> dict[str, int]:
        if built is not None:
            built.append("built")
        write_table(pa.table({"x": list(range(rows))}), home / "part-00000.parquet")
        (home / "model").mkdir()
        (home / "model" / "weights").write_bytes(b"w" * 1000)
        return {"rows": rows}

    return Step("translate", 1, identity, ("input",), build)


def rows_only() -> Step:
    """An artefact of Parquet files alone, as shards are."""

    def build(home: Path) -> dict[str, int]:
        write_table(pa.table({"x": [0, 1, 2]}), home / "part-00000.parquet")
        return {"rows": 3}

    return Step("judge", 1, {}, ("input",), build)


def files(root: Path) -> dict[str, bytes]:
    """All artefacts of a local store; a manifest without its times."""
    return {
        p.relative_to(root).as_posix(): _timeless(p.name, p.read_bytes())
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.relative_to(root).as_posix().startswith(".")
    }


def objects(store: Mirrored) -> dict[str, bytes]:
    names = [n for n in store.bucket.sizes("") if not n.startswith(".")]
    return {n: _timeless(n, store.bucket.read(n) or b"") for n in sorted(names)}


def _timeless(name: str, content: bytes) -> bytes:
    if not name.endswith(MANIFEST):
        return content
    told: dict[str, Any] = json.loads(content)
    return json.dumps(
        {k: v for k, v in told.items() if k not in {"made", "seconds", "digest"}}
    ).encode()


def object_of(shard: Shard, name: str) -> str:
    return f"{shard.stage}/{shard.key[:2]}/{shard.key}/{name}"


def test_what_one_machine_makes_another_finds(address: str, tmp_path: Path) -> None:
    built: list[str] = []
    one, other = machine(address, tmp_path), machine(address, tmp_path, "other")
    assert other.find(step()) is None
    shard, made = one.make(step(built))
    again, made_again = other.make(step(built))
    assert (made, made_again, len(built), shard) == (True, False, 1, again)
    assert other.read(shard)["x"].to_pylist() == [0, 1, 2]
    assert (other.folder(shard) / "model" / "weights").read_bytes() == b"w" * 1000
    assert other.manifest(shard) == one.manifest(shard)


def test_objects_lie_as_the_files_of_a_local_store(address: str, tmp_path: Path) -> None:
    local, shared = Store(tmp_path / "local"), machine(address, tmp_path)
    for store in (local, shared):
        store.make(step())
        store.make(step(beam=2))
    assert objects(shared) == files(local.root)


def test_only_what_is_asked_for_is_brought(address: str, tmp_path: Path) -> None:
    shard, _ = machine(address, tmp_path).make(step())
    other = machine(address, tmp_path, "other")
    found = other.path(shard)
    assert found.is_file()
    assert not (found.parent / "model").exists()
    whole = other.path(Shard(shard.stage, shard.key, part="model"))
    assert [p.name for p in whole.iterdir()] == ["weights"]


def test_builders_on_several_machines_build_once(address: str, tmp_path: Path) -> None:
    built: list[str] = []
    stores = [machine(address, tmp_path, f"m{n}") for n in range(4)]
    threads = [threading.Thread(target=store.make, args=(step(built),)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(built) == 1


@pytest.mark.parametrize("damage", ["truncated", "missing", "no manifest", "bad manifest"])
def test_damage_in_the_bucket_is_mended(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    shard, _ = machine(address, tmp_path).make(step())
    other = machine(address, tmp_path, "other")
    part, manifest = object_of(shard, "part-00000.parquet"), object_of(shard, MANIFEST)
    good = other.bucket.read(part)
    assert good is not None
    if damage == "truncated":
        other.bucket.write(part, good[:-7])
    elif damage == "missing":
        other.bucket.remove([part])
    elif damage == "no manifest":
        other.bucket.remove([manifest])
    else:
        other.bucket.write(manifest, b"[]")
    _, made = other.make(step())
    assert made
    assert ("is not whole" in caplog.text) == (damage != "no manifest")
    assert other.bucket.read(part) == good


def test_a_flipped_bit_is_met_when_it_is_read(address: str, tmp_path: Path) -> None:
    """The listing cannot tell it; whoever reads can, and the artefact is built again."""
    shard, _ = machine(address, tmp_path).make(step())
    part = object_of(shard, "part-00000.parquet")
    other = machine(address, tmp_path, "other")
    good = other.bucket.read(part)
    assert good is not None
    other.bucket.write(part, good[:40] + bytes([good[40] ^ 1]) + good[41:])
    with pytest.raises(DataError, match=r"Shard translate/.* must be true to its manifest"):
        other.read(shard)
    _, made = other.make(step())
    assert made
    assert machine(address, tmp_path, "third").read(shard)["x"].to_pylist() == [0, 1, 2]


def test_a_damaged_working_copy_is_brought_again(address: str, tmp_path: Path) -> None:
    one = machine(address, tmp_path)
    shard, _ = one.make(step())
    copy = one.path(shard)
    good = copy.read_bytes()
    for bad in (good[:-5], good[:40] + bytes([good[40] ^ 1]) + good[41:]):
        copy.write_bytes(bad)
        assert machine(address, tmp_path).read(shard)["x"].to_pylist() == [0, 1, 2]
        assert copy.read_bytes() == good


def test_what_is_known_to_be_complete_takes_one_listing(address: str, tmp_path: Path) -> None:
    shard, _ = machine(address, tmp_path).make(rows_only())
    other = machine(address, tmp_path, "other")
    assert other.find(rows_only()) == shard
    later = machine(address, tmp_path, "other")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(later.bucket, "read", None)
        assert later.find(rows_only()) == shard
    part = object_of(shard, shard.part)
    content = later.bucket.read(part)
    assert content is not None
    later.bucket.write(part, content[:-1])
    assert later.find(rows_only()) is None


def test_what_was_brought_is_not_hashed_by_later_processes(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []

    def counted(path: Path) -> str:
        hashed.append(path)
        return digest_file(path)

    shard, _ = machine(address, tmp_path).make(rows_only())
    copy = machine(address, tmp_path, "other").path(shard)
    monkeypatch.setattr("xltpipe.brought.digest_file", counted)
    for name in ("one", "other"):
        machine(address, tmp_path, name).path(shard)
    assert hashed == []
    copy.write_bytes(copy.read_bytes())
    later = machine(address, tmp_path, "other")
    later.path(shard)
    later.path(shard)
    assert hashed == [copy]


def test_decay_of_a_working_copy_is_met_by_whoever_reads(address: str, tmp_path: Path) -> None:
    store = machine(address, tmp_path)
    shard, _ = store.make(rows_only())
    copy = store.path(shard)
    good = copy.read_bytes()
    copy.write_bytes(good[:40] + bytes([good[40] ^ 1]) + good[41:])
    # as if the disk had changed the bytes: the kernel knows nothing of it
    (entry,) = (store.manifest(shard) or {})["files"]
    store._brought.found_true(shard.key, copy, entry["name"], entry["sha256"])
    with pytest.raises(DataError, match="changed since it was made"):
        store.read(shard)
    assert store.read(shard).num_rows == 3
    assert copy.read_bytes() == good


def test_a_working_copy_is_not_taken_for_a_whole_store(address: str, tmp_path: Path) -> None:
    """It holds the manifest, but not all files."""
    shard, _ = machine(address, tmp_path).make(step())
    other = machine(address, tmp_path, "other")
    other.path(shard)
    assert Store(other.root).find(step()) is None


def test_artefacts_of_a_stage_are_listed(address: str, tmp_path: Path) -> None:
    one, other = machine(address, tmp_path), machine(address, tmp_path, "other")
    made = [one.make(step(n=number))[0] for number in range(3)]
    one.bucket.remove([object_of(made[0], MANIFEST)])
    assert [s.key for s in other.listed("translate")] == sorted(s.key for s in made[1:])
    assert list(other.listed("align")) == []


def test_threads_that_want_the_same_at_once(address: str, tmp_path: Path) -> None:
    shard, _ = machine(address, tmp_path).make(step())
    other = machine(address, tmp_path, "other")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: other.read(shard).num_rows, range(24)))
    assert found == [3] * 24


def test_what_was_built_but_not_put_is_not_built_again(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that fails between a long build and its manifest."""
    built: list[str] = []
    one = machine(address, tmp_path)

    def broken(name: str, content: bytes) -> None:
        raise TransientError(f"{name} could not be written: {len(content)} bytes")

    with monkeypatch.context() as patched:
        patched.setattr(one.bucket, "write", broken)
        with pytest.raises(TransientError):
            one.make(step(built))
    other = machine(address, tmp_path, "other")
    assert other.find(step()) is None  # files without a manifest are nothing
    shard, _ = machine(address, tmp_path).make(step(built))
    assert len(built) == 1
    assert other.read(shard).num_rows == 3


def test_a_builder_that_slept_leaves_the_work_of_the_one_that_took_over(
    address: str, tmp_path: Path
) -> None:
    """Its lease ran out while it stood still, so that both build; one artefact counts."""
    sleeper = Mirrored(address, tmp_path / "sleeper", term=0.3)
    other = Mirrored(address, tmp_path / "other", term=0.3)
    taken: list[bool] = []

    def slow(home: Path) -> dict[str, int]:
        lease = next(iter(sleeper.bucket.sizes(".leases")))
        silent = json.dumps({"holder": "stopped", "host": "elsewhere", "process": 1}).encode()
        sleeper.bucket.write(f".leases/{lease}", silent)
        taken.append(other.make(step())[1])
        return step().build(home)

    sleeping = Step("translate", 1, {}, ("input",), slow)
    assert sleeping.key == step().key
    before = sleeper._leases._renew  # a stopped process renews nothing
    sleeper._leases._renew = lambda *_: None  # type: ignore[method-assign]
    shard, _ = sleeper.make(sleeping)
    sleeper._leases._renew = before  # type: ignore[method-assign]
    assert taken == [True]
    assert machine(address, tmp_path, "third").manifest(shard) == other.manifest(shard)
    assert machine(address, tmp_path, "third").read(shard).num_rows == 3


def test_a_manifest_cannot_name_files_elsewhere(address: str, tmp_path: Path) -> None:
    shard, _ = machine(address, tmp_path).make(step())
    other = machine(address, tmp_path, "other")
    told = other.manifest(shard)
    assert told is not None
    told["files"].append({"name": "../../evil", "bytes": 1, "sha256": "0" * 64})
    other.bucket.write(object_of(shard, MANIFEST), seal(told).encode())
    other.bucket.write(f"{shard.stage}/evil", b"x")
    third = machine(address, tmp_path, "third")
    assert third.manifest(shard) is None
    third.folder(shard)
    assert third.find(step()) is None
    assert not (tmp_path / "third" / shard.stage / "evil").exists()


def test_what_is_shared_is_gathered(address: str, tmp_path: Path) -> None:
    one, other = machine(address, tmp_path), machine(address, tmp_path, "other")
    (one.root / "runs").mkdir()
    (one.root / "runs" / "a.json").write_text("{}")
    one.share(one.root / "runs" / "a.json")
    other.gather("runs")
    assert (other.root / "runs" / "a.json").read_text() == "{}"
    stamp = (other.root / "runs" / "a.json").stat().st_mtime_ns
    machine(address, tmp_path, "other").gather("runs")
    assert (other.root / "runs" / "a.json").stat().st_mtime_ns == stamp  # equal: no news
    (one.root / "runs" / "a.json").write_text("[]")
    one.share(one.root / "runs" / "a.json")
    other.gather("runs")
    assert (other.root / "runs" / "a.json").read_text() == "[]"


def test_a_folder_is_shared_as_it_is_now(address: str, tmp_path: Path) -> None:
    one = machine(address, tmp_path)
    leaf = one.root / "corpus" / "run=r" / "lang=spa"
    leaf.mkdir(parents=True)
    for name in ("a", "b"):
        (leaf / name).write_text(name)
    one.share(leaf, mark="first")
    (leaf / "a").unlink()
    one.share(leaf, mark="first")
    assert set(one.bucket.sizes("corpus/run=r/lang=spa")) == {"a", "b"}  # the mark says: as before
    one.share(leaf, mark="second")
    assert set(one.bucket.sizes("corpus/run=r/lang=spa")) == {"b"}


def test_no_secret_is_kept_or_said(s3: str, tmp_path: Path) -> None:
    store = machine(f"{s3}/secrets", tmp_path)
    store.make(step())
    kept = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    kept += [store.bucket.read(name) or b"" for name in store.bucket.sizes("")]
    assert not any(SECRET.encode() in content for content in kept)


def test_an_address_is_told_from_a_folder(tmp_path: Path, address: str) -> None:
    assert not open_store(tmp_path / "data", tmp_path).shared
    store = open_store(f"{address}/", tmp_path / "cache")
    assert store.shared
    assert store.address == f"{address}/store"
    assert store.root.is_relative_to(tmp_path / "cache")
    assert open_store(f"{address}/other", tmp_path / "cache").root != store.root


def test_where_working_copies_lie() -> None:
    assert cache_folder({"XLTPIPE_CACHE": "/x"}) == Path("/x")
    assert cache_folder({"XDG_CACHE_HOME": "/y"}) == Path("/y/xltpipe")
    assert cache_folder({}) == Path.home() / ".cache" / "xltpipe"


def test_a_client_that_is_not_installed_is_named(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    try:
        import gcsfs  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match=r"xltpipe\[gcs\]"):
            Mirrored("gs://bucket/x", tmp_path)
