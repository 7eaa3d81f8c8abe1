"""Runs on a shared store: what lies in the bucket, and clusters made of processes."""

from __future__ import annotations

import hashlib
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests import real_run
from xltpipe.bucket import Bucket


def corpus(address: str) -> dict[str, str]:
    """The published files of all runs in a bucket: their path and the SHA-256 of their bytes."""
    bucket = Bucket(f"{address}/store")
    return {
        name: hashlib.sha256(bucket.read(f"corpus/{name}") or b"").hexdigest()
        for name in sorted(bucket.sizes("corpus"))
    }


def artefacts(address: str, stage: str = "") -> list[str]:
    """The keys of the artefacts in a bucket that have a manifest, as stage/../key."""
    names = Bucket(f"{address}/store").sizes(stage)
    return [n.rpartition("/")[0] for n in names if n.endswith("/manifest.json")]


def made(words: str) -> Counter[str]:
    """Artefacts that a run said it made, by stage."""
    found = re.search(r"made \d+ artefacts? \((.*?)\)", words.replace("\n", " "))
    listed = found.group(1).split(", ") if found else []
    return Counter({part.split()[0]: int(part.split()[1]) for part in listed})


@contextmanager
def dask_cluster(env: dict[str, str], caches: Sequence[Path]) -> Iterator[DaskCluster]:
    """A scheduler and one worker for each working copy, each a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    scheduler = _dask(["scheduler", "--host", "127.0.0.1", "--port", str(port)], env)
    cluster = DaskCluster(address, scheduler, [])
    try:
        for cache in caches:
            here = env | {"XLTPIPE_CACHE": str(cache)}
            arguments = ["worker", address, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1"]
            cluster.workers.append(_dask(arguments, here))
        yield cluster
    finally:
        for process in (*cluster.workers, scheduler):
            process.kill()
            process.wait()


class DaskCluster:
    def __init__(
        self,
        address: str,
        scheduler: subprocess.Popen[bytes],
        workers: list[subprocess.Popen[bytes]],
    ) -> None:
        self.address, self.scheduler, self.workers = address, scheduler, workers

    def kill(self, number: int) -> None:
        """End a worker as a power cut would."""
        self.workers[number].send_signal(signal.SIGKILL)
        self.workers[number].wait()


def _dask(arguments: Sequence[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
        cwd=real_run.REPOSITORY,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
