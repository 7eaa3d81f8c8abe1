"""Start what docker-compose.yml starts, without containers, and use it as people do.

    make stack        # or: .venv/bin/python -m benchmarks.stack [--pictures docs/images]

PostgreSQL in a folder of its own, the Prefect server with authentication, two workers, the
deployments of prefect.yaml and the automations; commands and environments are those of
docker-compose.yml. Then: a schedule that fires; a run with changed parameters; a corpus whose event
starts a training; a worker killed in mid-run, whose run the other one finishes; the interface in
Chromium; the corpus in DuckDB. Prints what it saw; exit code 1 at the first thing that is not so.
Needs Debian's postgresql and chromium. Everything is ended and removed afterwards.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import psutil

from tests import real_run, services
from tests.chromium import PROGRAM, Tab, chromium
from tests.services import Compose

TINY, LONG = 40, 3000
"""Rows of the two recipes: one to be quick, one to be killed."""

SLACK = float(os.environ.get("STACK_SLACK", "1"))
"""How many times the usual patience: a machine may be busy with other work."""

BEGAN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


def check(true: object, text: str) -> None:
    if not true:
        raise AssertionError(text)
    say(f"ok      {text}")


def wait(true: Callable[[], object], patience: float, text: str) -> None:
    try:
        took = real_run.wait_for(true, SLACK * patience, 0.5)
    except TimeoutError as error:
        raise AssertionError(f"{text}: {error}") from error
    say(f"ok      {text} (waited {took:.0f} s)")


@dataclass
class Api:
    """Prefect's API, asked with the credentials of .env."""

    stack: Compose

    def ask(self, path: str, body: object = None, method: str | None = None) -> Any:
        secret = base64.b64encode(self.stack.credentials.encode()).decode()
        request = urllib.request.Request(  # noqa: S310 - our own http address
            f"{self.stack.url}/api/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Basic {secret}"},
            method=method,
        )
        for tries_left in (4, 3, 2, 1, 0):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                    return json.loads(answer.read() or "null")
            except urllib.error.HTTPError as error:
                # a server that is short of time says so; Prefect's own client tries again, too
                if error.code < 500 or not tries_left:
                    raise
                time.sleep(5 - tries_left)
        raise AssertionError

    def runs(self, **filters: object) -> list[dict[str, Any]]:
        return list(self.ask("flow_runs/filter", {"flow_runs": filters} if filters else {}))

    def run(self, id: str) -> dict[str, Any]:
        return dict(self.ask(f"flow_runs/{id}"))

    def state(self, id: str) -> str:
        return str(self.run(id)["state"]["name"])

    def deployment(self, name: str) -> dict[str, Any]:
        return dict(self.ask(f"deployments/name/{name}"))

    def start(self, deployment: str, **parameters: object) -> str:
        """What the button Run of the interface does."""
        id = self.deployment(deployment)["id"]
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self.ask(f"deployments/{id}/create_flow_run", body)["id"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="where screenshots go (else nowhere to stay)")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and store")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="xltpipe-stack-"))
    try:
        whole(folder, asked.pictures or folder)
    except BaseException:
        show_logs(folder)
        raise
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    say("all of it seen")
    return 0


def whole(folder: Path, pictures: Path) -> None:
    if PROGRAM is None:
        raise AssertionError("chromium must be installed: apt-get install chromium")
    stack = services.compose(folder, {"XLTPIPE_RECIPES": str(write_recipes(folder / "recipes"))})
    api = Api(stack)
    before = {process.pid for process in psutil.process_iter()}
    with ExitStack() as running:
        running.enter_context(services.postgres(stack))
        say("ok      PostgreSQL answers")
        running.enter_context(services.server(stack, SLACK * 240))
        say(f"ok      Prefect server answers at {stack.url}")
        nobody_enters(stack)
        deployments(stack, api)
        workers = {
            name: running.enter_context(services.started(stack, "worker", name, "--name", name))
            for name in ("worker-1", "worker-2")
        }
        wait(lambda: len(online(api)) == len(workers), 120, "two workers are online")
        schedule(api)
        changed_parameters(stack, api)
        event_starts_a_training(stack, api)
        lost = worker_lost(stack, api, workers)
        seen_in_the_interface(stack, api, lost, pictures)
    in_duckdb(stack)
    left = [p for p in psutil.process_iter() if p.pid not in before and belongs(p, folder)]
    check(not left, "nothing is left running")


def write_recipes(folder: Path) -> Path:
    folder.mkdir()
    real_run.write_recipe(folder / "quickstart.toml", rows=TINY)
    real_run.write_long_recipe(
        folder / "long.toml", rows=LONG, shard_rows=100, strategies=("corpus",)
    )
    return folder


def nobody_enters(stack: Compose) -> None:
    request = urllib.request.Request(f"{stack.url}/api/flow_runs/filter", b"{}", method="POST")  # noqa: S310 - our own
    try:
        urllib.request.urlopen(request, timeout=20)  # noqa: S310 - our own http address
        code = 200
    except urllib.error.HTTPError as error:
        code = error.code
    check(code == 401, f"the API without credentials answers {code}")


def deployments(stack: Compose, api: Api) -> None:
    """What the service `deployments` of docker-compose.yml does: it runs once and ends."""
    check((real_run.REPOSITORY / "prefect.yaml").exists(), "there are deployments in prefect.yaml")
    with services.started(stack, "deployments") as process:
        code = process.wait(SLACK * 240)
    words = (stack.folder / "deployments.log").read_text(encoding="utf-8")
    check(code == 0, f"deployments and automations are registered\n{words}" if code else "deployed")
    names = sorted(one["name"] for one in api.ask("deployments/filter", {}))
    say(f"        deployments: {', '.join(names)}")
    rules = sorted(one["name"] for one in api.ask("automations/filter", {}))
    check(len(rules) == 2, f"automations: {', '.join(rules)}")


def online(api: Api) -> list[dict[str, Any]]:
    workers = api.ask("work_pools/cpu/workers/filter", {})
    return [one for one in workers if one["status"] == "ONLINE"]


def schedule(api: Api) -> None:
    """A cron schedule of every minute on the nightly deployment, taken away when it has fired."""
    id = api.deployment("launch/nightly")["id"]
    every = {"schedule": {"cron": "* * * * *"}, "active": True, "slug": "every-minute"}
    api.ask(f"deployments/{id}/schedules", [every])
    fired: list[dict[str, Any]] = []

    def done() -> bool:
        of_it = {"deployment_id": {"any_": [id]}, "state": {"type": {"any_": ["COMPLETED"]}}}
        fired[:] = [one for one in api.runs(**of_it) if one["auto_scheduled"]]
        return bool(fired)

    wait(done, 240, "a schedule fired and its run completed")
    one = fired[-1]
    say(f"        {one['name']!r}: due {one['expected_start_time']}, began {one['start_time']}")
    (mine,) = [
        s for s in api.deployment("launch/nightly")["schedules"] if s["slug"] == every["slug"]
    ]
    api.ask(f"deployments/{id}/schedules/{mine['id']}", method="DELETE")


def changed_parameters(stack: Compose, api: Api) -> None:
    """A run of a deployment with other parameters than its own does what they say."""
    own = api.deployment("launch/experiment")["parameters"]
    asked = {"strategies": ["zero_shot"], "limit": 12}
    id = api.start("launch/experiment", **asked)
    completed(api, id, f"run {id} with {asked} instead of {own} completed")
    records = [json.loads(p.read_text("utf-8")) for p in (stack.data / "store/runs").glob("*.json")]
    made = [r for r in records if r["recipe"]["train"].get("limit") == asked["limit"]]
    check(
        [r["recipe"]["strategies"] for r in made] == [asked["strategies"]],
        f"it did what they say: run {made[0]['run']}, {api.run(id)['name']!r}",
    )


def completed(api: Api, id: str, text: str, patience: float = 240) -> None:
    ended: list[str] = []

    def over() -> bool:
        state = api.run(id)["state"]
        ended[:] = [state["type"], state.get("message") or ""]
        return state["type"] in {"COMPLETED", "FAILED", "CANCELLED"}

    wait(over, patience, f"run {id} ended")
    check(ended[0] == "COMPLETED", f"{text}" if ended[0] == "COMPLETED" else f"{text}: {ended}")


def event_starts_a_training(stack: Compose, api: Api) -> None:
    """The example automation: a new corpus starts a training on it."""
    file = real_run.REPOSITORY / "flows" / "automations" / "train-on-new-corpus.yaml"
    subprocess.run(
        [sys.executable, "-m", "tasks.automations", str(file)],
        cwd=real_run.REPOSITORY,
        env=stack.environment("deployments"),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    completed(api, api.start("launch/experiment", strategies=["corpus"]), "a corpus was made")
    found: list[dict[str, Any]] = []

    def told() -> bool:
        wanted = {"event": {"name": ["xltpipe.corpus.materialised"]}}
        found[:] = api.ask("events/filter", {"filter": wanted})["events"]
        return bool(found)

    wait(told, 60, "event xltpipe.corpus.materialised")
    say(f"        {json.dumps(found[0]['resource'], ensure_ascii=False)}")
    id = api.deployment("launch/translate-train")["id"]
    wait(
        lambda: api.runs(deployment_id={"any_": [id]}, state={"type": {"any_": ["COMPLETED"]}}),
        180,
        "the automation started launch/translate-train, which completed",
    )


def worker_lost(stack: Compose, api: Api, workers: dict[str, psutil.Popen]) -> str:
    """Kill the worker that has the run, with the run itself, as if its machine were gone."""
    wait(lambda: not busy(api), 240, "nothing else is running")
    before = stages(stack, "translate")
    id = api.start("launch/experiment", recipe="long")
    wait(lambda: stages(stack, "translate") >= before + 3, 240, "a long run is translating")
    first = holder(api, id, workers)
    done = real_run.complete(stack.data)
    count = services.kill_all(workers[first])
    say(f"        killed {first} and its run: {count} processes, SIGKILL")
    undisturbed = alone(stack)
    say("ok      the same recipe ran undisturbed in another store meanwhile")
    wait(lambda: "Crashed" in history(api, id), 300, "the lost run was found: Crashed")
    wait(lambda: api.state(id) == "Running", 120, "and taken up again: Running")
    second = holder(api, id, workers)
    completed(api, id, f"{second} finished the run of {first}", 400)
    say(f"        states: {' → '.join(history(api, id))}; starts: {api.run(id)['run_count']}")
    check(first != second, "another worker finished the run")
    check(
        real_run.built_again(done, real_run.complete(stack.data)) == [],
        f"of {len(done)} artefacts that were there none was made again",
    )
    mine = {k: v for k, v in real_run.corpus(stack.data).items() if "run=long-" in k}
    check(mine == real_run.corpus(undisturbed), "its corpus is the undisturbed one, to the byte")
    return id


def busy(api: Api) -> bool:
    types = ["RUNNING", "PENDING", "CANCELLING"]
    return bool(api.runs(state={"type": {"any_": types}}))


def stages(stack: Compose, stage: str) -> int:
    return len(real_run.manifests(stack.data, stage))


def holder(api: Api, id: str, workers: dict[str, psutil.Popen]) -> str:
    """The worker whose descendant executes the run."""
    pid = int(str(api.run(id)["infrastructure_pid"]).rpartition(":")[2])
    for name, worker in workers.items():
        if worker.is_running() and pid in {p.pid for p in services.relatives(worker)}:
            return name
    raise AssertionError(f"run {id} must be executed by a worker, was: process {pid}")


def history(api: Api, id: str) -> list[str]:
    states = api.ask(f"flow_run_states/?flow_run_id={id}")
    return [one["name"] for one in sorted(states, key=lambda one: one["timestamp"])]


def alone(stack: Compose) -> Path:
    data = stack.folder / "undisturbed"
    env = real_run.environment(stack.folder / "prefect-alone", None)
    real_run.run(stack.folder / "recipes" / "long.toml", data, env, SLACK * 400)
    return data


def seen_in_the_interface(stack: Compose, api: Api, run: str, pictures: Path) -> None:
    pictures.mkdir(parents=True, exist_ok=True)
    experiment = child(api, run)
    form = f"deployments/deployment/{api.deployment('launch/experiment')['id']}/run"
    of_events = urlencode({"events": json.dumps(["xltpipe.corpus.materialised"])})
    pages = {
        "stack-run": (f"runs/flow-run/{run}", ["completed", "long"]),
        "stack-artifacts": (f"runs/flow-run/{experiment}?tab=Artifacts", ["summary"]),
        "stack-deployments": ("deployments", ["nightly", "translate-train"]),
        "stack-form": (form, ["strategies", "limit"]),
        "stack-automations": ("automations", ["xltpipe lost runs are found"]),
        # by name: among the latest fifty of all there may be none of ours
        "stack-events": (f"events?{of_events}", ["materialised", "spa train"]),
    }
    with signed_in(stack) as tab:
        for name, (path, words) in pages.items():
            tab.open(f"{stack.url}/v2/{path}")
            for word in words:
                tab.wait(f"document.body.innerText.toLowerCase().includes({json.dumps(word)})")
            time.sleep(1.5)  # what moves comes to rest
            file = pictures / f"{name}.png"
            tab.picture(file)
            check(file.stat().st_size <= 200_000, f"{name}.png shows {', '.join(words)}")


def child(api: Api, run: str) -> str:
    """The flow run of the experiment inside a launched run."""
    inside = {"parent_flow_run_id": {"any_": [run]}}
    return str(max(api.runs(**inside), key=lambda one: one["created"])["id"])


@contextmanager
def signed_in(stack: Compose) -> Iterator[Tab]:
    """A browser that has passed the login page, as a person would."""
    with tempfile.TemporaryDirectory() as home, chromium(Path(home)) as tab:
        tab.look(1280, 860)
        tab.open(f"{stack.url}/v2/")
        field = "input[type=password]"
        tab.wait(f"!!document.querySelector('{field}')")
        say("ok      the interface asks who is there")
        tab.type(field, stack.credentials)
        tab.press("button[type=submit]")
        tab.wait(f"!document.querySelector('{field}')")
        yield tab


def in_duckdb(stack: Compose) -> None:
    """The corpus, asked by DuckDB alone when server and workers are gone."""
    with duckdb.connect(str(stack.data / "store/xltpipe.duckdb"), read_only=True) as catalogue:
        for row in catalogue.sql(
            """SELECT run, count(*) AS given, count(*) FILTER (reason IS NULL AND error IS NULL),
                      count(*) FILTER (reason IS NOT NULL), count(*) FILTER (error IS NOT NULL)
               FROM units GROUP BY 1 ORDER BY 1"""
        ).fetchall():
            run, given, kept, rejected, quarantined = row
            check(
                given == kept + rejected + quarantined,
                f"{run}: {given} = {kept} kept + {rejected} rejected + {quarantined} quarantined",
            )
        reasons = catalogue.sql("SELECT reason, count(*) FROM rejected GROUP BY 1 ORDER BY 2 DESC")
        say(f"        rejected: {', '.join(f'{n} {name}' for name, n in reasons.fetchall())}")
    files = stack.data / "store/corpus/run=long-*/*/*/*.parquet"
    (rows,) = duckdb.sql(
        f"SELECT count(*) FROM read_parquet('{files}', hive_partitioning = true) "  # noqa: S608
        "WHERE lang = 'spa' AND split = 'train'"
    ).fetchall()
    check(rows[0] > 0, f"the long run's corpus as Parquet files: {rows[0]} rows")


def belongs(process: psutil.Process, folder: Path) -> bool:
    try:
        return str(folder) in process.environ().get("PREFECT_HOME", "")
    except (psutil.Error, OSError):
        return False


def show_logs(folder: Path, lines: int = 25) -> None:
    for log in sorted(folder.glob("*.log")):
        tail = log.read_text("utf-8", "replace").splitlines()[-lines:]
        print(f"--- {log.name}", *tail, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
