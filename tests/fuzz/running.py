"""Trying a target with many inputs, and keeping count of what became of them."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import hypothesis

from tests.fuzz.target import Target
from xltpipe.errors import XltError

SLOW = 5.0
"""Seconds of CPU for one input of some kilobytes: more is an attack by time."""


@dataclass
class Tally:
    """What became of a target's inputs: taken, refused by error, and what must not be."""

    name: str
    inputs: int = 0
    taken: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    uncaught: dict[str, str] = field(default_factory=dict)
    """One traceback and input by place."""
    slowest: float = 0.0


def run(target: Target, examples: int, seed: int) -> Tally:
    """Draw so many inputs and parse each."""
    tally = Tally(target.name)

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(target.inputs)
    def each(given: Any) -> None:
        _one(target, given, tally)

    each()
    return tally


def _one(target: Target, given: Any, tally: Tally) -> None:
    tally.inputs += 1
    started = time.process_time()
    try:
        target.parse(given)
    except XltError as error:
        tally.refused[type(error).__name__] += 1
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of Rust is no Exception
        _keep(tally, error, given)
    else:
        tally.taken += 1
    took = time.process_time() - started
    if took > tally.slowest:
        tally.slowest = took
    if took > SLOW:
        tally.uncaught.setdefault(f"slow: {took:.1f} s", repr(given)[:600])


def _keep(tally: Tally, error: BaseException, given: Any) -> None:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/xltpipe/" in f.filename] or frames
    last = ours[-1]
    place = f"{type(error).__name__} at {last.filename.rpartition('/xltpipe/')[2]}:{last.name}"
    if place not in tally.uncaught:
        lines = traceback.format_exception_only(error)
        tally.uncaught[place] = f"{''.join(lines)[:300]}  input: {given!r:.600}"
