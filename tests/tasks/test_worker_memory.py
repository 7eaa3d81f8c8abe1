"""Processes of Dask are told to give freed memory back at once; ours undo that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROCESS = """
import ctypes, resource, sys
from pathlib import Path
from tasks.elsewhere import arrived
from tests.toy_recipe import toy_recipe

if sys.argv[1] == "arrived":
    arrived(toy_recipe(Path(sys.argv[2]), executor="dask", address="tcp://127.0.0.1:1"))
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]


def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        block = libc.malloc(1 << 20)
        ctypes.memset(block, 1, 1 << 20)
        libc.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


faults()
print(faults())
"""


def faults(how: str, folder: Path) -> int:
    """Pages that 100 times a mebibyte, taken, written and freed, made the system give."""
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, how, str(folder)],
        env=os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.split()[-1])


def test_a_worker_keeps_memory_that_it_will_take_again(tmp_path: Path) -> None:
    assert faults("as dask starts it", tmp_path) > 10_000
    assert faults("arrived", tmp_path) < 1_000
