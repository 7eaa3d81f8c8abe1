"""Running a recipe from the terminal: Prefect's settings, progress bars, and a clean stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from xltpipe import progress
from xltpipe.addresses import cache_folder
from xltpipe.catalogue import connect
from xltpipe.cli import render
from xltpipe.cli.environment import settle
from xltpipe.cli.made_models import models
from xltpipe.errors import MissingExtraError, TransientError, XltError
from xltpipe.mirrored import open_store
from xltpipe.mt.delivery import check_free, deliver
from xltpipe.mt.recipe import Training
from xltpipe.preflight import preflight
from xltpipe.recipe import Recipe
from xltpipe.store import Shard, Store
from xltpipe.veil import veiled

GRACE = 4.0
"""Seconds that running shards get to stop before the process ends; the store survives either."""


def execute(recipe: Recipe, data: str, *, verbose: bool) -> int:
    """Run the experiment in this process and show what came of it; the exit code."""
    settle(data, verbose=verbose)
    look_up_secrets()
    store = open_store(data, cache_folder(os.environ))  # one not to be used is told before Prefect
    run = recipe.run
    preflight(recipe)

    def experiment() -> Callable[[], object]:
        from flows.experiment import experiment

        return lambda: experiment(recipe)

    _finished(store, run, conduct(run, store, experiment, verbose=verbose))
    return 0


def execute_training(
    recipe: Training, output: Path, data: str, *, force: bool, verbose: bool
) -> int:
    """Train a translation model in this process and copy it to `output`; the exit code."""
    recipe.fingerprint()  # files that are missing are told before Prefect starts
    check_free(output, force=force)
    settle(data, verbose=verbose)
    look_up_secrets()
    store = open_store(data, cache_folder(os.environ))
    made: list[Shard] = []

    def training() -> Callable[[], object]:
        from flows.train_mt import train_mt

        return lambda: made.append(train_mt(recipe))

    conduct(recipe.name, store, training, verbose=verbose)
    (shard,) = made
    deliver(store.path(shard), output, force=force)
    counts = (store.manifest(shard) or {}).get("counts", {})
    render.console.print(f"{recipe.name}: {counts}", markup=False)
    render.console.print(f'model: {output}; use it by translation.model = "{output}"', markup=False)
    return 0


def confine(recipe: Recipe | Training, *, itself: bool) -> None:
    """Hold a recipe to the folders that the environment names, or to its own (`itself`).

    Raises:
        RecipeError: it reaches beyond.
    """
    check_flows()
    from tasks.confinement import FOLDERS, confined

    if itself:
        home = recipe.folder if isinstance(recipe, Recipe) else str(recipe.root)
        os.environ[FOLDERS] = home  # the flow looks, too
    confined(recipe)


def look_up_secrets() -> None:
    if find_spec("tasks") is not None:  # what the wheel lacks is told later
        import tasks.credentials  # noqa: F401 - secrets are looked up as it says


def conduct(
    run: str, store: Store, load: Callable[[], Callable[[], object]], *, verbose: bool
) -> float:
    """Run a flow on a Prefect server with progress shown; the seconds it took.

    `load` imports the flow, which takes seconds, in which the server starts.
    """
    store.sweep()
    logging.getLogger("xltpipe.store").addHandler(progress.Noting())
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    started = time.perf_counter()
    with _stopping(console), _server(console, run, store.root) as ready:
        flow = load()
        ready()
        with _bars(console, quiet=verbose), _answering():
            flow()
    for note in progress.notes:
        console.print(f"note: {note}", markup=False)
    return time.perf_counter() - started


@contextmanager
def _server(console: Console, run: str, root: Path) -> Iterator[Callable[[], None]]:
    """The configured Prefect server, a kept one, or our own; yields what waits for it."""
    check_flows()
    from prefect.settings import get_current_settings

    from tasks import kept
    from tasks.server import discard_early, own_server, ready

    url = get_current_settings().api.url
    if url:
        discard_early()
        known = kept.known_server()
        which = "the kept" if known is not None and known.url == url else "the"
        console.print(f"run {run}, on {which} Prefect server {veiled(url)}")
        yield lambda: None
        return
    console.print(f"run {run}, on a Prefect server of its own (PREFECT_API_URL is not set)")
    log = root / "server.log"
    with own_server(log):
        yield lambda: ready(log)


@contextmanager
def _answering() -> Iterator[None]:
    """Tell of a Prefect server that went away in one error, whatever Prefect made of it.

    Raises:
        TransientError: what stopped the flow is no error of ours, and the server is silent.
    """
    try:
        yield
    except XltError:
        raise
    except Exception as error:
        from prefect.settings import get_current_settings

        from tasks.server import answers

        url = get_current_settings().api.url
        if url is None or answers(url):
            raise
        raise TransientError(
            f"Prefect server must answer, was: {url} silent ({type(error).__name__}: {error}); "
            "start it again, or unset PREFECT_API_URL; what is complete is kept, and the same "
            "command goes on"
        ) from error


def check_flows() -> None:
    """Meet a wheel without the application.

    Raises:
        MissingExtraError: flows and tasks cannot be imported.
    """
    if find_spec("flows") is None or find_spec("tasks") is None:
        raise MissingExtraError(
            "Verb run must find the flows, which are not part of the wheel: run it in a checkout "
            "(git clone, pip install -e .) or in the image"
        )


def _finished(store: Store, run: str, seconds: float) -> None:
    made, reused = progress.made.total(), progress.reused.total()
    say = render.console.print
    if made:
        steps = ", ".join(f"{stage} {n}" for stage, n in progress.made.items())
        say(
            f"{run}: made {made} artefacts ({steps}), took {reused} from the shelf, "
            f"in {render.duration(seconds)}"
        )
    else:
        say(f"{run}: nothing to do, all {reused} artefacts were on the shelf")
    with connect(store) as connection:
        render.summary(connection, run)
    say(f"catalogue: {store.root / 'xltpipe.duckdb'}")
    corpus = store.root / "corpus" / f"run={run}"
    if corpus.exists():
        say(f"corpus: {f'{store.address}/corpus/run={run}' if store.shared else corpus}")
    for line in models(store, run):
        say(line, markup=False, soft_wrap=True)
    say(f"next: xltpipe show {run}, xltpipe report {run}, xltpipe quality preview {run}")


@contextmanager
def _stopping(console: Console) -> Iterator[None]:
    """Ctrl-C ends running shards at their next tick, and the process after a grace."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_: int, __: FrameType | None) -> None:
        progress.stop()
        console.print("stopping; what is complete is kept …")
        last = threading.Timer(GRACE, _end)
        last.daemon = True
        last.start()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end() -> None:
    os._exit(130)


def _bars(console: Console, *, quiet: bool) -> AbstractContextManager[None]:
    if quiet or not sys.stderr.isatty():
        return nullcontext()
    return Bars(console)


class Bars(AbstractContextManager[None]):
    """Progress bars, one per step, with rate and time left."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:>10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        self._started: dict[str, float] = {}

    def __enter__(self) -> None:
        self._progress.start()
        progress.listen(self)

    def __exit__(self, *_: object) -> None:
        progress.leave(self)
        self._progress.stop()

    def expect(self, step: str, rows: int | None) -> None:
        with self._lock:
            task = self._tasks.get(step)
            if task is None:
                self._tasks[step] = self._progress.add_task(step, total=rows, rate="")
                self._started[step] = time.perf_counter()
            else:
                total = self._progress.tasks[task].total or 0
                self._progress.update(task, total=total + (rows or 0))

    def tick(self, step: str, rows: int) -> None:
        with self._lock:
            known = step in self._tasks
        if not known:
            self.expect(step, None)  # nobody knows how much there is
        with self._lock:
            task = self._tasks[step]
            self._progress.advance(task, rows)
            done = self._progress.tasks[task].completed
            seconds = max(1e-3, time.perf_counter() - self._started[step])
            self._progress.update(task, rate=f"{done / seconds:,.0f}/s")
