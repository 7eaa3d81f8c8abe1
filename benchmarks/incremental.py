"""What rows appended to a source cost, against a full run; and one row put in the middle.

    python benchmarks/incremental.py --rows 20000

Embedded model, aligned projector, the aligner that is trained by default; `xltpipe run` in a
process of its own each time, on a Prefect server that is kept. Wall and CPU are of that process,
seconds by stage from the manifests of what was made.
Text: English sides of parallel_docs/en-es below ../shared/data (or XLTPIPE_SHARED).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from overhead import ROOT, write_rows

from tests import real_run

RECIPE = """\
name = "incremental"
targets = ["spa"]
strategies = ["{strategy}"]
[train]
kind = "jsonl"
path = "rows.jsonl"
"""


@dataclass
class Cost:
    """Of one run."""

    wall: float
    cpu: float
    made: Counter[str]
    seconds: Counter[str]
    rows: Counter[str]


def run(recipe: Path, data: Path, env: dict[str, str]) -> Cost:
    before = set(real_run.manifests(data))
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", "from xltpipe.cli import main; main()", "run", str(recipe)],
        cwd=ROOT,
        env=env | {"XLTPIPE_DATA": str(data)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        sys.exit(f"run failed: {status}")
    cost = Cost(wall, usage.ru_utime + usage.ru_stime, Counter(), Counter(), Counter())
    for path in set(real_run.manifests(data)) - before:
        manifest = json.loads(path.read_bytes())
        cost.made[manifest["stage"]] += 1
        cost.seconds[manifest["stage"]] += manifest["seconds"]
        cost.rows[manifest["stage"]] += max(0, manifest["rows"])
    return cost


def table(full: Cost, others: dict[str, Cost]) -> None:
    head = " ".join(f"{name:>34}" for name in others)
    print(f"{'stage':>12} {'full: made, rows, s':>27} {head}")
    for stage in full.made:
        cells = [f"{full.made[stage]:6} {full.rows[stage]:9} {full.seconds[stage]:9.1f}s"]
        cells += [
            f"{c.made[stage]:6} {c.rows[stage]:9} {c.seconds[stage]:9.1f}s "
            f"{c.seconds[stage] / max(full.seconds[stage], 1e-9):6.1%}"
            for c in others.values()
        ]
        print(f"{stage:>12} {' '.join(cells)}")
    for name in ("wall", "cpu"):
        whole = getattr(full, name)
        cells = [
            f"{getattr(c, name):25.1f}s {getattr(c, name) / whole:7.2%}" for c in others.values()
        ]
        print(f"{name:>12} {whole:26.1f}s {' '.join(cells)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--strategy", default="corpus")
    parser.add_argument("--shard-rows", type=int, default=2000)
    asked = parser.parse_args()
    new = round(asked.rows * asked.share)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "all.jsonl", asked.rows + new + 1)
        lines = (folder / "all.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        recipe = folder / "incremental.toml"
        text = f"shard_rows = {asked.shard_rows}\n" + RECIPE.format(strategy=asked.strategy)
        recipe.write_text(text, encoding="utf-8")
        rows, middle = folder / "rows.jsonl", asked.rows // 2
        with real_run.server(folder / "prefect") as url:
            env = real_run.environment(folder / "prefect", url)
            env.pop("OMP_NUM_THREADS")

            def cost(given: list[str]) -> Cost:
                rows.write_text("".join(given), encoding="utf-8")
                return run(recipe, folder / "data", env)

            full = cost(lines[: asked.rows])
            others = {
                "nothing new": cost(lines[: asked.rows]),
                f"{new} rows appended": cost(lines[:-1]),
                "one row in the middle": cost([*lines[:middle], lines[-1], *lines[middle:-1]]),
            }
    print(f"{datetime.now(UTC):%Y-%m-%d} {asked}, load {os.getloadavg()}")
    table(full, others)


if __name__ == "__main__":
    main()
