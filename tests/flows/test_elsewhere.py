"""The same recipe in other processes and on a store of the S3 protocol: the same corpus."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import real_run, shared_runs
from tests.s3_server import SECRET, new_bucket, s3_server
from xltpipe.bucket import Bucket
from xltpipe.catalogue import query
from xltpipe.mirrored import open_store

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(900)]
ROWS = 40
PATIENCE = 600
"""Seconds that a run may take where others keep the machine busy."""


@dataclass
class World:
    """A server of Prefect, one of S3, and what an undisturbed run in threads made of a recipe."""

    folder: Path
    env: dict[str, str]
    recipe: Path
    words: str = ""

    def machine(self, name: str) -> dict[str, str]:
        """The environment of a machine with a working copy of its own."""
        return self.env | {"XLTPIPE_CACHE": str(self.folder / "caches" / name)}

    @property
    def local(self) -> dict[str, str]:
        return real_run.corpus(self.folder / "local")


@dataclass
class Elsewhere:
    """A run with its results in a bucket."""

    address: str
    words: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("elsewhere")
    recipe = real_run.write_long_recipe(
        folder / "tiny.toml", rows=ROWS, shard_rows=10, strategies=("corpus",)
    )
    env = real_run.environment(folder / "prefect", prefect_server)
    with s3_server() as s3:
        yield World(folder, env | s3, recipe)


@pytest.fixture(scope="module")
def elsewhere(world: World) -> Elsewhere:
    """Both runs at once: much of a run is waiting."""
    address = f"{new_bucket()}/data"
    with ThreadPoolExecutor(2) as pool:
        local = pool.submit(real_run.run, world.recipe, world.folder / "local", world.env, PATIENCE)
        far = pool.submit(real_run.run, world.recipe, address, world.machine("one"), PATIENCE)
        world.words = local.result()
        return Elsewhere(address, far.result())


def test_the_corpus_is_the_same_to_the_byte(world: World, elsewhere: Elsewhere) -> None:
    assert len(world.local) > 4
    assert shared_runs.corpus(elsewhere.address) == world.local


def test_another_machine_has_nothing_to_do(world: World, elsewhere: Elsewhere) -> None:
    words = real_run.run(world.recipe, elsewhere.address, world.machine("two"))
    assert "nothing to do" in words
    assert shared_runs.corpus(elsewhere.address) == world.local


def test_the_catalogue_is_made_where_it_is_asked(world: World, elsewhere: Elsewhere) -> None:
    store = open_store(elsewhere.address, world.folder / "caches" / "three")
    rows = query(store, "SELECT count(*) AS n FROM units").to_pylist()
    assert rows == [{"n": ROWS}]
    assert query(store, "SELECT state FROM runs").to_pylist() == [{"state": "completed"}]


def test_no_secret_is_said_or_kept(world: World, elsewhere: Elsewhere) -> None:
    bucket = Bucket(elsewhere.address)
    kept = [bucket.read(name) or b"" for name in bucket.sizes("")]
    for place in ("caches", "prefect"):
        paths = (Path(d) / f for d, _, names in os.walk(world.folder / place) for f in names)
        kept += [path.read_bytes() for path in paths if path.is_file()]
    assert len(kept) > 50
    assert not any(SECRET.encode() in content for content in kept)
    assert SECRET not in elsewhere.words


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["dask", "ray"])
def test_other_processes_give_the_same_and_are_counted(
    world: World, elsewhere: Elsewhere, tmp_path: Path, executor: str
) -> None:
    """In a bucket, and in a folder; what they made is counted where the run was started."""
    pytest.importorskip(f"prefect_{executor}")
    verb = ("run", "--executor", executor, "--workers", "2")
    address = f"{new_bucket()}/data"
    words = real_run.run(world.recipe, address, world.machine(executor), PATIENCE, verb)
    assert shared_runs.corpus(address) == world.local
    assert shared_runs.made(words)["translate"] == ROWS // 10
    assert shared_runs.made(words) == shared_runs.made(world.words)
    real_run.run(world.recipe, tmp_path, world.env, PATIENCE, verb)
    assert real_run.corpus(tmp_path) == world.local


@pytest.fixture(scope="module")
def long(world: World) -> tuple[Path, dict[str, str]]:
    """A recipe that takes a while, and the corpus of an undisturbed run."""
    recipe = real_run.write_long_recipe(
        world.folder / "long.toml", rows=2000, shard_rows=100, strategies=("corpus",)
    )
    real_run.run(recipe, world.folder / "long", world.env)
    return recipe, real_run.corpus(world.folder / "long")


@pytest.mark.slow
def test_a_worker_is_killed_and_the_others_finish(
    world: World, long: tuple[Path, dict[str, str]]
) -> None:
    """Workers with nothing in common but the scheduler and the bucket."""
    recipe, wanted = long
    address = f"{new_bucket()}/data"
    caches = [world.folder / "caches" / f"worker-{n}" for n in range(2)]
    with shared_runs.dask_cluster(world.env, caches) as cluster:
        verb = ("run", "--executor", "dask", "--address", cluster.address)
        process = real_run.start(recipe, address, world.machine("driver"), verb)
        real_run.wait_for(lambda: len(shared_runs.artefacts(address, "translate")) >= 3, 240, 0.5)
        cluster.kill(0)
        words, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, words
    assert shared_runs.corpus(address) == wanted
    assert shared_runs.made(words)["translate"] >= 17  # all but what the dead one could not tell


@pytest.mark.slow
def test_two_runs_at_once_and_one_is_killed(
    world: World, long: tuple[Path, dict[str, str]]
) -> None:
    recipe, wanted = long
    address = f"{new_bucket()}/data"
    one = real_run.start(recipe, address, world.machine("a"))
    other = real_run.start(recipe, address, world.machine("b"))
    real_run.wait_for(lambda: len(shared_runs.artefacts(address, "translate")) >= 3, 240, 0.5)
    real_run.kill(one)
    words, _ = other.communicate(timeout=PATIENCE)
    assert other.returncode == 0, words
    assert shared_runs.corpus(address) == wanted
    assert "nothing to do" in real_run.run(recipe, address, world.machine("a"))
