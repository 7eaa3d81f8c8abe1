"""Many shards in few tasks: nothing is lost, made twice or counted twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from prefect.logging import disable_run_logger

from tasks import batches as module
from tasks.batches import MOST, PATIENCE, batches, make_each, together
from tasks.shelf import DATA, shelf
from xltpipe import progress
from xltpipe.durable import write_table
from xltpipe.errors import DataError, TransientError
from xltpipe.store import Step


class Shards:
    """Steps that count how often each is built, and fail as they are told."""

    def __init__(self) -> None:
        self.built: Counter[int] = Counter()
        self.faults: dict[int, list[Exception]] = {}

    def step(self, number: int) -> Step:
        def build(home: Path) -> dict[str, int | float | str]:
            if self.faults.get(number):
                raise self.faults[number].pop(0)
            self.built[number] += 1
            write_table(pa.table({"x": [number] * 5}), home / "part-00000.parquet")
            return {"rows": 5}

        return Step("translate", 1, {"number": number}, (), build, 5)


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shards]:
    monkeypatch.setenv(DATA, str(tmp_path))
    progress.made.clear()
    progress.reused.clear()
    module._counted.clear()
    with disable_run_logger():
        yield Shards()


@pytest.fixture
def ticks() -> Iterator[Counter[str]]:
    """Rows that progress was told of, by stage."""
    seen: Counter[str] = Counter()

    class Seen:
        def expect(self, step: str, rows: int) -> None: ...

        def tick(self, step: str, rows: int) -> None:
            seen[step] += rows

    progress.listen(Seen())
    yield seen
    progress.listen(None)


@pytest.mark.parametrize("number", [0, 1, 2, MOST - 1, MOST, MOST + 1, 100, 1_000, 100_001])
def test_every_shard_is_in_one_batch_in_order(number: int) -> None:
    found = batches(range(number))
    assert together(found) == list(range(number))
    assert len(found) == min(number, MOST)
    sizes = {len(batch) for batch in found}
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    assert 0 not in sizes


def test_a_whole_run_stays_below_five_hundred_tasks() -> None:
    stages = ("translate", "project", "score", "judge")
    single = ("read", "align", "choose", "materialise")
    splits, others = 2, 12  # train, evaluate, and what strategies add
    assert splits * (len(stages) * MOST + len(single)) + others <= 500


def test_each_shard_is_an_artefact_of_its_own(shards: Shards) -> None:
    made = make_each(range(5), shards.step)
    assert [shelf().read(shard)["x"][0].as_py() for shard in made] == [0, 1, 2, 3, 4]
    assert make_each(range(7), shards.step)[:5] == made
    assert shards.built == Counter(range(7))
    assert progress.made["translate"] == 7
    assert progress.reused["translate"] == 5


def test_a_shard_that_fails_does_not_keep_the_others_from_being_made(shards: Shards) -> None:
    shards.faults = {2: [DataError("Row must be whole, was: half")]}
    with pytest.raises(
        DataError, match=r"was: half \(.*\) \(1 of the 5 shards of this task failed"
    ):
        make_each(range(5), shards.step)
    assert shards.built == Counter([0, 1, 3, 4])
    make_each(range(5), shards.step)
    assert shards.built == Counter(range(5))


def test_a_fault_of_another_kind_keeps_its_kind(shards: Shards) -> None:
    shards.faults = {1: [ZeroDivisionError("the engine fell over")]}
    with pytest.raises(ZeroDivisionError, match="fell over") as told:
        make_each(range(4), shards.step)
    assert told.value.__notes__ == [
        "1 of the 4 shards of this task failed; what is complete is kept"
    ]


def test_a_retry_makes_what_is_missing_and_counts_nothing_twice(
    shards: Shards, ticks: Counter[str]
) -> None:
    make_each([3], shards.step)  # on the shelf before
    before = ticks["translate"]
    busy = TransientError("Server must answer, was: busy")
    shards.faults = {1: [busy, busy], 4: [busy]}
    for _ in range(2):
        with pytest.raises(TransientError, match="busy"):
            make_each(range(6), shards.step)
    made = make_each(range(6), shards.step)
    assert len(made) == 6
    assert shards.built == Counter(range(6))
    assert progress.made["translate"] == 6
    assert progress.reused["translate"] == 1
    assert ticks["translate"] - before == 5  # shard 3; builds tick for themselves
    assert module._counted == {}


def test_a_fault_that_stays_is_told_before_one_that_may_pass(shards: Shards) -> None:
    busy = TransientError("Server must answer, was: busy")
    shards.faults = {0: [busy], 2: [DataError("no")]}
    with pytest.raises(DataError, match=r"no \(.*\) \(2 of the 4 shards"):
        make_each(range(4), shards.step)


def test_a_dead_server_does_not_fail_every_shard_in_turn(shards: Shards) -> None:
    away = [TransientError("Server must answer, was: away") for _ in range(9)]
    shards.faults = {number: [away[number]] for number in range(1, 9)}
    with pytest.raises(TransientError, match=f"{PATIENCE} of the 9 shards"):
        make_each(range(9), shards.step)
    assert sum(map(len, shards.faults.values())) == 8 - PATIENCE


def test_a_stop_is_no_fault(shards: Shards) -> None:
    make_each(range(3), shards.step)
    progress.stop()
    try:
        with pytest.raises(progress.Stopped):
            make_each(range(3), shards.step)
    finally:
        progress.resume()
