"""`xltpipe run` without Prefect, in a process that is hurt: python -m tests.chaos.worker HURT run …

HURT is JSON: `at` (the artefact in whose building it happens, from 1 on) and what happens then:
`memory` (the address space may grow by so many bytes and no further) or `clock` (the wall clock
jumps by so many seconds). `pause` makes every sync to the disk last so many seconds more.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests import toy_run
from xltpipe.cli import main, running
from xltpipe.preflight import preflight
from xltpipe.recipe import Recipe
from xltpipe.store import Shard, Step, Store


def execute(recipe: Recipe, data: str, *, verbose: bool) -> int:
    """As `xltpipe run` does, but the steps come one after the other and not by Prefect."""
    del verbose
    store = Store(Path(data) / "store")
    store.sweep()
    preflight(recipe)
    toy_run.run(recipe, store)
    return 0


def hurt_in_a_build(at: int, begin: Callable[[], None]) -> None:
    """Have something happen when so many artefacts are under way or made by this process."""
    make, made = Store.make, itertools.count(1)

    def hurt(self: Store, step: Step) -> tuple[Shard, bool]:
        def build(home: Path) -> dict[str, int | float | str]:
            if next(made) == at:
                begin()
            return step.build(home)

        return make(self, replace(step, build=build))

    Store.make = hurt  # type: ignore[method-assign]


def limit_memory(more: int) -> None:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    used = int(pages) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more,) * 2)


def jump_clock(seconds: float) -> None:
    """The wall clock of this process, and it alone: time that passes is measured by another."""
    true, moment = time.time, time.gmtime
    time.time = lambda: true() + seconds
    time.time_ns = lambda: int((true() + seconds) * 1e9)
    time.gmtime = lambda at=None: moment(true() + seconds if at is None else at)  # type: ignore[assignment]


def slow_disk(seconds: float) -> None:
    sync = os.fsync

    def slow(file: int) -> None:
        time.sleep(seconds)
        sync(file)

    os.fsync = slow  # type: ignore[assignment]


def prepare(hurt: dict[str, Any]) -> None:
    if "pause" in hurt:
        slow_disk(hurt["pause"])
    if "memory" in hurt:
        hurt_in_a_build(hurt["at"], lambda: limit_memory(hurt["memory"]))
    if "clock" in hurt:
        hurt_in_a_build(hurt["at"], lambda: jump_clock(hurt["clock"]))


if __name__ == "__main__":
    running.execute = execute
    prepare(json.loads(sys.argv.pop(1)))
    main()
