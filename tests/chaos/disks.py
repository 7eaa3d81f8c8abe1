"""Faults of disks: full, read-only, slow, broken, or a quota on the size of files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random

from tests.chaos.processes import newest, send, wait
from tests.chaos.scene import Scene, end
from tests.chaos.trial import Told


@contextmanager
def tmpfs(place: Path, size: int) -> Iterator[None]:
    """A file system of so many bytes, in memory."""
    place.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def remount(place: Path, options: str) -> bool:
    return not subprocess.run(
        ["mount", "-o", f"remount,{options}", str(place)], check=False, capture_output=True
    ).returncode


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@cache
def no_mounts() -> str:
    """Why file systems cannot be mounted here; empty if they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounting a file system needs root on Linux"
    with tempfile.TemporaryDirectory() as place:
        try:
            with tmpfs(Path(place) / "probe", 1 << 16):
                return ""
        except (OSError, subprocess.CalledProcessError) as error:
            return f"file systems cannot be mounted here: {error}"


def size_of(data: Path) -> int:
    """Bytes that a store takes on a disk."""
    return sum(p.stat().st_blocks * 512 for p in data.rglob("*"))


@contextmanager
def full(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """The disk is full at a random point of the run; later there is space."""
    share = chance.uniform(0.02, 1.0)
    with tmpfs(data, int(size_of(scene.undisturbed) * share)):
        said = scene.run(data)
        where = newest(data)
        remount(data, "size=1g")
        yield Told(f"{where}, at {share:.0%}", said)


@contextmanager
def file_size(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """No file may become longer than so much (RLIMIT_FSIZE), as under a quota."""
    most = int(1000 * 10 ** chance.uniform(0, 3))
    said = scene.run(data, before=("prlimit", f"--fsize={most}:{most}"))
    yield Told(f"{newest(data)}, {most} bytes", said)


@contextmanager
def read_only(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """The file system becomes read-only in the middle of a run; later it can be written again."""
    with tmpfs(data, 1 << 30):
        process = scene.start(data)
        where = wait(scene, process, data, chance)
        until = time.monotonic() + 60
        while not remount(data, "ro") and time.monotonic() < until:  # busy while files are open
            time.sleep(0.001)
        said = end(process)
        remount(data, "rw")
        yield Told(where, said)


def _strace(calls: str, fault: str) -> tuple[str, ...]:
    """The command that has a program's calls to the kernel meet a fault."""
    quiet = ("strace", "-f", "--seccomp-bpf", "--quiet=all", "-o", "/dev/null")
    return (*quiet, "-e", f"trace={calls}", "-e", f"inject={calls}:{fault}")


@contextmanager
def slow(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """Every sync, rename and opening lasts longer (in the kernel, by strace), and a kill."""
    micro = int(chance.uniform(2_000, 20_000))
    calls = "fsync,rename,mkdir,unlink,ftruncate,fdatasync"
    process = scene.start(data, before=_strace(calls, f"delay_enter={micro}"))
    if chance.random() < 0.5:
        yield Told(f"{micro / 1000:.0f} ms a call", end(process))
        return
    where = wait(scene, process, data, chance)
    send(process, 9)
    yield Told(f"{where}, {micro / 1000:.0f} ms a call", end(process), killed=True)


CALLS = (
    ("fsync", "EIO"), ("fsync", "ENOSPC"), ("rename", "EIO"), ("rename", "ENOSPC"),
    ("mkdir", "ENOSPC"), ("mkdir", "EIO"), ("flock", "ENOLCK"), ("pwrite64", "EIO"),
    ("pwrite64", "ENOSPC"), ("link", "EMLINK"), ("link", "EIO"), ("fdatasync", "EIO"),
)  # fmt: skip


@contextmanager
def broken(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """One call to the kernel fails, by strace: a bad disk, a network share that hiccups."""
    call, error = chance.choice(CALLS)
    when = chance.randrange(1, 30)
    said = scene.run(data, before=_strace(call, f"error={error}:when={when}"))
    yield Told(f"{newest(data)}, {call} {when}: {error}", said)


def copy_store(scene: Scene, data: Path) -> None:
    """The undisturbed store again, to be damaged."""
    shutil.copytree(scene.undisturbed, data, symlinks=True)
