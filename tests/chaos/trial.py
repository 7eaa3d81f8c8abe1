"""One fault, the run that goes on after it, and the comparison with the undisturbed run."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.scene import Rows, Said, Scene


@dataclass(frozen=True)
class Told:
    """What a fault did: where it struck, and how the run that it struck ended (None: there was
    none under way). `wanted` are words that the next run must say, so that nothing is silent.
    """

    where: str
    said: Said | None = None
    wanted: str = ""
    killed: bool = False
    """By us: a process that is killed has no last words."""
    after: Callable[[], list[str]] = list
    """Looks at what came of it when the recipe was run again; what is wrong."""

    @property
    def outcome(self) -> str:
        if self.said is None:
            return "told"
        if self.killed:
            return "killed"
        return "went on" if self.said.code == 0 else f"one error, exit {self.said.code}"

    def check(self) -> list[str]:
        """What is wrong with how the run ended."""
        if self.said is None or self.killed or self.said.code == 0:
            return []
        if self.said.code < 0:
            return [f"ended by signal {-self.said.code}: {self.said.words}"]
        return [] if self.said.clear else [f"not one clear error: {self.said.words}"]


Fault = Callable[[Scene, Path, Random], AbstractContextManager[Told]]
"""Strikes a run into an empty data folder, or a store that lies there; on leaving it is undone."""


@dataclass(frozen=True)
class Trial:
    """A fault and what came of it; `wrong` is empty if nothing was lost and nothing silent."""

    fault: str
    told: Told
    rows: Rows | None
    wrong: tuple[str, ...]
    seconds: float

    HEAD = (
        "fault", "where", "outcome", "in", "kept", "rejected", "quarantined", "lost", "duplicated",
        "identical", "s",
    )  # fmt: skip

    def row(self) -> tuple[str, ...]:
        r = self.rows or Rows(0, 0, 0, 0, 0, 0)
        numbers = (r.given, r.kept, r.rejected, r.quarantined, r.lost, r.duplicated)
        same = "NO" if self.wrong else "yes"
        told = (self.fault, self.told.where, self.told.outcome)
        return (*told, *map(str, numbers), same, f"{self.seconds:.1f}")


def strike(name: str, fault: Fault, scene: Scene, data: Path, chance: Random) -> Trial:
    """Let a fault strike, run again, and compare."""
    began = time.perf_counter()
    told, rows, wrong = Told("?"), None, []
    try:
        with fault(scene, data, chance) as told:
            rows, wrong = _compared(scene, data, told)
    except Exception as error:  # noqa: BLE001 - the other faults are tried, too
        wrong.append(f"{type(error).__name__}: {error}")
    shutil.rmtree(data, ignore_errors=True)
    return Trial(name, told, rows, tuple(wrong), time.perf_counter() - began)


def _compared(scene: Scene, data: Path, told: Told) -> tuple[Rows | None, list[str]]:
    """Run again; what became of the rows, and all that is not as in the undisturbed store."""
    again = scene.resume(data)
    wrong = told.check()
    if told.wanted not in again.words:
        wrong.append(f"silent, not {told.wanted!r}: {again.words}")
    if again.code:
        return None, [*wrong, f"did not go on, exit code {again.code}: {again.words}"]
    rows = scene.rows(data)
    if not rows.whole:
        wrong.append(f"rows do not add up: {rows}")
    wrong += [*(f"differs: {name}" for name in scene.differences(data)), *told.after()]
    left = data / "store" / ".tmp"
    if any(left.iterdir()):
        wrong.append(f"left aside: {sorted(p.name for p in left.iterdir())}")
    return rows, wrong
