"""From `xltpipe run` to the first processed shard, and to the end.

    python benchmarks/start.py [--rounds 5] [--recipe flows/recipes/quickstart.toml]

Three arrangements: the first run ever on a machine (Prefect makes its database), a run with a
server of its own on a warm Prefect home, and one with a kept server (`xltpipe server start`). Each
run has a new store, so that everything is made. Wall seconds to the first artefact (the source,
read and cut into shards), to the first shard that was translated, and to the end of the process;
CPU seconds of the process with its own server. The goal is 10 s to the first processed shard on an
idle machine.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLI = [sys.executable, "-c", "from xltpipe.cli import main; main()"]
Times = tuple[float, float, float, float]


def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "XLTPIPE_"))}
    return kept | {"PREFECT_HOME": str(home), "HF_HUB_OFFLINE": "1"}


def run(recipe: Path, home: Path, data: Path) -> Times:
    """First artefact, first translated shard, end; CPU."""
    began = time.perf_counter()
    log = data.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [*CLI, "run", str(recipe), "--store", str(data)],
            cwd=ROOT,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    seen: dict[str, float] = {}
    while True:
        for stage in ("*", "translate"):
            if stage not in seen and next((data / "store").glob(f"{stage}/??/*/manifest.json"), 0):
                seen[stage] = time.perf_counter() - began
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        time.sleep(0.01)
    process.returncode = os.waitstatus_to_exitcode(status)
    words = log.read_text()
    if process.returncode or "Traceback" in words:
        sys.exit(f"failed with {process.returncode}:\n{words}")
    whole = time.perf_counter() - began
    return seen["*"], seen["translate"], whole, usage.ru_utime + usage.ru_stime


def server(home: Path, verb: str) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = ["--port", str(probe.getsockname()[1])] if verb == "start" else []
    command, env = [*CLI, "server", verb, *port], environment(home)
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return done.stdout


def rows(recipe: Path, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name), Path(name) / "home"
        told("first run ever", [run(recipe, home, folder / "first")])
        told("own server", [run(recipe, home, folder / f"own{n}") for n in range(rounds)])
        began = time.perf_counter()
        said = server(home, "start")
        (page,) = re.findall(r"http://\S+?(?=,)", said)
        print(f"(kept server at {page}: {time.perf_counter() - began:.1f} s to start, once)")
        try:
            told("kept server", [run(recipe, home, folder / f"kept{n}") for n in range(rounds)])
        finally:
            server(home, "stop")


def told(what: str, times: list[Times]) -> None:
    cells = []
    for of in zip(*times, strict=True):
        spread = f" ({min(of):.1f}–{max(of):.1f})" if len(of) > 1 else ""
        cells.append(f"{statistics.median(of):.1f}{spread}")
    print(f"| {what} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--recipe", type=Path, default=ROOT / "flows/recipes/quickstart.toml")
    options = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| | first artefact, s | first translated shard, s | end, s | CPU, s |")
    print("|---|---|---|---|---|")
    rows(options.recipe, options.rounds)


if __name__ == "__main__":
    main()
