"""Hosts of their own: Dask workers in network namespaces, one killed or cut off in mid-run.

    .venv/bin/python benchmarks/hosts.py [--rows 2000] [--fault kill|cut]    # as root

A bridge joins this machine and two namespaces, each with one Dask worker and a working copy of its
own; the scheduler, Prefect's server and an S3 server (moto) are reached over it. In mid-run one
worker is killed, or its link taken down. The corpus must be that of an undisturbed run in threads.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests import real_run, shared_runs
from tests.s3_server import new_bucket, s3_server

NET, HEAD = "10.77.0", "10.77.0.1"
BRIDGE = "xltbr"
WORKERS = ("xltw1", "xltw2")
PREFECT = """
import sys, uvicorn
from prefect.server.api.server import create_app
app = create_app(ephemeral=True, final=True)
uvicorn.run(app, host=sys.argv[1], port=4299, log_level="error", lifespan="on")
"""


def ip(*arguments: str, may_fail: bool = False) -> None:
    subprocess.run(["ip", *arguments], check=not may_fail, capture_output=may_fail)


@contextmanager
def network() -> Iterator[None]:
    """A bridge with an address, and namespaces that reach it and each other."""
    _clear()
    ip("link", "add", BRIDGE, "type", "bridge")
    try:
        ip("addr", "add", f"{HEAD}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number, name in enumerate(WORKERS, start=11):
            ip("netns", "add", name)
            ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", name, "master", BRIDGE, "up")
            ip("-n", name, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        _clear()


def _clear() -> None:
    for name in WORKERS:
        ip("netns", "del", name, may_fail=True)
    ip("link", "del", BRIDGE, may_fail=True)


@contextmanager
def process(arguments: Sequence[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        arguments,
        cwd=real_run.REPOSITORY,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--fault", choices=["kill", "cut"], default="kill")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="xltpipe-hosts-")))
        stack.enter_context(network())
        s3 = stack.enter_context(s3_server(HEAD))
        url = f"http://{HEAD}:4299/api"
        alone = real_run.environment(folder / "prefect", None)
        stack.enter_context(process([sys.executable, "-c", PREFECT, HEAD], alone))
        real_run.wait_for(lambda: real_run.answers(f"{url}/health"), 120)
        return compare(folder, real_run.environment(folder / "prefect", url) | s3, options, stack)


def compare(
    folder: Path, env: dict[str, str], options: argparse.Namespace, stack: ExitStack
) -> int:
    recipe = real_run.write_long_recipe(
        folder / "hosts.toml", rows=options.rows, shard_rows=100, strategies=("corpus",)
    )
    real_run.run(recipe, folder / "local", env)
    address, scheduler = f"{new_bucket()}/data", f"tcp://{HEAD}:8799"
    dask = [sys.executable, "-m", "dask"]
    stack.enter_context(process([*dask, "scheduler", "--host", HEAD, "--port", "8799"], env))
    workers = [
        stack.enter_context(
            process(
                [
                    *("ip", "netns", "exec", name, *dask, "worker", scheduler),
                    *("--nthreads", "1", "--no-nanny", "--no-dashboard"),
                ],
                env | {"XLTPIPE_CACHE": str(folder / name)},
            )
        )
        for name in WORKERS
    ]
    verb = ("run", "--executor", "dask", "--address", scheduler)
    began = time.monotonic()
    run = real_run.start(recipe, address, env | {"XLTPIPE_CACHE": str(folder / "head")}, verb)
    shards = options.rows // 100
    there = real_run.wait_for(
        lambda: len(shared_runs.artefacts(address, "translate")) >= shards // 4, 600, 0.5
    )
    if options.fault == "kill":
        workers[0].kill()
    else:
        ip("link", "set", WORKERS[0], "down")
    words, _ = run.communicate(timeout=900)
    took = time.monotonic() - began
    same = shared_runs.corpus(address) == real_run.corpus(folder / "local")
    print(
        f"{options.fault} after {there:.0f} s with {shards // 4} of {shards} shards translated; "
        f"exit code {run.returncode} after {took:.0f} s; corpus "
        f"{'identical' if same else 'DIFFERENT'}\n{words}"
    )
    return 0 if same and run.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
