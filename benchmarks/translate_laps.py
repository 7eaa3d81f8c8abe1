"""Laps: arms timed in turn, and their table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

Arm = Callable[[], int]
"""One pass over all sentences; the number of target tokens made, each sentence's end included."""


@dataclass(frozen=True)
class Lap:
    """One pass of one arm: seconds of wall and of CPU, and target tokens."""

    seconds: float
    cpu: float
    tokens: int

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds

    @property
    def cpu_rate(self) -> float:
        return self.tokens / self.cpu


def lap(arm: Arm) -> Lap:
    start, cpu = time.perf_counter(), time.process_time()
    tokens = arm()
    return Lap(time.perf_counter() - start, time.process_time() - cpu, tokens)


def alternate(arms: dict[str, Arm], rounds: int) -> dict[str, list[Lap]]:
    """Laps per arm; the order turns round by round, so that drift hits all arms alike."""
    laps: dict[str, list[Lap]] = {name: [] for name in arms}
    names = list(arms)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            laps[name].append(lap(arms[name]))
    return laps


def table(laps: dict[str, list[Lap]], first: str) -> dict[str, float]:
    """Print each arm's rates, and the ratio of the first arm to it within the same round.

    CPU time is shown because wall time on a shared machine also measures the neighbours. Returns
    the median ratios of wall time.
    """
    print("| arm | tokens | tokens/s (min-max) | per CPU s | our ratio, wall | our ratio, CPU |")
    print("|---|---|---|---|---|---|")
    found = {}
    for name, own in laps.items():
        rates = [one.rate for one in own]
        pairs = list(zip(laps[first], own, strict=True))
        wall = [ours.rate / other.rate for ours, other in pairs]
        cpu = [ours.cpu_rate / other.cpu_rate for ours, other in pairs]
        found[name] = median(wall)
        print(
            f"| {name} | {own[0].tokens} | {spread(rates, 0)} "
            f"| {median(one.cpu_rate for one in own):.0f} | {spread(wall, 3)} | {spread(cpu, 3)} |"
        )
    return found


def spread(values: list[float], digits: int) -> str:
    """Median, with minimum and maximum."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"
