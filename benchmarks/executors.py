"""The same recipe on threads, Dask and Ray: rows/s, overhead per shard, and is the corpus the same?

    .venv/bin/python benchmarks/executors.py [--rows 2400] [--shard-rows 100] [--executors threads
        dask ray] [--workers 1 2] [--stores local s3] [--model en-multi]

Model-bound: one worker is one core. Each process of Dask or Ray runs an engine of one thread; with
threads, one engine has as many (`translation.workers`). Timed from the artefact `read`, when all
are started, to `materialise`: translation, alignment, projection, scores, rules, corpus, and the
loading of models. `start` is what comes before. The store s3 is moto's server on loopback.

First the engine alone, in a process of its own: what two of its threads are to one is what the
machine gives, and no executor can do better.

Overhead per shard: the engine `copy` on 304 rows, once in 4 shards and once in 76; the difference
of the times by 72. A shard is four tasks (translate, project, score, judge).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests import real_run, shared_runs
from tests.s3_server import new_bucket, s3_server
from xltpipe.durable import digest_json

FEW, MANY, SMALL = 4, 76, 304


@dataclass(frozen=True)
class Run:
    """What one run took, in seconds, and the digest of all that it published."""

    start: float
    work: float
    digest: str


class Bench:
    def __init__(self, folder: Path, env: dict[str, str], *, model: str, beam: int) -> None:
        self.folder, self.env, self.model, self.beam = folder, env, model, beam
        self.number = 0

    def recipe(self, rows: int, shard_rows: int, engine: str, workers: int) -> Path:
        """The engine's own settings are incidental: all these recipes are one run."""
        place = self.folder / f"{engine}-{rows}-{shard_rows}" / "bench.toml"
        place.parent.mkdir(exist_ok=True)
        real_run.write_long_recipe(place, rows=rows, shard_rows=shard_rows, strategies=("corpus",))
        text = place.read_text(encoding="utf-8").replace('model = "en-es-tatoeba"\n', "")
        if engine == "copy":
            rules = ("copied", "identical", "similarity", "target_language")
            off = "\n[rules]\n" + "".join(f"{rule} = false\n" for rule in rules)
            text = text.replace('kind = "ctranslate2"', 'kind = "copy"') + off
        else:
            own = f'model = "{self.model}"\nbeam = {self.beam}\nthreads = 1\nworkers = {workers}'
            text = text.replace('kind = "ctranslate2"', f'kind = "ctranslate2"\n{own}')
        place.write_text(text, encoding="utf-8")
        return place

    def run(self, recipe: Path, executor: str, workers: int, store: str) -> Run:
        self.number += 1
        home = self.folder / f"run-{self.number}"
        env = self.env | {"XLTPIPE_CACHE": str(home)}
        data = f"{new_bucket()}/data" if store == "s3" else str(home / "data")
        verb = ("run", "--executor", executor, "--workers", str(workers))
        began = time.time()
        real_run.run(recipe, data, env, 3600, verb)
        made = {
            stage: max(path.stat().st_mtime for path in home.glob(f"**/{stage}/??/*/manifest.json"))
            for stage in ("read", "materialise")
        }
        published = shared_runs.corpus(data) if store == "s3" else real_run.corpus(Path(data))
        return Run(
            made["read"] - began,
            made["materialise"] - made["read"],
            digest_json(published)[:12],
        )

    def overhead(self, executor: str, store: str) -> float:
        """Seconds a shard costs beside its work, with two workers."""
        few, many = (
            self.run(self.recipe(SMALL, SMALL // shards, "copy", 1), executor, 2, store).work
            for shards in (FEW, MANY)
        )
        return (many - few) / (MANY - FEW)


ALONE = """
import json, sys, time
from pathlib import Path
from xltpipe.translation import CTranslate2

data, model, beam, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
texts = [json.loads(row)["text"] for row in data.read_text("utf-8").splitlines()]
engine = CTranslate2(model=model, beam=beam, threads=1, workers=workers).build("eng", "spa")
engine.translate(texts[:64], "eng", "spa")
began = time.perf_counter()
engine.translate(texts, "eng", "spa")
print(time.perf_counter() - began)
"""


def alone(bench: Bench, options: argparse.Namespace) -> None:
    """Print the lines of the engine without a pipeline around it."""
    data = bench.recipe(options.rows, options.shard_rows, "model", 1).with_suffix(".jsonl")
    first = 0.0
    for workers in options.workers:
        command = [sys.executable, "-c", ALONE, data, options.model, options.beam, workers]
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, check=True
        )
        took = float(done.stdout)
        first = first or took
        cells = "–", "engine alone", workers, "", f"{took:.1f}", f"{options.rows / took:.1f}"
        print(f"| {' | '.join(map(str, cells))} | {first / took:.2f} | | |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=2400)
    parser.add_argument("--shard-rows", type=int, default=100)
    parser.add_argument("--executors", nargs="+", default=["threads", "dask", "ray"])
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--stores", nargs="+", default=["local"], choices=["local", "s3"])
    parser.add_argument("--model", default="en-multi")
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--no-overhead", action="store_true")
    options = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {sys.version.split()[0]}: {options.rows} rows in shards of {options.shard_rows}, "
        f"{options.model}, beam {options.beam}\n\n"
        "| store | executor | workers | start s | work s | rows/s | to 1 worker | per shard ms | "
        "corpus |\n|---|---|---|---|---|---|---|---|---|"
    )
    digests: set[str] = set()
    with (
        tempfile.TemporaryDirectory(prefix="xltpipe-executors-") as name,
        s3_server() if "s3" in options.stores else nullcontext({}) as s3,
        real_run.server(Path(name) / "prefect") as url,
    ):
        env = real_run.environment(Path(name) / "prefect", url) | s3
        bench = Bench(Path(name), env, model=options.model, beam=options.beam)
        alone(bench, options)
        for store in options.stores:
            for executor in options.executors:
                digests |= rows_of(bench, options, store, executor)
    print(f"\ncorpora: {'all the same' if len(digests) == 1 else f'DIFFERENT: {digests}'}")
    return 0 if len(digests) == 1 else 1


def rows_of(bench: Bench, options: argparse.Namespace, store: str, executor: str) -> set[str]:
    """Print the lines of one executor on one store; the digests of its corpora."""
    alone, digests = 0.0, set()
    for workers in options.workers:
        engines = workers if executor == "threads" else 1
        recipe = bench.recipe(options.rows, options.shard_rows, "model", engines)
        found = bench.run(recipe, executor, workers, store)
        rate = options.rows / found.work
        alone = alone or rate
        last = workers == options.workers[-1] and not options.no_overhead
        overhead = f"{bench.overhead(executor, store) * 1e3:.0f}" if last else ""
        cells = (
            *(store, executor, workers, f"{found.start:.1f}", f"{found.work:.1f}"),
            *(f"{rate:.1f}", f"{rate / alone:.2f}", overhead, found.digest),
        )
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
        digests.add(found.digest)
    return digests


if __name__ == "__main__":
    sys.exit(main())
