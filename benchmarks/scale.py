"""How planning, resuming and the catalogue grow with the number of shards: real store, tiny shards.

    python benchmarks/scale.py --shards 1000 10000 100000 [--folder FOLDER] [--run]

For each number of shards one recipe (quickstart's engine, projector, scores, duplicates; strategy
corpus) is put on the shelf: the source is read for real, one row a shard; of each later stage one
shard is made for real and its files stand for the others' too, below their own keys, through
`Store.make`. Building is quick that way, and what is measured afterwards cannot tell: keys,
manifests, files and records are those of a real run. Only while the shelf is filled, nothing is
forced to the disk.

Each measurement is a process of its own: seconds, and its peak memory. `plan` is `xltpipe plan`
without the estimate; `resume` asks the store for every step of a complete run, with the index of
what was verified (docs/scale.md), `resume, index gone` without it; `catalogue` writes it from the
record and the manifests, `again` with what the last one knew; `open` connects and asks for the runs
and shards; `units` counts the rows of all judged files. `--run` adds a whole `xltpipe run` of what
is complete, with Prefect.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from xltpipe import corpus, scoring, steps, tools
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import load
from xltpipe.runs import Outcome, recording
from xltpipe.settled import settled
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.tools import Trained

ROOT = Path(__file__).parents[1]
PAIR = ("eng", "spa")
RECIPE = """\
name = "scale"
targets = ["spa"]
strategies = ["corpus"]
shard_rows = 1
[train]
kind = "jsonl"
path = "rows.jsonl"
"""
Make = Callable[[Step], Shard]


def write(folder: Path, shards: int) -> None:
    """The recipe and its rows, of which each is a shard."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(RECIPE)
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for number in range(shards):
            spans = [{"start": 0, "end": 3, "label": "PER"}]
            row = {"id": f"row-{number}", "text": f"Ana lives in Rome {number}.", "spans": spans}
            file.write(json.dumps(row) + "\n")


class Standing:
    """Makes steps from the files of one that was made for real: the first of its stage."""

    def __init__(self, store: Store) -> None:
        self.store, self.first = store, dict[str, tuple[Counts, dict[str, bytes]]]()

    def make(self, step: Step) -> Shard:
        if step.stage not in self.first or step.stage == "choose":  # which names every shard
            shard, _ = self.store.make(step)
            folder = self.store.folder(shard)
            manifest = self.store.manifest(shard) or {}
            files = {f["name"]: (folder / f["name"]).read_bytes() for f in manifest["files"]}
            self.first[step.stage] = (manifest["counts"], files)
            return shard
        return self.store.make(replace(step, build=self._build(step.stage, 1)))[0]

    def parts(self, step: Step, number: int) -> Shard:
        """An artefact of so many parts, all like the first."""
        return self.store.make(replace(step, build=self._build(step.stage, number)))[0]

    def _build(self, stage: str, number: int) -> Callable[[Path], Counts]:
        counts, files = self.first[stage]

        def build(home: Path) -> Counts:
            for name, content in files.items():
                place = home / name
                place.parent.mkdir(parents=True, exist_ok=True)
                for part in range(number):
                    path = place if number == 1 else home / f"part-{part:05d}.parquet"
                    path.write_bytes(content)
            return {k: v * number if isinstance(v, int) else v for k, v in counts.items()}

        return build


def walk(recipe: Recipe, store: Store, make: Make, last: Make) -> Outcome:
    """Every step of strategy corpus, as flows/corpus.py has them."""
    outcome = Outcome("corpus", PAIR[1])
    source = store.make(steps.read(recipe, recipe.train, PAIR[0]))[0]
    read = steps.parts(store, source)
    units = [make(steps.translate(recipe, store, s, *PAIR)) for s in read]
    aligners = _aligners(recipe, store, units, make)
    projected = [make(steps.project(recipe, store, s, aligners, PAIR)) for s in units]
    scores = [make(scoring.score(recipe, store, s, aligners, PAIR)) for s in projected]
    marks = [make(scoring.marks(recipe, store, s)) for s in projected]
    groups = make(scoring.duplicates(recipe, store, marks))
    choice = make(scoring.choose(recipe, store, groups, scores))
    judged = [
        make(scoring.judge(recipe, store, s, of, choice, number))
        for number, (s, of) in enumerate(zip(projected, scores, strict=True))
    ]
    for shard in judged:
        make(corpus.keep(store, shard))
    made = last(corpus.materialise(recipe, store, judged, PAIR[1], "train"))
    for shards in (units, projected, scores, judged, steps.parts(store, made)):
        outcome.add("train", *shards)
    return outcome


def _aligners(recipe: Recipe, store: Store, units: Sequence[Shard], make: Make) -> list[Trained]:
    found = []
    for needed in tools.aligners(recipe, sum(s.rows for s in units), PAIR[1], scored=True):
        step = tools.align(store, needed.spec, units, PAIR, recipe.reuse_aligner)
        found.append(tools.aligned(needed, store, make(step)) if needed.spec.trained else needed)
    return found


def shelve(folder: Path, shards: int) -> None:
    """Fill the shelf."""
    os.fsync = lambda _: None
    write(folder / "one", 1)
    write(folder, shards)
    recipe, store = load(folder / "recipe.toml"), Store(folder / "data" / "store")
    standing = Standing(Store(folder / "one" / "store"))
    walk(load(folder / "one" / "recipe.toml"), standing.store, standing.make, standing.make)
    standing.store = store
    with settled(), recording(store, recipe) as outcomes:
        make = standing.make
        outcomes.append(walk(recipe, store, make, lambda step: standing.parts(step, shards)))


def plan(folder: Path) -> str:
    from xltpipe.plan import plan as planned

    found = planned(load(folder / "recipe.toml"), Store(folder / "data" / "store"))
    return f"{sum(p.done for p in found)} of {sum(p.shards for p in found)} done"


def resume(folder: Path) -> str:
    store, again = Store(folder / "data" / "store"), []

    def make(step: Step) -> Shard:
        found = store.find(step)
        if found is None:
            again.append(step.key)
        return found or step.shard

    with settled():
        outcome = walk(load(folder / "recipe.toml"), store, make, make)
    return f"{len(outcome.shards)} shards, {len(again)} to make"


def catalogue(folder: Path) -> str:
    from xltpipe.catalogue import refresh

    size = refresh(Store(folder / "data" / "store")).stat().st_size
    return f"{size / 2**20:.1f} MiB"


def open_(folder: Path) -> str:
    return _asked(folder, "SELECT (SELECT count(*) FROM runs), count(*), sum(rows) FROM shards")


def units(folder: Path) -> str:
    return _asked(folder, "SELECT count(*) FROM units")


def _asked(folder: Path, sql: str) -> str:
    from xltpipe.catalogue import query

    (row,) = query(Store(folder / "data" / "store"), sql).to_pylist()
    return ", ".join(map(str, row.values()))


MEASURED = {f.__name__.strip("_"): f for f in (plan, resume, catalogue, open_, units)}


ORDER = (
    "plan",
    "resume",
    "resume, index gone",
    "resume, index anew",
    "catalogue",
    "catalogue, again",
    "open",
    "units",
)


def measure(what: str, folder: Path) -> dict[str, object]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", what, "--folder", str(folder)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measured(what: str, folder: Path) -> None:
    """In that process: the answer, seconds, CPU seconds and peak memory, as JSON."""
    began, cpu = time.perf_counter(), time.process_time()
    answer = MEASURED[what](folder)
    record = {
        "answer": answer,
        "seconds": round(time.perf_counter() - began, 2),
        "cpu": round(time.process_time() - cpu, 2),
        "mib": peak(),
    }
    print(json.dumps(record))


def peak(process: str | int = "self") -> int:
    """Peak memory of a process in MiB; `ru_maxrss` would know its parent's, too."""
    words = Path(f"/proc/{process}/status").read_text(encoding="ascii").split()
    return round(int(words[words.index("VmHWM:") + 1]) / 1024) if "VmHWM:" in words else 0


def whole(folder: Path) -> dict[str, object]:
    """`xltpipe run` of what is complete: Prefect, every step, the catalogue and the summary."""
    home = folder / "prefect"
    env = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    cli = [sys.executable, "-c", "from xltpipe.cli import main; main()", "run"]
    began, memory = time.perf_counter(), 0
    with (folder / "run.log").open("w") as log:
        process = subprocess.Popen(
            [*cli, str(folder / "recipe.toml"), "--store", str(folder / "data")],
            cwd=ROOT,
            env=env | {"PREFECT_HOME": str(home)},
            stdout=log,
            stderr=log,
        )
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            memory = max(memory, peak(process.pid))
            time.sleep(0.2)
    process.returncode = os.waitstatus_to_exitcode(status)
    words = (folder / "run.log").read_text()
    if process.returncode or "nothing to do" not in words:
        sys.exit(words)
    with sqlite3.connect(home / "prefect.db") as database:
        flows = "SELECT count(*) FROM task_run GROUP BY flow_run_id ORDER BY 1 DESC LIMIT 1"
        (tasks,) = database.execute(flows).fetchone()
    return {
        "answer": f"{tasks} tasks in the largest flow",
        "seconds": round(time.perf_counter() - began, 2),
        "cpu": round(usage.ru_utime + usage.ru_stime, 2),
        "mib": memory,
    }


def report(shards: int, folder: Path, *, run: bool) -> None:
    if not (folder / "data").exists():
        began = time.perf_counter()
        shelve(folder, shards)
        print(f"shelf of {shards} filled in {time.perf_counter() - began:.0f} s", flush=True)
    for what in [*ORDER, *(["run"] if run else [])]:
        if what == "resume, index gone":
            shutil.rmtree(folder / "data" / "store" / ".verified")
        row = whole(folder) if what == "run" else measure(what.split(",")[0], folder)
        cells = (shards, what, row["seconds"], row["cpu"], row["mib"], row["answer"])
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--shards", type=int, nargs="+", default=[1_000])
    parser.add_argument("--folder", type=Path, help="keep the shelves here, and use those there")
    parser.add_argument("--measure", choices=MEASURED, help=argparse.SUPPRESS)
    parser.add_argument("--run", action="store_true", help="whole runs, too")
    options = parser.parse_args()
    if options.measure:
        measured(options.measure, options.folder)
        return
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| shards | what | wall s | CPU s | peak MiB | answer |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for shards in options.shards:
            report(shards, (options.folder or Path(temporary)) / str(shards), run=options.run)


if __name__ == "__main__":
    main()
