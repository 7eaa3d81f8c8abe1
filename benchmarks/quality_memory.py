"""Memory: the highest resident size of scoring and of the search for duplicates, by rows.

    python benchmarks/quality.py memory [--rows 100000 300000 1000000]

Each size runs in a process of its own, shard by shard of 10,000 rows from Parquet, as a run does.
Rows are halves of MAFAND sentences put together anew, with one copy and one near copy in a hundred.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import quality_data as data

from xltpipe.durable import write_table
from xltpipe.quality import SCORERS
from xltpipe.quality.duplicates import Duplicates, find
from xltpipe.quality.stage import score

SHARD = 10_000


def main(arguments: Sequence[str] | None = None) -> None:
    parser = data.parser(__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--step", choices=("write", "score", "exact", "near"), help="of one child")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args(arguments)
    if options.step:
        child(options.step, options.folder, options.rows[0], data.home(options))
        return
    data.signature("memory", f"mafand.en-swa.train, halves recombined|shard:{SHARD}")
    print("| rows | step | highest resident MiB | above importing only | us of CPU per row |")
    print("|---|---|---|---|---|")
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            for step in ("write", "score", "exact", "near"):
                command = [sys.executable, str(Path(__file__).with_name("quality.py")), "memory"]
                command += ["--step", step, "--folder", folder, "--rows", str(rows)]
                command += ["--data", str(options.data)]
                made = subprocess.run(command, check=True, capture_output=True, text=True)
                if step != "write":
                    print(f"| {rows:,} | {made.stdout.strip()} |", flush=True)


def child(step: str, folder: Path, rows: int, home: Path) -> None:
    """One step over all shards, then the peak of this process."""
    if step == "write":
        _write(folder, rows, home)
        return
    before, begin = _peak(), time.process_time()
    found = 0
    if step == "score":
        for _, units in _shards(folder, rows):
            scores = score(units, SCORERS).table(units.column("id"))
            write_table(scores, folder / "scores.parquet")
    else:
        (folder / step).mkdir()
        settings = Duplicates(near=step == "near")
        found = find(_shards(folder, rows), settings, folder / step).num_rows
    seconds = time.process_time() - begin
    name = f"{step}, {found:,} rows in groups" if found else step
    print(f"{name} | {_peak():.0f} | {_peak() - before:.0f} | {seconds / rows * 1e6:.1f}")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _shards(folder: Path, rows: int) -> Iterator[tuple[int, pa.Table]]:
    for number in range(-(-rows // SHARD)):
        yield number, pq.read_table(folder / f"part-{number:05}.parquet")


def _write(folder: Path, rows: int, home: Path) -> None:
    pairs = data.pairs(home / data.MAFAND)
    draw = random.Random(1)  # noqa: S311
    last: list[tuple[str, str]] = []
    for number in range(-(-rows // SHARD)):
        made: list[tuple[str, str]] = []
        for k in range(min(SHARD, rows - number * SHARD)):
            one, other = draw.choice(pairs), draw.choice(pairs)
            pair = (_halves(one[0], other[0]), _halves(one[1], other[1]))
            if k % 100 == 98 and last:
                pair = draw.choice(last)
            elif k % 100 == 99 and last:
                source, target = draw.choice(last)
                pair = (f"{source} too", f"{target} pia")
            made.append(pair)
        write_table(data.table(made, ("eng", "swa")), folder / f"part-{number:05}.parquet")
        last = made


def _halves(one: str, other: str) -> str:
    a, b = one.split(), other.split()
    return " ".join([*a[: len(a) // 2 + 1], *b[len(b) // 2 :]])


if __name__ == "__main__":
    main()
