"""Speed of scoring on one core, beside OpusFilter on the same rows in alternating rounds.

    python benchmarks/quality.py speed [--peer PYTHON] [--rows 30782] [--rounds 5] [--profile]

`pure`: scorers over rows in memory. `whole`: from the Parquet shard to the Parquet of all scores
(OpusFilter: from two text files to its JSON lines). Rates are per second of CPU: the machine may
be busy with other things; all arms are held to one core and one thread.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq
import quality_data as data

from xltpipe.durable import write_table
from xltpipe.quality import SCORERS, language
from xltpipe.quality.batch import Batch
from xltpipe.quality.language import Languages
from xltpipe.quality.scorer import Scorer
from xltpipe.quality.stage import ROWS, score

RULES = tuple(s for s in SCORERS if s not in language.SCORERS)
ARMS: dict[str, tuple[Scorer, ...]] = {
    "rules": RULES,
    "rules and both languages": (*RULES, Languages().build()),
    "both languages": (Languages().build(),),
    "both languages, all asked": (Languages(always=True).build(),),
}
PEERS = (
    "rules",
    "rules without HtmlTag and Repetition",
    "cheapest rules",
    "rules and CLD2",
    "CLD2",
)

TEXTS = {
    "mafand": (data.MAFAND, ("eng", "swa")),
    "tatoeba": ("parallel/tatoeba.en-es.tsv", ("eng", "spa")),
}

Lap = tuple[float, float]
"""Seconds of wall and of CPU."""


class Peer:
    """OpusFilter in a process of its own, asked for one lap after the other."""

    def __init__(self, python: Path) -> None:
        script = Path(__file__).with_name("quality_opusfilter.py")
        self._process = subprocess.Popen(
            [str(python), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def lap(self, path: Path, name: str) -> dict[str, Lap]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the peer has no pipes")
        self._process.stdin.write(f"{path} {name}\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline() or '{"error": "it ended"}')
        if "error" in told:
            sys.exit(f"opusfilter, {name}: {told['error']}")
        return {kind: tuple(lap) for kind, lap in told.items()}

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def timed(work: Callable[[], object]) -> Lap:
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - cpu


def ours(shard: Path, scorers: Sequence[Scorer]) -> dict[str, Lap]:
    """One lap over a shard."""
    units = pq.read_table(shard)

    def whole() -> None:
        rows = pq.read_table(shard)
        write_table(score(rows, scorers).table(rows.column("id")), shard.with_suffix(".scores"))

    return {"pure": timed(lambda: score(units, scorers)), "whole": timed(whole)}


def profile(units: pa.Table, rounds: int) -> None:
    """Microseconds per row of each scorer, in their order: the first pays for what all share."""
    scorers = (*RULES, *ARMS["both languages"])
    laps: dict[str, list[float]] = {}
    for _ in range(rounds):
        spent: dict[str, float] = {}
        for start in range(0, units.num_rows, ROWS):
            begin = time.process_time()
            batch = Batch(units.slice(start, ROWS))
            spent["Batch"] = spent.get("Batch", 0.0) + time.process_time() - begin
            for scorer in scorers:
                begin = time.process_time()
                scorer.score(batch)
                name = f"{type(scorer).__name__} ({', '.join(c.name for c in scorer.columns)})"
                spent[name] = spent.get(name, 0.0) + time.process_time() - begin
        for name, seconds in spent.items():
            laps.setdefault(name, []).append(seconds / units.num_rows * 1e6)
    print("| scorer (columns) | us per row |\n|---|---|")
    for name, values in laps.items():
        print(f"| {name} | {median(values):.2f} |")
    total = sum(median(values) for name, values in laps.items() if "target_language" not in name)
    print(f"| all rules | {total:.2f} |\n")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = data.parser(__doc__)
    parser.add_argument("--peer", type=Path, help="python of an environment that has opusfilter")
    parser.add_argument("--text", choices=TEXTS, default="mafand", help="news, or short sentences")
    parser.add_argument("--rows", type=int, default=30_782)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="only: each scorer's share")
    options = parser.parse_args(arguments)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    file, langs = TEXTS[options.text]
    rows = data.pairs(data.home(options) / file)
    rows = rows[:: max(1, len(rows) // options.rows)][: options.rows]
    units = data.table(rows, langs)
    columns = sum(len(s.columns) for s in RULES)
    characters = sum(len(a) + len(b) for a, b in rows) / len(rows)
    text = f"{options.text}.{'-'.join(langs)}|n:{len(rows)}|characters:{characters:.0f}"
    data.signature("speed", f"{text}|cores:1|columns:{columns}")
    if options.profile:
        profile(units, options.rounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        shard = Path(folder, "part.parquet")
        write_table(units, shard)
        for side in (0, 1):
            name = f"part.parquet.{('source', 'target')[side]}"
            text = "\n".join(row[side].replace("\r", " ") for row in rows)
            Path(folder, name).write_text(text, "utf-8")
        score(units.slice(0, 2000), ARMS["rules and both languages"])  # load
        peer = Peer(options.peer) if options.peer else None
        laps: dict[str, list[dict[str, Lap]]] = {}
        for number in range(options.rounds):
            arms = [(f"ours: {name}", name) for name in ARMS]
            arms += [(f"OpusFilter: {name}", name) for name in PEERS] if peer else []
            turn = number % len(arms)
            for title, name in arms[turn:] + arms[:turn]:
                if title.startswith("ours"):
                    found = ours(shard, ARMS[name])
                else:
                    found = peer.lap(shard, name) if peer else {}
                laps.setdefault(title, []).append(found)
        if peer:
            peer.close()
    show(laps, len(rows))


def show(laps: dict[str, list[dict[str, Lap]]], rows: int) -> None:
    print("| arm | pure, rows/s of CPU (min-max) | whole | whole, rows/s of wall |")
    print("|---|---|---|---|")
    for title, own in sorted(laps.items(), reverse=True):
        pure, whole = ([rows / lap[kind][1] for lap in own] for kind in ("pure", "whole"))
        wall = [rows / lap["whole"][0] for lap in own]
        print(f"| {title} | {spread(pure)} | {spread(whole)} | {spread(wall)} |")
    for mine, theirs in (
        ("rules", "rules"),
        ("rules", "cheapest rules"),
        ("rules and both languages", "rules and CLD2"),
        ("both languages", "CLD2"),
    ):
        a, b = laps[f"ours: {mine}"], laps.get(f"OpusFilter: {theirs}")
        if b:
            told = [
                spread([y[kind][1] / x[kind][1] for x, y in zip(a, b, strict=True)], 1)
                for kind in ("pure", "whole")
            ]
            print(f"\n{mine} against {theirs}: pure {told[0]} times, whole {told[1]} times", end="")
    print()


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, with minimum and maximum."""
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


if __name__ == "__main__":
    main()
