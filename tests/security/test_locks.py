"""The locked versions: hashed, without an index, and such as the project asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
RUN = ("report", "hub", "openai", "datasets")
ENVIRONMENT = {
    "python_version": "3.11",
    "platform_machine": "x86_64",
    "sys_platform": "linux",
    "extra": "",
}


def pinned(name: str) -> dict[str, tuple[str, int]]:
    """Of each package its version and the number of its hashes."""
    text = (ROOT / "requirements" / name).read_text("utf-8").replace("\\\n", " ")
    out = {}
    for line in filter(None, text.splitlines()):
        found = re.match(r"([a-z0-9-]+)==(\S+)", line)
        assert found, line
        out[found[1]] = (found[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}(?=\s|$)", line)))
    return out


def wanted(extras: tuple[str, ...]) -> list[Requirement]:
    """What the project asks for with these extras, those of extras included."""
    out = [*PROJECT["dependencies"]]
    for extra in extras:
        out += PROJECT["optional-dependencies"][extra]
    found = [Requirement(text) for text in out]
    inner = tuple(sorted({e for r in found if r.name == PROJECT["name"] for e in r.extras}))
    plain = [r for r in found if r.name != PROJECT["name"]]
    return plain + (wanted(inner) if inner else [])


@pytest.mark.parametrize(("name", "extras"), [("run.txt", RUN), ("dev.txt", ("dev",))])
def test_a_lock_holds_what_the_project_asks_for(name: str, extras: tuple[str, ...]) -> None:
    locked = pinned(name)
    for requirement in wanted(extras):
        package = canonicalize_name(requirement.name)
        if package == "torch" or (
            requirement.marker and not requirement.marker.evaluate(ENVIRONMENT)
        ):
            continue
        version, _ = locked[package]
        assert requirement.specifier.contains(Version(version), prereleases=True), requirement


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_a_lock_has_hashes_and_no_address(name: str) -> None:
    locked = pinned(name)
    assert len(locked) > 80
    assert all(hashes for _, hashes in locked.values())
    text = (ROOT / "requirements" / name).read_text("utf-8")
    assert not re.search(r"://|--(index|extra-index|find-links|trusted)|^-|@ ", text, re.MULTILINE)
    # the CPU build is what the files are for
    assert not [p for p in locked if p.startswith(("nvidia-", "cuda-", "triton", "torch"))]
