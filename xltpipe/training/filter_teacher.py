"""The teacher of FILTER: batches of rows; itself and its logits kept in files of safetensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from safetensors.torch import load_model, save_file, save_model
from torch import Tensor

from xltpipe.durable import sync
from xltpipe.json_text import loads
from xltpipe.training.filter_network import FilterNetwork
from xltpipe.training.filter_rows import Row
from xltpipe.training.fitting import IGNORED, WHOLE
from xltpipe.training.sentences import REPORT, write_json
from xltpipe.training.tfidf_model import MODEL

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_ROWS = 4096
"""Rows of a file."""


class Logits:
    """What a teacher said, by row: (places, labels) each, in float32."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: dict[int, Any] = {}

    def write(self, first: int, rows: Sequence[Tensor]) -> None:
        """Write a file's rows; `first` is the number of the first of them."""
        named = {str(first + i): row.contiguous() for i, row in enumerate(rows)}
        save_file(named, self._path(first // _ROWS))

    def __getitem__(self, row: int) -> Tensor:
        file = row // _ROWS
        if file not in self._opened:
            self._opened[file] = safe_open(self._path(file), framework="pt")
        found: Tensor = self._opened[file].get_tensor(str(row))
        return found

    def _path(self, file: int) -> Path:
        return self._folder / f"logits-{file:05}.safetensors"


class Collator:
    """Makes a batch of rows: each side padded for itself, on the right, labels with it."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, logits: Logits | None = None) -> None:
        self._tokenizer, self._logits = tokenizer, logits

    def __call__(self, rows: Sequence[Row]) -> dict[str, Any]:
        batch: dict[str, Any] = {side: self.side(rows, side) for side in ("target", "source")}
        if "target_labels" not in rows[0]:
            return batch
        for side in ("target", "source"):
            width = batch[side]["input_ids"].size(1)
            batch[f"{side}_labels"] = _padded([r[f"{side}_labels"] for r in rows], width, IGNORED)
        width = batch["target"]["input_ids"].size(1)
        batch["places"] = _padded([row["places"] for row in rows], width, False)
        if self._logits is not None and "soft" in rows[0]:
            batch["soft"] = torch.cat([self._logits[row["soft"]] for row in rows])
        return batch

    def side(self, rows: Sequence[Row], side: str) -> dict[str, Tensor]:
        """The inputs of one side."""
        inputs = [row[side] for row in rows]
        return dict(self._tokenizer.pad(inputs, return_tensors="pt", padding_side="right"))


def _padded(values: Sequence[Any], width: int, fill: Any) -> Tensor:
    if not isinstance(values[0], list):
        return torch.tensor(values)
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in values])


def said(network: FilterNetwork, rows: Sequence[Row], collator: Collator) -> list[Tensor]:
    """The logits at the places of each row, same order."""
    network.eval()
    batch = collator(rows)
    device = next(network.parameters()).device
    sides = [{k: v.to(device) for k, v in batch[s].items()} for s in ("target", "source")]
    with torch.inference_mode():
        logits = network.logits(*sides)[0].float().cpu()
    if logits.dim() == 2:
        return list(logits.split(1))
    return [row[places] for row, places in zip(logits, batch["places"], strict=True)]


def dump(
    network: FilterNetwork, rows: Sequence[Row], collator: Collator, folder: Path, size: int
) -> Logits:
    """Write what the network says of all rows, in batches of `size`."""
    kept = Logits(folder)
    for first in range(0, len(rows), _ROWS):
        part = rows[first : first + _ROWS]
        order = sorted(range(len(part)), key=lambda i: len(part[i]["target"]["input_ids"]))
        out: list[Tensor] = [torch.empty(0)] * len(part)
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            for i, one in zip(
                chosen, said(network, [part[i] for i in chosen], collator), strict=True
            ):
                out[i] = one
        kept.write(first, out)
    return kept


def keep(network: FilterNetwork, report: Mapping[str, Any], folder: Path) -> None:
    """Write a teacher that has learnt, and what was told of it; a mark comes last."""
    folder.mkdir(exist_ok=True)
    save_model(network.model, str(folder / MODEL))
    write_json(folder / REPORT, dict(report))
    for name in (MODEL, REPORT):
        sync(folder / name)
    (folder / WHOLE).touch()


def recall(network: FilterNetwork, folder: Path, *, gpu: bool) -> dict[str, Any] | None:
    """Let a network be the teacher that was kept, where it learnt; its report, None without one."""
    if not (folder / WHOLE).exists():
        return None
    load_model(network.model, folder / MODEL)
    network.to("cuda" if gpu and torch.cuda.is_available() else "cpu")
    return dict(loads((folder / REPORT).read_bytes()))


def deviation(
    network: FilterNetwork, rows: Sequence[Row], collator: Collator, logits: Logits
) -> float:
    """The largest difference between what was kept of rows (by `soft`) and what is said now."""
    live = said(network, rows, collator)
    kept = [logits[row["soft"]] for row in rows]
    if any(a.shape != b.shape for a, b in zip(live, kept, strict=True)):
        return float("inf")
    return max(
        (float((a - b).abs().max()) for a, b in zip(live, kept, strict=True) if a.numel()),
        default=0.0,
    )
