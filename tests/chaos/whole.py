"""Faults of whole runs, by the command line: the flow's process, Prefect's server, its database."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from tests import real_run
from tests.chaos.processes import wait
from tests.chaos.scene import Said, Scene, end
from tests.chaos.services import Postgres, Server, postgres, server
from tests.chaos.trial import Told

PATIENCE = 900.0


class WholeScene(Scene):
    """The same recipe by `xltpipe run`: what it makes must be what the steps alone make."""

    def __init__(self, folder: Path, known: Scene, shared: Server, database: Postgres) -> None:
        self.shared, self.database, self.own = shared, database, False
        self.folder, self.recipe, self.undisturbed = folder, known.recipe, known.undisturbed
        self.ids, self.wanted, self.corpus = known.ids, known.wanted, known.corpus
        self.inside = False
        whole = folder / "as-a-whole"
        # the search for test rows that were seen before is no step of those that are walked alone
        wrong = [one for one in self.differences_of_a_run(whole) if not one.startswith("leaks/")]
        if wrong:
            raise RuntimeError(f"the command line makes other artefacts: {wrong}")
        self.wanted = real_run.contents(whole)

    def differences_of_a_run(self, data: Path) -> list[str]:
        said = self.run(data)
        return [said.words] if said.code else self.differences(data)

    def start(self, data: Path, **_: Any) -> subprocess.Popen[str]:
        url = None if self.own else self.shared.url
        return real_run.start(self.recipe, data, real_run.environment(self.folder / "prefect", url))

    def run(self, data: Path, **how: Any) -> Said:
        return end(self.start(data, **how), PATIENCE)


@contextmanager
def whole(folder: Path, known: Scene) -> Iterator[WholeScene]:
    """With a server on PostgreSQL that all runs share, but for those that start their own."""
    with ExitStack() as held:
        database = held.enter_context(postgres())
        shared = held.enter_context(server(folder / "server", database.address))
        yield WholeScene(folder, known, shared, database)


def _struck(
    scene: Scene, data: Path, chance: Random, strike: Callable[[WholeScene], None]
) -> tuple[str, Said]:
    """A run on the shared server, struck at a random moment; everything is up again afterwards."""
    assert isinstance(scene, WholeScene)
    process = scene.start(data)
    where = wait(scene, process, data, chance)
    strike(scene)
    return where, end(process, PATIENCE)


@contextmanager
def _of_its_own(scene: Scene) -> Iterator[None]:
    """Runs start a server for themselves."""
    assert isinstance(scene, WholeScene)
    scene.own = True
    try:
        yield
    finally:
        scene.own = False


@contextmanager
def run_killed(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """kill -9 of a run with a server of its own, which must be gone 5 s later."""
    with _of_its_own(scene):
        process = scene.start(data)
        where = wait(scene, process, data, chance)
        servers = real_run.servers_of(process)
        words = real_run.kill(process)
        real_run.wait_for(lambda: not any(s.is_running() for s in servers), 5)
        yield Told(where, Said(-9, words), killed=True)


@contextmanager
def own_server_killed(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """kill -9 of the server that a run started for itself."""
    with _of_its_own(scene):
        process = scene.start(data)
        where = wait(scene, process, data, chance)
        for one in real_run.servers_of(process):
            one.kill()
        yield Told(where, end(process, PATIENCE))


@contextmanager
def server_killed(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """kill -9 of the Prefect server, which comes back when the run has ended."""
    where, said = _struck(scene, data, chance, lambda s: s.shared.kill())
    scene.shared.start()  # type: ignore[attr-defined]
    yield Told(where, said)


@contextmanager
def server_restarted(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """kill -9 of the Prefect server, which comes back at once."""

    def strike(struck: WholeScene) -> None:
        struck.shared.kill()
        struck.shared.start()

    yield Told(*_struck(scene, data, chance, strike))


@contextmanager
def server_stopped(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """SIGSTOP and SIGCONT of the Prefect server."""

    def strike(struck: WholeScene) -> None:
        struck.shared.process.send_signal(signal.SIGSTOP)
        time.sleep(chance.uniform(2, 15))
        struck.shared.process.send_signal(signal.SIGCONT)

    yield Told(*_struck(scene, data, chance, strike))


@contextmanager
def database_killed(scene: Scene, data: Path, chance: Random) -> Iterator[Told]:
    """kill -9 of PostgreSQL, which comes back a little later and recovers."""

    def strike(struck: WholeScene) -> None:
        struck.database.kill()
        time.sleep(chance.uniform(0, 10))
        struck.database.start()

    yield Told(*_struck(scene, data, chance, strike))
