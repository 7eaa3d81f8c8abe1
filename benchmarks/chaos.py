"""Strike runs with random faults, run again, and compare with a run that nobody disturbed.

    .venv/bin/python benchmarks/chaos.py [--faults 100] [--seed 1] [--prefect 10] [--only NAME …]

Every fault has a store of its own and a random moment, place or size; the same command then runs to
its end. The recipe is small, but its model, aligner, rules and CRF are the real ones, and its rows
are kept, rejected and quarantined. `--prefect` of the faults strike whole runs with their server
(killed, stopped, its database killed); the others run the same steps without Prefect.

A fault counts as survived if the run that it struck went on, or told exactly one error, and the
next run made every artefact and every published file as the undisturbed run did, to the byte, with
in = kept + rejected + quarantined, none lost, none twice. Exit code 1 if one was not.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from tests.chaos import engines, whole
from tests.chaos.kinds import KINDS, WHOLE, Kind
from tests.chaos.scene import Scene
from tests.chaos.trial import Trial, strike


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def draw(kinds: dict[str, Kind], faults: int, chance: random.Random) -> list[str]:
    """Names of faults: each kind once if there is room, the others by weight; in random order."""
    names = list(kinds)
    chance.shuffle(names)
    names = names[:faults]
    if kinds:
        weights = [kind.weight for kind in kinds.values()]
        names += chance.choices(list(kinds), weights, k=faults - len(names))
    chance.shuffle(names)
    return names


def possible(kinds: dict[str, Kind], only: Sequence[str]) -> dict[str, Kind]:
    """The kinds that were asked for and that this machine can have; the others are told."""
    wanted = {name: k for name, k in kinds.items() if not only or any(o in name for o in only)}
    for name, kind in wanted.items():
        if why := kind.lacks():
            print(f"left out: {name}: {why}")
    return {name: kind for name, kind in wanted.items() if not kind.lacks()}


def trials(folder: Path, names: Sequence[str], seed: int, jobs: int) -> Iterator[Trial]:
    """Trials as they end, so many at a time; those that share a server come one after another."""
    kinds = KINDS | WHOLE
    with ExitStack() as held:
        scenes = {"embedded": Scene(folder / "embedded")}
        for name, opened in (("served", engines.served), ("whole", whole.whole)):
            if any(kinds[one].scene == name for one in names):
                scenes[name] = held.enter_context(opened(folder / name, scenes["embedded"]))
        alone = {name: Lock() if name != "embedded" else nullcontext() for name in scenes}

        def trial(number: int, name: str) -> Trial:
            kind, chance = kinds[name], random.Random(f"{seed} {number}")  # noqa: S311
            with alone[kind.scene]:
                place = folder / f"{number:03d}"
                return strike(name, kind.fault, scenes[kind.scene], place, chance)

        pool = held.enter_context(ThreadPoolExecutor(jobs))
        struck = [pool.submit(trial, number, name) for number, name in enumerate(names)]
        for ended in as_completed(struck):
            yield ended.result()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prefect", type=int, default=10, help="of them strike whole runs")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time")
    parser.add_argument("--only", nargs="*", default=(), help="parts of names of faults")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311
    names = draw(possible(WHOLE, options.only), options.prefect, chance)
    names += draw(possible(KINDS, options.only), options.faults - len(names), chance)
    chance.shuffle(names)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {sys.version.split()[0]}, seed {options.seed}\n\n{line(('', *Trial.HEAD))}\n"
        f"|{'---|' * (len(Trial.HEAD) + 1)}"
    )
    began, done = time.perf_counter(), []
    with tempfile.TemporaryDirectory(prefix="xltpipe-chaos-") as folder:
        for trial in trials(Path(folder), names, options.seed, options.jobs):
            done.append(trial)
            print(line((str(len(done)), *trial.row())), flush=True)
            for wrong in trial.wrong:
                print(f"  {wrong[:2000]}", flush=True)
    rows = [trial.rows for trial in done if trial.rows]
    print(
        f"\n{len(done)} faults of {len(set(names))} kinds in {time.perf_counter() - began:.0f} s: "
        f"{sum(not trial.wrong for trial in done)} survived; of {sum(r.given for r in rows)} rows "
        f"{sum(r.kept for r in rows)} kept, {sum(r.rejected for r in rows)} rejected, "
        f"{sum(r.quarantined for r in rows)} quarantined, {sum(r.lost for r in rows)} lost, "
        f"{sum(r.duplicated for r in rows)} duplicated"
    )
    return 1 if any(trial.wrong for trial in done) or len(done) < options.faults else 0


if __name__ == "__main__":
    sys.exit(main())
