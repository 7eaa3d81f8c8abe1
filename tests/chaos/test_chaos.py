"""Each kind of fault once: the run goes on or tells one error, and the next one loses nothing.

benchmarks/chaos.py draws many more, at random.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from random import Random

import pytest

from tests.chaos import engines
from tests.chaos.kinds import KINDS
from tests.chaos.scene import Scene
from tests.chaos.trial import Trial, strike

CASES = [
    ("disk full", 1),
    ("disk full", 2),
    ("kill -9", 1),
    ("SIGSTOP, SIGCONT", 1),
    ("run twice, one killed", 1),
    ("out of memory", 1),
    ("clock jumps", 1),
    ("read-only", 1),
    ("file too large", 1),
    ("failing call", 1),
    ("engine hangs", 1),
    ("model damaged", 1),
    ("damage meanwhile", 1),
    ("flip shard", 1),
    ("flip manifest", 1),
    ("truncate aligner", 1),
    ("truncate tagger", 1),
    ("zero record", 1),
    ("flip card", 1),
    ("truncate catalogue", 1),
    ("delete corpus", 1),
]


@pytest.fixture(scope="module")
def trials(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[tuple[str, int], Future[Trial]]]:
    """All at once, two at a time: a run is one process that computes on one core."""
    folder = tmp_path_factory.mktemp("chaos")
    scene = Scene(folder / "embedded", inside=True)
    with ExitStack() as held:
        served = held.enter_context(engines.served(folder / "served", scene))
        pool = held.enter_context(ThreadPoolExecutor(2))
        yield {
            (name, seed): pool.submit(
                strike,
                name,
                KINDS[name].fault,
                served if KINDS[name].scene == "served" else scene,
                folder / f"{number:03d}",
                Random(seed),
            )
            for number, (name, seed) in enumerate(CASES)
            if not KINDS[name].lacks()
        }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]}")
def test_nothing_is_lost(
    case: tuple[str, int], trials: dict[tuple[str, int], Future[Trial]]
) -> None:
    if why := KINDS[case[0]].lacks():
        pytest.skip(why)
    trial = trials[case].result()
    assert trial.wrong == ()
    assert trial.rows is not None
    assert min(trial.rows.kept, trial.rows.rejected, trial.rows.quarantined) > 0
