"""The kinds of faults by name: how often each is drawn, what it strikes, and what it needs here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos import damage, disks, engines, processes, services, whole
from tests.chaos.trial import Fault


def nothing() -> str:
    return ""


@dataclass(frozen=True)
class Kind:
    """A fault, its weight among others, and why it cannot be tried here (empty: it can)."""

    fault: Fault
    weight: float = 1.0
    lacks: Callable[[], str] = nothing
    scene: str = "embedded"
    """What it strikes: runs of the embedded model, of one behind a server (`served`), or whole runs
    by the command line with Prefect (`whole`).
    """


def strace() -> str:
    return processes.needs("strace")


def prlimit() -> str:
    return processes.needs("prlimit")


PROCESSES = {
    "kill -9": Kind(processes.killed, 3),
    "SIGSTOP, SIGCONT": Kind(processes.stopped),
    "run twice at once": Kind(processes.doubled, 2),
    "run twice, one killed": Kind(processes.killed_beside, 2),
    "out of memory": Kind(processes.out_of_memory, 3),
    "few open files": Kind(processes.few_files, lacks=prlimit),
    "clock jumps": Kind(processes.clock, 2),
}
DISKS = {
    "disk full": Kind(disks.full, 4, disks.no_mounts),
    "file too large": Kind(disks.file_size, 2, prlimit),
    "read-only": Kind(disks.read_only, 2, disks.no_mounts),
    "slow disk": Kind(disks.slow, 1, strace),
    "failing call": Kind(disks.broken, 4, strace),
}
ENGINES = {
    "engine hangs": Kind(engines.failing("hang"), 2, scene="served"),
    "engine breaks off": Kind(engines.failing("half"), scene="served"),
    "engine says 500": Kind(engines.failing(500), scene="served"),
    "model damaged": Kind(engines.damaged_model, 3),
}
DAMAGE = {
    f"{way} {what}": Kind(damage.damaged(way, what), 0.5)
    for what in damage.FILES
    for way in damage.WAYS
} | {"damage meanwhile": Kind(damage.damaged_meanwhile, 3)}
WHOLE = {
    "Prefect: run killed": Kind(whole.run_killed, scene="whole"),
    "Prefect: own server killed": Kind(whole.own_server_killed, scene="whole"),
    "Prefect: server killed": Kind(whole.server_killed, scene="whole"),
    "Prefect: server killed, restarted": Kind(whole.server_restarted, scene="whole"),
    "Prefect: server stopped": Kind(whole.server_stopped, scene="whole"),
    "Prefect: PostgreSQL killed": Kind(whole.database_killed, 2, services.no_postgres, "whole"),
}
KINDS: dict[str, Kind] = PROCESSES | DISKS | ENGINES | DAMAGE
