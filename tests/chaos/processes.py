"""Faults of processes: killed, stopped, doubled, short of memory or files, with a clock that jumps."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests import real_run
from tests.chaos.scene import Said, Scene, end
from tests.chaos.trial import Told

MEGABYTE = 1 << 20


def newest(data: Path) -> str:
    """The stage of the youngest artefact."""
    found = real_run.manifests(data)
    return max(found, key=lambda p: p.stat().st_mtime_ns).parts[-4] if found else "starting"


def wait(scene: Scene, process: subprocess.Popen[str], data: Path, chance: Random) -> str:
    """Wait for a random moment of a run: so many artefacts, and a little more; the stage then."""
    mark, more = chance.randrange(len(scene.wanted)), chance.uniform(0, 0.1)
    real_run.wait_for(
        lambda: len(real_run.manifests(data)) >= mark or process.poll() is not None,
        600,
        0.002,
    )
    time.sleep(more)
    return newest(data)


def send(process: subprocess.Popen[str], number: int) -> None:
    """A signal to a run and all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, number)


@contextmanager
def killed(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """kill -9."""
    process = scene.start(data)
    where = wait(scene, process, data, chance)
    send(process, signal.SIGKILL)
    yield Told(where, end(process), killed=True)


@contextmanager
def stopped(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """SIGSTOP, while another run of the recipe begins; SIGCONT."""
    process = scene.start(data)
    where = wait(scene, process, data, chance)
    send(process, signal.SIGSTOP)
    other = scene.start(data)
    time.sleep(chance.uniform(0.5, 3))
    send(process, signal.SIGCONT)
    yield Told(where, _worst(end(process), end(other)))


@contextmanager
def doubled(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """Several runs of one recipe in one store at once."""
    runs = []
    for _ in range(chance.choice((2, 2, 3))):
        runs.append(scene.start(data))
        time.sleep(chance.uniform(0, 0.5))
    yield Told(f"{len(runs)} runs", _worst(*map(end, runs)))


@contextmanager
def killed_beside(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """Two runs of one recipe in one store, one of them killed; the other must end well."""
    first, second = scene.start(data), scene.start(data)
    where = wait(scene, first, data, chance)
    send(first, signal.SIGKILL)
    end(first)
    yield Told(where, end(second))


@contextmanager
def out_of_memory(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """From a random artefact on, the address space may hardly grow (RLIMIT_AS)."""
    at = chance.randrange(1, len(scene.wanted))
    more = int(chance.uniform(0, 48)) * MEGABYTE
    said = scene.run(data, hurt={"at": at, "memory": more})
    # libraries of C may end the process before Python hears of it: that is a kill. The loader of
    # glibc does so with a line of its own and exit code 127.
    by_loader = said.code == 127 and said.words.endswith("thread-local data: ABORT\n")
    yield Told(f"artefact {at}, {more >> 20} MB more", said, killed=said.code < 0 or by_loader)


@contextmanager
def few_files(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """Too few open files (RLIMIT_NOFILE)."""
    most = chance.randrange(5, 40)
    said = scene.run(data, before=("prlimit", f"--nofile={most}:{most}"))
    yield Told(f"{most} open files", said)


@contextmanager
def clock(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """The wall clock jumps, forward or back, by up to ten years, in the middle of a run."""
    at = chance.randrange(1, len(scene.wanted))
    days = chance.choice((-3650, -1, -0.05, 0.05, 1, 3650)) * chance.uniform(0.5, 1)
    said = scene.run(data, hurt={"at": at, "clock": days * 86400})
    yield Told(f"artefact {at}, {days:+.2f} days", said)


def _worst(*ended: Said) -> Said:
    return next((said for said in ended if said.code), ended[0])


def needs(program: str) -> str:
    """Why a fault cannot be tried here; empty if it can."""
    return "" if shutil.which(program) else f"needs the program {program}"
