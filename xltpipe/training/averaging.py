"""Averaging: one checkpoint from several, tensor by tensor (Schmidt et al., 2023, "Free Lunch").

The mean of the weights of one run's epochs, or of several runs that began with the same head, is
as good as the best of them without any development data to choose by. Sums are in float64: the
mean of bfloat16 files is right to their last bit. Never more than two tensors are in memory.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from xltpipe import progress
from xltpipe.durable import replace_folder
from xltpipe.errors import DataError, require
from xltpipe.json_text import loads
from xltpipe.training.averaging_checks import check_alike, header, weights
from xltpipe.training.sentences import REPORT, SETTINGS, make_home, write_json

if TYPE_CHECKING:
    from torch import Tensor


def average(
    checkpoints: Sequence[Path], output: Path, *, allow_head_mismatch: bool = False
) -> dict[str, Any]:
    """Write the arithmetic mean of checkpoints to `output` (new or empty); whole or not there.

    Tensors of integers and everything beside the weights are those of the first. Returns what
    `report.json` says: how many tensors were averaged and how many kept.

    Raises:
        DataError: the checkpoints are not alike (the differing keys are named), cannot be read,
            hold numbers that are not finite, or `output` is not empty.
    """
    check_alike(checkpoints, allow_head_mismatch=allow_head_mismatch)
    make_home(output)
    aside = output.with_name(f".{output.name}.{uuid4().hex[:8]}.part")
    aside.mkdir()
    try:
        report = _write(checkpoints, aside)
        replace_folder(aside, output)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return report


def _write(checkpoints: Sequence[Path], aside: Path) -> dict[str, Any]:
    first = checkpoints[0]
    files = weights(first)
    counts = {"averaged": 0, "kept": 0}
    for name in files:
        _average_file([folder / name for folder in checkpoints], aside / name, counts)
    for path in sorted(first.iterdir()):
        if path.is_file() and path.name not in {*files, SETTINGS, REPORT}:
            shutil.copyfile(path, aside / path.name)
    seeds = [_seed(folder) for folder in checkpoints]
    if (first / SETTINGS).is_file():
        settings = loads((first / SETTINGS).read_bytes())
        write_json(aside / SETTINGS, settings | {"averaged": {"seeds": seeds}})
    report = {"checkpoints": len(checkpoints), "tensors": counts}
    write_json(aside / REPORT, report)
    return report


def _seed(folder: Path) -> int | None:
    path = folder / SETTINGS
    return loads(path.read_bytes()).get("seed") if path.is_file() else None


def _average_file(files: Sequence[Path], output: Path, counts: dict[str, int]) -> None:
    safetensors = require("safetensors", "train")
    head = header(files[0])
    progress.expect("average", len(head.layout))
    with ExitStack() as stack:
        opened = [
            stack.enter_context(safetensors.safe_open(file, framework="pt")) for file in files
        ]
        file = stack.enter_context(output.open("wb"))
        file.write(head.content)  # same names, types and shapes: the same places
        for name in head.layout:
            tensor, averaged = _mean(opened, name, files)
            file.write(_content(tensor))
            counts["averaged" if averaged else "kept"] += 1
            progress.tick("average", 1)


def _mean(opened: Sequence[Any], name: str, files: Sequence[Path]) -> tuple[Tensor, bool]:
    torch = require("torch", "train")
    tensor = opened[0].get_tensor(name)
    if not tensor.is_floating_point():
        return tensor, False
    kind, total = tensor.dtype, tensor.to(torch.float64)
    del tensor
    for place, other in enumerate(opened):
        if place:
            total += other.get_tensor(name)
        if not torch.isfinite(total).all():
            raise DataError(
                f"Weights must be finite numbers, was: {name} in {files[place]} holds others; "
                "leave this checkpoint out"
            )
    total /= len(opened)
    return total.to(kind), True


def _content(tensor: Tensor) -> Any:
    """The bytes of a tensor in its own order, without a copy."""
    torch = require("torch", "train")
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
