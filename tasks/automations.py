"""Install Prefect automations from YAML files; one that is there by its name is brought up to date.

`python -m tasks.automations FILE…`; without files, those that every server of ours should have.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from xltpipe.errors import RecipeError, XltError

FOLDER = Path(__file__).parents[1] / "flows" / "automations"
USUAL = (FOLDER / "lost-runs.yaml",)


def install(files: Sequence[Path] = USUAL) -> list[str]:
    """Create or renew the automations of these files on the configured server; their names.

    Raises:
        RecipeError: a file is not one of automations, or names a deployment that is not there.
    """
    done = []
    with get_client(sync_client=True) as client:
        for file in files:
            for said in _read(file):
                wanted = _automation(client, file, said)
                _put(client, wanted)
                done.append(wanted.name)
    return done


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        return list(yaml.safe_load(file.read_text(encoding="utf-8"))["automations"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise RecipeError(
            f'File of automations must be YAML with a list "automations", was: {file} ({error})'
        ) from error


def _automation(client: SyncPrefectClient, file: Path, said: dict[str, Any]) -> AutomationCore:
    named = {**said, "actions": [_resolved(client, action) for action in said.get("actions", [])]}
    try:
        return AutomationCore.model_validate(named)
    except ValidationError as error:
        raise RecipeError(
            f"Automation must be valid, was: {file}, {said.get('name')}: {error}"
        ) from error


def _resolved(client: SyncPrefectClient, action: dict[str, Any]) -> dict[str, Any]:
    """Prefect knows deployments by ids, which no file can know."""
    if "deployment" not in action:
        return action
    name = action["deployment"]
    try:
        found = client.read_deployment_by_name(name)
    except ObjectNotFound as error:
        raise RecipeError(
            f"Deployment must be there before its automation, was: no {name!r}; "
            "xltpipe deploy registers the deployments"
        ) from error
    rest = {key: value for key, value in action.items() if key != "deployment"}
    return {**rest, "deployment_id": str(found.id)}


def _put(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    """One automation of this name, switched off if it was; any other of the name goes."""
    there = client.read_automations_by_name(wanted.name)
    if not there:
        client.create_automation(wanted)
        return
    first, *others = there
    client.update_automation(first.id, wanted.model_copy(update={"enabled": first.enabled}))
    for other in others:
        client.delete_automation(other.id)


def main() -> int:
    try:
        for name in install([Path(name) for name in sys.argv[1:]] or USUAL):
            sys.stdout.write(f"installed automation: {name}\n")
    except XltError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
