"""Fitting of networks from scratch: Adam (Kingma and Ba, 2015), and when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.training.fitting import IGNORED, check_dev

if TYPE_CHECKING:
    from xltpipe.training.neural_networks import LabelNetwork, TagNetwork, Text

CLIP = 5.0
"""Largest norm of a step's gradient (Pascanu et al., 2013)."""


@dataclass(frozen=True, slots=True)
class Row:
    """Texts for a network, and what it is to say: a label, or a tag per word."""

    texts: tuple[Text, ...]
    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to fit; `patience` epochs without a better loss on dev end it, None never."""

    epochs: int
    learning_rate: float
    batch_size: int
    patience: int | None
    weights: list[float] | None
    seed: int


def fit(
    network: LabelNetwork | TagNetwork, rows: Sequence[Row], dev: Sequence[Row], plan: Plan
) -> dict[str, float]:
    """Fit in place: to the last epoch or, with patience, to that of the least loss on dev.

    Call under a seeded generator of torch (dropout draws from it).

    Raises:
        DataError: there is patience, and no dev.
    """
    torch = require("torch", "train")
    check_dev(plan.patience, dev)
    weight = None if plan.weights is None else torch.tensor(plan.weights)
    optimizer = torch.optim.Adam(network.parameters(), plan.learning_rate)
    steps = -(-len(rows) // plan.batch_size)
    progress.expect("train", steps * plan.epochs)
    best, best_epoch, kept = float("inf"), 0, None
    report: dict[str, float] = {}
    for epoch in range(1, plan.epochs + 1):
        report["loss"] = _epoch(network, rows, optimizer, weight, plan)
        report["epochs"] = epoch
        if plan.patience is None:
            continue
        found = measure(network, dev, weight, plan.batch_size)
        if found < best:
            best, best_epoch = found, epoch
            kept = {name: value.clone() for name, value in network.state_dict().items()}
        elif epoch - best_epoch >= plan.patience:
            break
    if kept is not None:
        network.load_state_dict(kept)
        report["best_epoch"] = best_epoch
    if dev:
        report["dev_loss"] = measure(network, dev, weight, plan.batch_size)
    return report


def _epoch(network: Any, rows: Sequence[Row], optimizer: Any, weight: Any, plan: Plan) -> float:
    torch = require("torch", "train")
    from xltpipe.training.neural_networks import loss

    network.train()
    order = torch.randperm(len(rows)).tolist()
    total = 0.0
    for start in range(0, len(order), plan.batch_size):
        batch = [rows[i] for i in order[start : start + plan.batch_size]]
        targets = [target for row in batch for target in row.targets]
        lost = loss(network([row.texts for row in batch]), targets, weight, IGNORED)
        optimizer.zero_grad()
        lost.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        total += float(lost.detach()) * len(batch)
        progress.tick("train", 1)
    return total / len(rows)


def measure(network: Any, rows: Sequence[Row], weight: Any, size: int) -> float:
    """The mean loss of rows, without dropout."""
    torch = require("torch", "train")
    from xltpipe.training.neural_networks import loss

    network.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            targets = [target for row in batch for target in row.targets]
            total += float(loss(network([r.texts for r in batch]), targets, weight, IGNORED)) * len(
                batch
            )
    return total / len(rows)
