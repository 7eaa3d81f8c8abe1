"""A little sequence on disk: two topics in three languages, each with words of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w

from xltpipe.recipe import Recipe
from xltpipe.recipe_file import parse

WORDS = {
    "eng": ("The team won the match", "The doctor saw a patient"),
    "spa": ("El equipo ganó el partido", "La doctora vio a un enfermo"),
    "ara": ("فاز الفريق في المباراة", "رأى الطبيب المريض"),
}
ENDS = ("one", "two", "three", "four", "five", "six")
TRAINER = {
    "kind": "charcnn",
    "depth": 16,
    "filters": 24,
    "learning_rate": 5e-3,
    "batch_size": 4,
    "epochs": 8,
}


def write_data(folder: Path) -> None:
    """`LANG.train.tsv` and `LANG.test.tsv`; Spanish has labels the other way round."""
    for lang, (sport, health) in WORDS.items():
        labels = ("health", "sport") if lang == "spa" else ("sport", "health")
        for split, ends in (("train", ENDS[:4]), ("test", ENDS[4:])):
            lines = [
                f"{lang}-{label}-{end}\t{label}\t{text} {end}"
                for text, label in zip((sport, health), labels, strict=True)
                for end in ends
            ]
            text = "\n".join(["id\tlabel\ttext", *lines]) + "\n"
            (folder / f"{lang}.{split}.tsv").write_text(text, encoding="utf-8")


def table(name: str) -> dict[str, Any]:
    return {"kind": "table", "path": f"{name}.tsv", "id": "id", "texts": ["text"], "label": "label"}


def settings(**changes: object) -> dict[str, Any]:
    """Gold data, English first; None leaves a key out."""
    whole: dict[str, Any] = {
        "name": "stages",
        "task": "classification",
        "targets": ["spa", "ara"],
        "strategies": ["sequential"],
        "train": table("eng.train"),
        "tests": [{"name": "own", "lang": lang, "data": table(f"{lang}.test")} for lang in WORDS],
        "supervised": [{"lang": lang, "data": table(f"{lang}.train")} for lang in ("spa", "ara")],
        "sequence": {"data": "supervised"},
        "translation": {"kind": "copy"},
        "projection": {"kind": "markers", "style": "letters"},
        "training": TRAINER,
    } | changes
    return {key: value for key, value in whole.items() if value is not None}


def recipe(folder: Path, **changes: object) -> Recipe:
    write_data(folder)
    return parse(settings(**changes), folder / "stages.toml")


def write_recipe(folder: Path, **changes: object) -> Path:
    write_data(folder)
    (folder / "stages.toml").write_text(tomli_w.dumps(settings(**changes)), encoding="utf-8")
    return folder / "stages.toml"
