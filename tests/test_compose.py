"""docker-compose.yml, Dockerfile and .env: what they promise, read from the files.

There is no engine here that could start them; `make stack` starts the same without containers.
"""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import services

REPOSITORY = Path(__file__).resolve().parents[1]
COMPOSE = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if "build" in service}
EXAMPLE = REPOSITORY / ".env.example"
every = pytest.mark.parametrize("name", sorted(SERVICES))


make_env = services.make_env()


def names(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def test_what_is_started_by_default_and_by_profile() -> None:
    by: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for profile in service.get("profiles", ["default"]):
            by.setdefault(profile, set()).add(name)
    assert by == {
        "default": {"postgres", "server", "deployments", "worker"},
        "scale": {"redis", "services"},
        "gpu": {"vllm"},
        "ray": {"ray", "ray-worker"},
    }


@every
def test_a_service_can_do_little_harm(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "ipc", "cap_add", "devices"} & set(service)
    mounts = [mount for mount in service.get("volumes", []) if mount.startswith((".", "/"))]
    assert all(mount.endswith(":ro") for mount in mounts)
    assert not any("docker.sock" in mount for mount in mounts)
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}


@every
def test_a_service_is_watched_or_ends(name: str) -> None:
    service = SERVICES[name]
    ends = name == "deployments"
    assert ("healthcheck" in service) != ends
    assert service["restart"] == ("on-failure" if ends else "unless-stopped")


@every
def test_a_port_is_open_to_this_machine_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@every
def test_an_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    if name in OURS:
        assert image == "xltpipe:${XLTPIPE_TAG:-latest}"
    else:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?", image), image


def test_volumes_are_named() -> None:
    used = {
        mount.partition(":")[0]
        for service in SERVICES.values()
        for mount in service.get("volumes", [])
        if not mount.startswith((".", "/"))
    }
    assert used == set(COMPOSE["volumes"]) == {"postgres", "data", "models"}


def test_the_database_is_out_of_the_workers_reach() -> None:
    assert COMPOSE["networks"]["database"]["internal"] is True
    reach = {name for name, one in SERVICES.items() if "database" in one.get("networks", [])}
    assert reach == {"postgres", "server", "redis", "services"}


def test_no_secret_has_a_default() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    named = r"\$\{(\w*(?:PASSWORD|AUTH|KEY|TOKEN)\w*)(.*?)\}"
    found = dict(re.findall(named, text))
    assert found.pop("HF_TOKEN") == ":-"  # of another house: the user's own, or none
    assert found
    assert set(found.values()) == {":?run make env"}
    generated = {n for n, v in names(EXAMPLE.read_text("utf-8")).items() if "<generated>" in v}
    assert set(found) == generated


def test_every_variable_has_a_default_or_is_in_the_example() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    used = {name for name, rest in re.findall(r"(?<!\$)\$\{(\w+)(.*?)\}", text) if rest[:2] != ":-"}
    assert used <= set(names(EXAMPLE.read_text("utf-8")))


def test_prefect_knows_every_setting() -> None:
    from prefect.settings import Settings
    from prefect.settings.legacy import _get_settings_fields

    known = set(_get_settings_fields(Settings))
    given = {
        name
        for service in SERVICES.values()
        for name in service.get("environment", {})
        if name.startswith("PREFECT_") and not name.startswith("PREFECT_REDIS_")
    }
    assert given - known == set()


def test_the_server_and_its_services_share_their_settings() -> None:
    assert SERVICES["services"]["environment"] == SERVICES["server"]["environment"]
    lines = names(make_env.filled(EXAMPLE.read_text("utf-8"), ["scale"]))
    assert lines["SERVER_OPTIONS"] == "--no-services"
    assert lines["MESSAGING"] == "prefect_redis.messaging"
    assert lines["DOCKET"] == f"redis://:{lines['REDIS_PASSWORD']}@redis:6379/1"
    assert lines["COMPOSE_PROFILES"] == "scale"


def test_the_image_is_pinned_and_not_roots() -> None:
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)", text, re.MULTILINE))
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", arguments["BASE"])
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${BASE}"}
    last = text[text.rindex("\nFROM ") :]
    assert re.findall(r"^USER (.*)", last, re.MULTILINE) == ["10001:10001"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    (wanted,) = [one for one in project["dependencies"] if one.startswith("prefect>")]
    from packaging.requirements import Requirement

    assert Requirement(wanted).specifier.contains(arguments["PREFECT"])


def test_the_build_leaves_secrets_and_data_outside() -> None:
    left = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".env", ".git", "data/raw", "data/store"} <= set(left)


def test_env_is_its_owners_alone_and_never_changed(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert "for you alone" in make_env.write(EXAMPLE, file, [])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_text(encoding="utf-8")
    lines = names(first)
    secrets = [lines[n] for n in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "VLLM_API_KEY")]
    assert len(set(secrets)) == 3
    assert all(re.fullmatch(r"[\w-]{43}", secret) for secret in secrets)
    assert lines["PREFECT_AUTH"].startswith("xltpipe:")
    assert "<" not in "".join(lines.values())
    assert "SERVER_OPTIONS" not in lines
    assert "not changed" in make_env.write(EXAMPLE, file, [])
    with pytest.raises(FileExistsError, match=r"\.env must have DOCKET, LEASES, MESSAGING, ORD"):
        make_env.write(EXAMPLE, file, ["scale"])
    assert file.read_text(encoding="utf-8") == first
    make_env.write(EXAMPLE, tmp_path / "other", [])
    assert not set(secrets) & set(names((tmp_path / "other").read_text("utf-8")).values())


def test_an_unknown_profile_is_told() -> None:
    command = [sys.executable, str(REPOSITORY / "docker" / "make_env.py"), "gpus"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (
        2,
        "error: Profiles must be of gpu, ray, scale, was: gpus\n",
    )


def _compose() -> list[str] | None:
    """The command of Compose 2 or later; the first one knew another file."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            asked = [*command, "version", "--short"]
            told = subprocess.run(asked, capture_output=True, text=True, check=False)
            if told.returncode == 0 and re.match(r"v?[2-9]\.", told.stdout):
                return command
    return None


@pytest.mark.parametrize("profiles", [[], ["scale"], ["gpu", "ray", "scale"]], ids=" ".join)
def test_compose_takes_the_file(tmp_path: Path, profiles: list[str]) -> None:
    command = _compose()
    if command is None:
        pytest.skip("docker compose is not installed")
    make_env.write(EXAMPLE, tmp_path / ".env", profiles)
    files = ["--file", str(REPOSITORY / "docker-compose.yml"), "--env-file", str(tmp_path / ".env")]
    told = subprocess.run(
        [*command, *files, "config", "--services"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    wanted = {
        n
        for n, s in SERVICES.items()
        if not s.get("profiles") or set(s["profiles"]) & set(profiles)
    }
    assert set(told.stdout.split()) == wanted
