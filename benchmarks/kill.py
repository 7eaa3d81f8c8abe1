"""Kill runs at random moments, run again, and compare with a run that nobody disturbed.

    nice .venv/bin/python benchmarks/kill.py [--kills 30] [--seed 1] [--rows 2000] [--own-every 5]

Every kill (SIGKILL to the process of `xltpipe run`) has a store of its own and a moment drawn
evenly from the whole duration of an undisturbed run, start-up included; the same command then runs
to its end. The recipe is the quickstart's (three strategies, embedded model, CRF) on its sentences
over and over, so that translating lasts. Runs share one Prefect server, but every fifth starts its
own, which must be gone 5 s after the kill.

Exit code 1 if any artefact differs from the undisturbed run's or was complete and built again.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests import real_run

FIRST = "starting"


@dataclass(frozen=True)
class Kill:
    """What one kill met, and what the next run made of it."""

    moment: float
    own_server: bool
    ended: bool
    stage: str
    complete: int
    partial: int
    made_later: int
    again: int
    identical: bool
    server_gone: bool

    @property
    def good(self) -> bool:
        return self.identical and self.server_gone and not self.again

    def row(self) -> str:
        cells = [
            f"{self.moment:.2f}",
            "own" if self.own_server else "shared",
            "ended before" if self.ended else self.stage,
            str(self.complete),
            str(self.partial),
            str(self.made_later),
            str(self.again),
            "yes" if self.identical else "NO",
            "yes" if self.server_gone else "NO",
        ]
        return f"| {' | '.join(cells)} |"


COLUMNS = (
    "killed after s",
    "Prefect server",
    "newest artefact",
    "complete",
    "partial",
    "made later",
    "made twice",
    "identical",
    "no server left",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


class Trial:
    """The undisturbed runs, and kills to compare with them."""

    def __init__(self, folder: Path, rows: int, url: str) -> None:
        self.folder = folder
        self.recipe = real_run.write_long_recipe(
            folder / "kill.toml", rows=rows, shard_rows=100, strategies=real_run.ALL
        )
        self.shared = real_run.environment(folder / "prefect", url)
        self.own = real_run.environment(folder / "prefect-own", None)
        self.seconds = {
            False: self._timed(folder / "undisturbed", self.shared),
            True: self._timed(folder / "undisturbed-own", self.own),
        }
        self.wanted = real_run.contents(folder / "undisturbed")
        self.corpus = real_run.corpus(folder / "undisturbed")

    def _timed(self, data: Path, env: dict[str, str]) -> float:
        started = time.perf_counter()
        real_run.run(self.recipe, data, env)
        return time.perf_counter() - started

    def kill(self, number: int, moment: float, *, own_server: bool) -> Kill:
        data, env = self.folder / f"killed-{number}", self.own if own_server else self.shared
        process = real_run.start(self.recipe, data, env)
        time.sleep(moment)
        servers = real_run.servers_of(process)
        ended = process.poll() is not None
        real_run.kill(process)
        gone = _gone(servers)
        before = real_run.complete(data)
        partial = _partial(data, len(before))
        stage = _newest(data)
        real_run.run(self.recipe, data, env)
        after = real_run.complete(data)
        return Kill(
            moment,
            own_server,
            ended,
            stage,
            len(before),
            partial,
            len(after) - len(before),
            len(real_run.built_again(before, after)),
            real_run.contents(data) == self.wanted and real_run.corpus(data) == self.corpus,
            gone,
        )


def _gone(servers: list[real_run.psutil.Process]) -> bool:
    try:
        real_run.wait_for(lambda: not any(s.is_running() for s in servers), 5)
    except TimeoutError:
        return False
    return True


def _partial(data: Path, complete: int) -> int:
    """Folders that a kill left without a true manifest: aside, or in place."""
    store = data / "store"
    aside = len(list((store / ".tmp").glob("*"))) if store.exists() else 0
    placed = [p for p in store.glob("[a-z]*/??/*") if len(p.name) == 64]
    return aside + len(placed) - complete


def _newest(data: Path) -> str:
    found = real_run.manifests(data)
    return max(found, key=lambda p: p.stat().st_mtime_ns).parts[-4] if found else FIRST


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--own-every", type=int, default=5, help="0: never")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 - nothing secret
    kills: list[Kill] = []
    with (
        tempfile.TemporaryDirectory(prefix="xltpipe-kill-") as name,
        real_run.server(Path(name) / "prefect") as url,
    ):
        trial = Trial(Path(name), options.rows, url)
        print(
            f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python "
            f"{sys.version.split()[0]}, seed {options.seed}, {options.rows} rows: "
            f"{len(trial.wanted)} artefacts; undisturbed, a run takes "
            f"{trial.seconds[False]:.1f} s, with a server of its own {trial.seconds[True]:.1f} s"
            f"\n\n{HEAD}"
        )
        for number in range(options.kills):
            own = bool(options.own_every) and number % options.own_every == options.own_every - 1
            moment = chance.uniform(0, trial.seconds[own])
            kills.append(trial.kill(number, moment, own_server=own))
            print(kills[-1].row(), flush=True)
    bad = sum(not kill.good for kill in kills)
    print(
        f"\n{len(kills)} kills, {sum(k.ended for k in kills)} of them after the run had ended, "
        f"{sum(k.partial > 0 for k in kills)} left something partial; "
        f"{sum(k.complete for k in kills)} complete artefacts met, {sum(k.again for k in kills)} "
        f"made twice; identical to the undisturbed run: {sum(k.identical for k in kills)} of "
        f"{len(kills)}; servers left: {sum(not k.server_gone for k in kills)}"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
