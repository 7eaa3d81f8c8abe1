"""A little experiment on disk: six labelled sentences, a test set, and a recipe that copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xltpipe.recipe import Recipe
from xltpipe.recipe_file import parse

TRAIN = """\
Ana B-PER
lives O
in O
Rome B-LOC

Bob B-PER
left O
Paris B-LOC
yesterday O

It O
rains O
again O

IBM B-ORG
hired O
Eva B-PER
in O
Oslo B-LOC

Nobody O
called O
Max B-PER

The O
Nile B-LOC
is O
long O
"""
TEST = "Ana B-PER\nvive O\nen O\nRoma B-LOC\n\nLlueve O\notra O\nvez O\n"

# Copied rows are of the wrong language; everything else about them is right.
RULES = dict.fromkeys(["copied", "identical", "similarity", "target_language"], False)


def write_data(folder: Path) -> None:
    (folder / "train.conll").write_text(TRAIN, encoding="utf-8")
    (folder / "test.conll").write_text(TEST, encoding="utf-8")


def settings(**changes: object) -> dict[str, Any]:
    """The recipe as parsed TOML, with some keys changed (None leaves one out)."""
    whole: dict[str, Any] = {
        "name": "toy",
        "targets": ["spa"],
        "strategies": ["translate_train"],
        "shard_rows": 4,
        "train": {"kind": "conll", "path": "train.conll"},
        "tests": [
            {"name": "small", "lang": "spa", "data": {"kind": "conll", "path": "test.conll"}}
        ],
        "translation": {"kind": "copy"},
        "projection": {"kind": "markers", "style": "letters"},
        "rules": RULES,
        "training": {"kind": "crf", "max_iterations": 5},
    } | changes
    return {key: value for key, value in whole.items() if value is not None}


def toy_recipe(folder: Path, **changes: object) -> Recipe:
    """The recipe, with its data in this folder."""
    if not (folder / "train.conll").exists():
        write_data(folder)
    return parse(settings(**changes), folder / "toy.toml")
