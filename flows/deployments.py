"""The deployments that prefect.yaml describes: served from one process, or handed to work pools."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import yaml
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.flows import load_flow_from_entrypoint
from prefect.flows import serve as serve_all
from prefect.schedules import Schedule
from prefect.types.entrypoint import EntrypointType
from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xltpipe.errors import RecipeError

FILE = Path(__file__).parents[1] / "prefect.yaml"
SERVED = "process"
"""The type of work pool whose deployments need nothing but a process, so that we can serve them."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PoolOf(_Strict):
    """The pool of one deployment."""

    name: str
    work_queue_name: str | None = None
    job_variables: dict[str, Any] = Field(default_factory=dict)


class Entry(_Strict):
    """One deployment, in the words of prefect.yaml."""

    name: str
    entrypoint: str
    description: str
    tags: list[str]
    parameters: dict[str, Any]
    concurrency_limit: ConcurrencyLimitConfig
    work_pool: PoolOf
    schedules: list[dict[str, Any]] = Field(default_factory=list)


class Pool(_Strict):
    """A work pool to make where it is missing."""

    type: str
    description: str = ""


class Deployments(BaseModel):
    """What prefect.yaml says, as far as it is ours."""

    pools: dict[str, Pool]
    entries: list[Entry]

    def named(self, names: Sequence[str], pool: str | None) -> list[Entry]:
        """The entries of these names (all, if there are none), of one pool if one is given.

        Raises:
            RecipeError: there is no such deployment.
        """
        unknown = set(names) - {entry.name for entry in self.entries}
        if unknown:
            raise RecipeError(
                f"Deployment must be one of {', '.join(e.name for e in self.entries)}, was: "
                f"{', '.join(sorted(unknown))}"
            )
        chosen = [e for e in self.entries if not names or e.name in names]
        found = [e for e in chosen if pool in (None, e.work_pool.name)]
        if not found:
            raise RecipeError(f"Deployment must be in the work pool, was: none in {pool!r}")
        return found

    def served(self, names: Sequence[str]) -> list[Entry]:
        """The entries that a process of ours can run; those of containers are left out."""
        chosen = self.named(names, None)
        return [e for e in chosen if self.pools[e.work_pool.name].type == SERVED]


def read(file: Path = FILE) -> Deployments:
    """The deployments of a file.

    Raises:
        RecipeError: it cannot be read, or says what Prefect or we do not know.
    """
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
        return Deployments(
            pools=said["definitions"]["work_pools"], entries=said.get("deployments") or []
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise RecipeError(f"Deployments must be readable, was: {file} ({error})") from error
    except ValidationError as error:
        faults = "".join(f"\n  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RecipeError(f"Deployments must be valid, was: {file} with{faults}") from error


def built(entry: Entry, pool: PoolOf | None) -> RunnerDeployment:
    """The deployment as Prefect takes it, in a pool or, without one, to be served."""
    flow = cast("Flow[..., Any]", load_flow_from_entrypoint(entry.entrypoint))
    made = flow.to_deployment(
        name=entry.name,
        description=entry.description,
        tags=entry.tags,
        parameters=entry.parameters,
        schedules=[_schedule(said) for said in entry.schedules],
        concurrency_limit=entry.concurrency_limit,
        work_pool_name=pool.name if pool else None,
        work_queue_name=pool.work_queue_name if pool else None,
        job_variables=pool.job_variables if pool else None,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return cast("RunnerDeployment", made)  # a coroutine only where a loop is running


def _schedule(said: dict[str, Any]) -> Schedule:
    interval = said.get("interval")
    seconds = {"interval": timedelta(seconds=interval)} if interval is not None else {}
    return Schedule(**said | seconds)


def serve(entries: Iterable[Entry], limit: int) -> None:
    """Serve until told to stop; each run is a process of its own, `limit` at once."""
    serve_all(*(built(entry, None) for entry in entries), limit=limit)


def deploy(entries: Sequence[Entry], pools: dict[str, Pool]) -> list[str]:
    """Register deployments with the server, and their pools where they are missing; their names."""
    for name in dict.fromkeys(entry.work_pool.name for entry in entries):
        _ensure(name, pools[name])
    done = []
    for entry in entries:
        made = built(entry, entry.work_pool)
        made.apply()
        done.append(f"{made.full_name} in {entry.work_pool.name}")
    return done


def _ensure(name: str, pool: Pool) -> None:
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(name)
        except ObjectNotFound:
            template = asyncio.run(get_default_base_job_template_for_infrastructure_type(pool.type))
            client.create_work_pool(
                WorkPoolCreate(
                    name=name,
                    type=pool.type,
                    description=pool.description,
                    base_job_template=template or {},
                )
            )
