"""What Prefect, the store, reading and writing cost, and whether memory grows with the corpus.

    python benchmarks/overhead.py time --rows 100000
    python benchmarks/overhead.py memory --rows 100000 1000000

`time` runs a recipe (embedded model, aligned projector, strategy corpus) with `xltpipe run`, and
the same functions on the same rows in one plain loop in memory, each in a process of its own; the
share of the difference in the run's time is the overhead. `memory` runs engine `copy` with
projector `markers` (the embedded model is too slow for a million rows) and compares peak memory.
Text: English sides of parallel_docs/en-es below ../shared/data (or XLTPIPE_SHARED).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("XLTPIPE_SHARED", ROOT.parent / "shared"))
MOST_WORDS = 60

RECIPE = """\
name = "overhead"
targets = ["spa"]
strategies = ["corpus"]
[train]
kind = "jsonl"
path = "rows.jsonl"
"""
COPY = """\
[translation]
kind = "copy"
[projection]
kind = "markers"
[rules]
copied = false
target_language = false
"""


def sentences() -> Iterator[str]:
    """Distinct English sentences, prose before software texts; with a number at the next rounds."""
    files = sorted((SHARED / "data/parallel_docs/en-es").glob("*.tsv.gz"))
    if not files:
        sys.exit(f"no text: {SHARED}/data/parallel_docs/en-es must hold .tsv.gz files")
    prose = ("tico19", "openstax", "programming", "privacy", "opensource")
    files.sort(key=lambda f: not f.name.startswith(prose))
    seen: set[str] = set()
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                text = line.split("\t", 1)[0]
                if text not in seen and len(text.split()) <= MOST_WORDS:
                    seen.add(text)
                    yield text
    for turn in range(1, 1000):
        for text in sorted(seen):
            yield f"{text} ({turn})"


def write_rows(path: Path, count: int) -> None:
    """JSONL in which capitalised words inside a sentence are spans, at most three of them."""
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(islice(sentences(), count)):
            names = re.finditer(r"(?<=[a-z,] )[A-Z][a-z]+", text)
            spans = [
                {"start": m.start(), "end": m.end(), "label": "NAME"} for m in islice(names, 3)
            ]
            file.write(json.dumps({"id": str(number), "text": text, "spans": spans}) + "\n")


def measured(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds (with children), and peak memory of the process in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed with {process.returncode}")
    wall = time.perf_counter() - started
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def run_command(folder: Path) -> list[str]:
    cli = [sys.executable, "-c", "from xltpipe.cli import main; main()"]
    return [*cli, "run", str(folder / "recipe.toml"), "--store", str(folder / "data")]


def plain(folder: Path) -> None:
    """The work itself: what a script without Prefect and store would do, all in memory."""
    from xltpipe import stages, tables
    from xltpipe.alignment import Auto
    from xltpipe.projection import Aligned
    from xltpipe.projection.aligned import words
    from xltpipe.quality import REASONS, SCORERS, Rules
    from xltpipe.quality.stage import judge, score
    from xltpipe.translation import CTranslate2
    from xltpipe.types import Example, Span

    with (folder / "rows.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    examples = [
        Example(r["id"], "eng", (r["text"],), tuple(Span(**s) for s in r["spans"])) for r in rows
    ]
    translator = CTranslate2().build("eng", "spa")
    sender, units = Aligned().build(None), []
    for batch in tables.batches(iter(examples), 2000):
        units += stages.translate(batch, translator, sender, "spa")
    spec, _ = Auto().resolve(len(units), True, "eng", "spa")
    home = folder / "aligner"
    spec.train(((words(u.source, 0), words(u.target, 0)) for u in units), home)
    projector = Aligned().build(spec.build(home, "eng", "spa"))
    kept = 0
    for batch in tables.batches(iter(units), 2000):
        table = tables.units_to_table(stages.project(batch, projector))
        judged = judge(table, score(table, SCORERS).columns, Rules(), REASONS)
        kept += judged.column("reason").null_count
    print(kept)


def time_(rows: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "rows.jsonl", rows)
        (folder / "recipe.toml").write_text(RECIPE)
        bare = measured([sys.executable, __file__, "plain", "--folder", name])
        full = measured(run_command(folder))
        again = measured(run_command(folder))
    print(f"{rows} rows, embedded model, beam 2, projector aligned, strategy corpus")
    print("| | wall s | CPU s | peak MiB |\n|---|---|---|---|")
    for what, row in (("plain loop", bare), ("xltpipe run", full), ("second run", again)):
        print(f"| {what} | {row[0]:.1f} | {row[1]:.1f} | {row[2]:.0f} |")
    for what, k in (("wall", 0), ("CPU", 1)):
        print(
            f"overhead, share of {what} time: {(full[k] - bare[k]) / full[k]:+.3f} (goal <= 0.05)"
        )


def memory(counts: list[int]) -> None:
    peaks = []
    print("engine copy, projector markers, strategy corpus")
    print("| rows | wall s | CPU s | peak MiB of the run |\n|---|---|---|---|")
    for rows in counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_rows(folder / "rows.jsonl", rows)
            (folder / "recipe.toml").write_text(RECIPE + COPY)
            wall, cpu, peak = measured(run_command(folder))
        peaks.append(peak)
        print(f"| {rows} | {wall:.1f} | {cpu:.1f} | {peak:.0f} |", flush=True)
    if len(peaks) > 1:
        print(f"ratio of the last to the first peak: {peaks[-1] / peaks[0]:.2f} (goal <= 1.25)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", choices=["time", "memory", "plain"])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.what == "plain":
        plain(options.folder)
        return
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    if options.what == "time":
        time_(options.rows[0])
    else:
        memory(options.rows)


if __name__ == "__main__":
    main()
