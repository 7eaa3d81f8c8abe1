"""Each process of a machine takes cores and a GPU of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toy_recipe import toy_recipe
from xltpipe import seats

PROCESS = """
import os, sys
from xltpipe import seats
seats.take_cores(sys.argv[1], 2)
print(seats.seat(sys.argv[1]), *sorted(os.sched_getaffinity(0)), flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize(
    ("cores", "workers", "shares"),
    [
        ([0, 1], 1, [[0, 1]]),
        ([0, 1], 2, [[0], [1]]),
        ([2, 3, 5, 7], 2, [[2, 5], [3, 7]]),
        ([0, 1, 2], 2, [[0, 2], [1]]),
        ([4], 3, [[4], [4], [4]]),
        ([0, 1], 3, [[0], [1], [0]]),
    ],
)
def test_cores_are_shared(cores: list[int], workers: int, shares: list[list[int]]) -> None:
    assert [seats.share(cores, seat, workers) for seat in range(workers)] == shares
    assert seats.share(cores, workers, workers) == shares[0]  # one more than was said


def test_processes_take_different_seats_and_leave_them() -> None:
    group = f"test-{os.getpid()}"

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROCESS, group],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def told(process: subprocess.Popen[str]) -> list[int]:
        assert process.stdout is not None
        return [int(word) for word in process.stdout.readline().split()]

    usable = sorted(os.sched_getaffinity(0))
    first = start()
    assert told(first) == [0, *seats.share(usable, 0, 2)]
    second = start()
    assert told(second) == [1, *seats.share(usable, 1, 2)]
    first.kill()
    first.wait()
    third = start()
    assert told(third)[0] == 0  # of the one that was killed
    for process in (second, third):
        process.communicate("\n")


@pytest.mark.parametrize(
    ("seat", "named", "seen", "device"),
    [
        (0, (0,), [], None),
        (0, (0,), ["0", "1"], "0"),
        (1, (0,), ["0", "1"], "1"),  # one is named by default: all that are there are used
        (2, (0,), ["0", "1"], "0"),
        (1, (1, 3), ["0", "1", "2", "3"], "3"),
        (0, (1, 3), ["GPU-a", "GPU-b", "GPU-c", "GPU-d"], "GPU-b"),
        (0, (4, 5), ["0"], None),
    ],
)
def test_a_seat_has_its_gpu(
    seat: int, named: tuple[int, ...], seen: list[str], device: str | None
) -> None:
    assert seats.chosen(seat, named, seen) == device


def test_gpus_that_were_given() -> None:
    assert seats.visible({"CUDA_VISIBLE_DEVICES": "3,1"}) == ["3", "1"]
    assert seats.visible({"CUDA_VISIBLE_DEVICES": ""}) == []


def test_engines_of_a_process_see_its_one_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6")
    gpu = {"kind": "ctranslate2", "device": "cuda", "devices": [0, 1]}
    recipe = toy_recipe(
        tmp_path, translation={"kind": "fallback", "engines": [gpu, {"kind": "copy"}]}
    )
    seat = seats.seat(f"gpu-{os.getpid()}")
    found = seats.on_device(recipe, f"gpu-{os.getpid()}")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ["5", "6"][seat]
    assert found.translation.engines[0].devices == (0,)  # type: ignore[union-attr]
    assert found.identity() == recipe.identity()
    assert seats.on_device(found, f"gpu-{os.getpid()}") == found


def test_without_gpus_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    recipe = toy_recipe(tmp_path)
    assert seats.on_device(recipe, "none") is recipe
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
