"""What README, guides and the written recipe say is so: lists are whole, and snippets can be used."""

from __future__ import annotations

import ast
import builtins
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from xltpipe.cli.template import TEMPLATE
from xltpipe.datasets import SourceSpec
from xltpipe.kinds import TASKS
from xltpipe.quality import COLUMNS
from xltpipe.recipe_file import parse
from xltpipe.training import TrainerSpec

ROOT = Path(__file__).parents[1]
GUIDES = {path.name: path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
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


def blocks(language: str) -> dict[str, str]:
    """Every block of code in a language, by its guide and the line where it begins."""
    found = {}
    for name, path in GUIDES.items():
        text = path.read_text(encoding="utf-8")
        for block in re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            found[f"{name}:{text.count(chr(10), 0, block.start()) + 1}"] = block[1]
    return found


LEAST = {
    "name": "x",
    "targets": ["spa"],
    "train": {"kind": "conll", "path": "train.conll"},
}
"""What any recipe must say."""
RECIPES = blocks("toml")
PYTHON = blocks("python")


@pytest.mark.parametrize("place", RECIPES)
def test_a_part_of_a_recipe_in_a_guide_can_be_used(place: str, tmp_path: Path) -> None:
    """Laid over what any recipe must say, it is one: nothing that it needs is left out."""
    parse(LEAST | tomllib.loads(RECIPES[place]), tmp_path / "x.toml")


def test_the_guides_have_parts_of_recipes() -> None:
    assert len(RECIPES) > 25


@pytest.mark.parametrize("place", PYTHON)
def test_python_in_a_guide_imports_what_it_calls(place: str) -> None:
    nodes = list(ast.walk(ast.parse(PYTHON[place])))
    bound = set(dir(builtins))
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(one.asname or one.name).split(".")[0] for one in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
    assert {_root(node.func) for node in nodes if isinstance(node, ast.Call)} <= bound


def _root(called: ast.expr) -> str:
    """The name that a call begins with."""
    while not isinstance(called, ast.Name):
        called = called.func if isinstance(called, ast.Call) else called.value  # type: ignore[attr-defined]
    return called.id


def test_the_readme_counts_the_scores() -> None:
    assert f"any of {len(COLUMNS)} scores" in README


def test_commands_of_the_guides_name_no_script_that_cannot_be_run() -> None:
    """Scripts here have no executable bit: they are given to Python."""
    for place, block in blocks("sh").items():
        scripts = re.findall(r"^(?:\w+=\S+ )*(?:\./)?[\w/]+\.py\b", block, re.MULTILINE)
        assert not scripts, place
