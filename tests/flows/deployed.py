"""A little project of deployments on disk, and what a Prefect server knows of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from tests import real_run
from tests.toy_recipe import settings, write_data

FILE = """\
definitions:
  work_pools:
    cpu: {{ type: process, description: Of a test }}
deployments:
  - name: toy
    entrypoint: flows.launch.launch
    description: A recipe of a test.
    tags: [test]
    parameters: {{ recipe: toy, limit: 4 }}
    concurrency_limit: {{ limit: 1, collision_strategy: ENQUEUE }}
    work_pool: {{ name: cpu }}
  - name: revisions
    entrypoint: flows.watch.watch
    description: New data of a test.
    tags: [test, watch]
    parameters: {{ recipe: toy, settle: 0.2 }}
    concurrency_limit: {{ limit: 1, collision_strategy: CANCEL_NEW }}
    schedules:
      - {{ interval: {interval}, slug: often, active: true }}
    work_pool: {{ name: cpu }}
"""

ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass
class Project:
    """Recipes, data and a file of deployments in one folder."""

    home: Path
    env: dict[str, str]
    url: str

    def start(self, *verb: str) -> subprocess.Popen[str]:
        log = (self.home / f"{verb[0]}.log").open("w")
        return subprocess.Popen(
            [sys.executable, "-c", "from xltpipe.cli import main; main()", *verb],
            cwd=self.home,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def words(self, verb: str) -> str:
        return (self.home / f"{verb}.log").read_text(encoding="utf-8")

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        return real_run.ask(self.url, path, body)

    def deployment(self, name: str) -> dict[str, Any]:
        found = self.ask("deployments/filter", {"deployments": {"name": {"any_": [name]}}})
        return dict(found[0]) if found else {}

    def run(self, name: str, parameters: dict[str, Any]) -> str:
        """Start a run as the interface does; its id."""
        path = f"deployments/{self.deployment(name)['id']}/create_flow_run"
        return str(self.ask(path, {"parameters": parameters})["id"])

    def state(self, id: str) -> dict[str, Any]:
        (found,) = self.ask("flow_runs/filter", {"flow_runs": {"id": {"any_": [id]}}})
        return dict(found)

    def ended(self, id: str, patience: float = 240) -> dict[str, Any]:
        real_run.wait_for(lambda: self.state(id)["state_type"] in ENDED, patience, 0.2)
        return self.state(id)

    def scheduled(self, name: str) -> list[dict[str, Any]]:
        """The runs of a deployment that its schedule has started and that have ended."""
        chosen = {"deployment_id": {"any_": [self.deployment(name)["id"]]}}
        found = self.ask("flow_runs/filter", {"flow_runs": chosen})
        return [r for r in found if r["auto_scheduled"] and r["state_type"] in ENDED]


def project(
    home: Path, port: int, interval: float, changes: Sequence[tuple[str, object]]
) -> Project:
    """Write it; its Prefect server will be at this port."""
    recipes = home / "recipes"
    recipes.mkdir(parents=True)
    write_data(recipes)
    (recipes / "toy.toml").write_text(tomli_w.dumps(settings(**dict(changes))), encoding="utf-8")
    (home / "deployments.yaml").write_text(FILE.format(interval=interval), encoding="utf-8")
    env = real_run.environment(home / "prefect", None)
    env |= {"XLTPIPE_DATA": str(home / "data"), "XLTPIPE_RECIPES": str(recipes)}
    env |= {"PREFECT_RUNNER_POLL_FREQUENCY": "1", "PREFECT_WORKER_QUERY_SECONDS": "1"}
    env |= {"PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2"}
    env |= {"PREFECT_RUNNER_PREFETCH_SECONDS": "1"}
    # flows are found by module, as in an installed checkout
    env["PYTHONPATH"] = os.pathsep.join([str(real_run.REPOSITORY), env.get("PYTHONPATH", "")])
    return Project(home, env, f"http://127.0.0.1:{port}/api")


def runs(data: Path) -> list[dict[str, Any]]:
    """The records of all runs in a store, oldest first."""
    found = [json.loads(p.read_text("utf-8")) for p in (data / "store" / "runs").glob("*.json")]
    return sorted(found, key=lambda r: str(r["started"]))
