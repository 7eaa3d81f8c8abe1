"""What README, guides and the written recipe say is so: lists are whole, and snippets can be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from xltpipe.cli.template import TEMPLATE
from xltpipe.datasets import SourceSpec
from xltpipe.kinds import TASKS
from xltpipe.training import TrainerSpec

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def kinds(spec: Any) -> set[str]:
    """The kinds of a union of settings."""
    return {one.model_fields["kind"].default for one in get_args(get_args(spec)[0])}


EVERY = {"task": set(TASKS), "data": kinds(SourceSpec), "training": kinds(TrainerSpec)}


@pytest.mark.parametrize(
    ("what", "before"),
    [("task", '# task = "spans"'), ("data", "\n[train]"), ("training", "\n[training]")],
)
def test_the_written_recipe_lists_every_kind(what: str, before: str) -> None:
    text = re.sub(r"[\s#]+", " ", TEMPLATE.split(before, 1)[1])  # a list goes over several lines
    listed = re.search(r"\w+( \| \w+)+", text)
    assert listed is not None
    assert sorted(listed[0].split(" | ")) == sorted(EVERY[what])


@pytest.mark.parametrize(("what", "row"), [("task", "`task`"), ("data", "data"), ("training",) * 2])
def test_the_readme_lists_every_kind(what: str, row: str) -> None:
    (line,) = [line for line in README.splitlines() if line.startswith(f"| {row} |")]
    assert EVERY[what] <= set(re.findall(r"`(\w+)`", line))
