"""Damage to files: a bit that flips, an end that is cut off, a file that is gone or full of zeros."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.chaos.processes import wait
from tests.chaos.scene import Scene, end
from tests.chaos.trial import Fault, Told


def flip(path: Path, chance: Random) -> None:
    """One bit."""
    content = bytearray(path.read_bytes())
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def truncate(path: Path, chance: Random) -> None:
    with path.open("r+b") as file:
        file.truncate(chance.randrange(max(1, path.stat().st_size)))


def delete(path: Path, chance: Random) -> None:
    del chance
    path.unlink()


def zero(path: Path, chance: Random) -> None:
    """What some file systems leave of a file after a power cut: its length, and zeros."""
    del chance
    path.write_bytes(bytes(path.stat().st_size))


WAYS: dict[str, Callable[[Path, Random], None]] = {
    "flip": flip,
    "truncate": truncate,
    "delete": delete,
    "zero": zero,
}

ARTEFACTS = "[a-z]*/??/" + "?" * 64
"""Folders of artefacts, below the store."""

FILES = {
    "shard": "{translate,project,score,judge,read,materialise}/??/*/part-*.parquet",
    "manifest": "[a-z]*/??/*/manifest.json",
    "aligner": "align/??/*/aligner/*",
    "tagger": "train/??/*/tagger/*",
    "score": "evaluate/??/*/result.json",
    "record": "runs/*.json",
    "catalogue": "xltpipe.duckdb",
    "card": "corpus/run=*/.cards/*.json",
    "README": "corpus/run=*/README.md",
    "corpus": "corpus/run=*/lang=*/split=*/*.parquet",
}
"""What may be damaged, by patterns below the store."""


@contextmanager
def damaged_meanwhile(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """A file of the store is damaged in the middle of a run that may have looked at it already."""
    process = scene.start(data)
    wait(scene, process, data, chance)
    there = [p for what in FILES for p in files(data / "store", what)]
    way, where = chance.choice(sorted(WAYS)), "nothing there"
    if there:
        path = chance.choice(there)
        where = f"{path.relative_to(data / 'store').parts[0]}, {way}"
        WAYS[way](path, chance)
    yield Told(where, end(process))


TOLD = frozenset({"shard", "manifest", "aligner", "tagger", "score", "corpus"})
"""What the next run says that it built again."""


def files(store: Path, what: str) -> list[Path]:
    head, _, tail = FILES[what].partition("/")
    heads = head.strip("{}").split(",")
    return sorted(p for one in heads for p in store.glob("/".join(filter(None, (one, tail)))))


def damaged(way: str, what: str) -> Fault:
    """A file of a finished store is damaged before the recipe is run again."""

    @contextmanager
    def fault(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
        shutil.copytree(scene.undisturbed, data)
        path = chance.choice(files(data / "store", what))
        was = path.read_bytes()
        WAYS[way](path, chance)
        changed = not path.exists() or path.read_bytes() != was
        wanted = "is not whole" if what in TOLD and what != "corpus" and changed else ""
        yield Told(path.relative_to(data / "store").as_posix().split("/")[0], wanted=wanted)

    return fault
