"""Agreement: on how many rows two engines say the same, and a conversion without quantisation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from ctranslate2.converters import TransformersConverter

from xltpipe.translation.description import FILE
from xltpipe.translation.models import find_model

SHOWN = 2


def floats(checkpoint: Path, scratch: Path) -> Path:
    """The checkpoint converted in float32: an int8 model loaded as float32 stays rounded."""
    home = scratch / "float32"
    TransformersConverter(str(checkpoint)).convert(str(home))
    embedded = find_model("en-es-tatoeba")
    shutil.copy(embedded / "spm.model", home)
    described = json.loads((embedded / FILE).read_text("utf-8"))
    (home / FILE).write_text(json.dumps(described), "utf-8")
    return home


def agreement(
    theirs: Sequence[str], ours: Sequence[str], what: tuple[str, str], goals: Mapping[str, float]
) -> float:
    """Print the share of rows with the same text, and some that differ.

    Args:
        what: the type that our engine computed in, and where the sentences come from.
    """
    compute_type, origin = what
    differing = [(a, b) for a, b in zip(theirs, ours, strict=True) if a.strip() != b.strip()]
    share = 1 - len(differing) / len(ours)
    goal = goals.get(compute_type)
    wanted = "" if goal is None else f" (goal: {goal:.0%})"
    print(
        f"{origin}, ours in {compute_type} = transformers: {len(ours) - len(differing)} of "
        f"{len(ours)} rows, {share:.1%}{wanted}"
    )
    for a, b in differing[:SHOWN]:
        print(f"  theirs: {a[:100]}\n  ours:   {b[:100]}")
    return share
