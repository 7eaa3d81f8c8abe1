"""The network of self-distillation: a student, and the teacher that it was an epoch ago.

The teacher's weight in the loss is how well it ranks the right places itself: mAP@k, in the form
in which one place is sought, the reciprocal rank of the first hit among the k best.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from xltpipe.training.distillation import NOWHERE, distilled


def map_at_k(logits: Tensor, gold: Tensor, *, k: int = 10, tolerance: int = 5) -> Tensor:
    """1 / rank of the first hit among the k best places, or 0; (rows, places) to (rows,).

    A hit lies in [gold - tolerance, gold + tolerance). Of equal logits the first place is better.
    """
    order = logits.argsort(dim=-1, descending=True, stable=True)[:, :k]
    hits = (order >= gold[:, None] - tolerance) & (order < gold[:, None] + tolerance)
    ranks = torch.arange(1, order.size(1) + 1, device=logits.device)
    return (hits / ranks).amax(-1)


def coefficient(
    start: Tensor, end: Tensor, first: Tensor, last: Tensor, *, k: int = 10, tolerance: int = 5
) -> Tensor:
    """One number for a batch: the mean of mAP@k over its rows and over beginning and end."""
    both = [
        map_at_k(start, first, k=k, tolerance=tolerance),
        map_at_k(end, last, k=k, tolerance=tolerance),
    ]
    return torch.stack(both).mean()


class SelfDistillingQuestionAnswering(nn.Module):
    """Loss: a · CE + c · T² · KL(teacher ‖ student), means over beginning and end."""

    def __init__(
        self, model: Any, *, cross_entropy_weight: float, temperature: float, k: int, tolerance: int
    ) -> None:
        super().__init__()
        self.model, self.config = model, model.config
        self.teacher = deepcopy(model).requires_grad_(requires_grad=False)
        self._weight, self._temperature = cross_entropy_weight, temperature
        self._k, self._tolerance = k, tolerance
        self._seen: list[float] = []
        self.coefficients: list[float] = []  # the mean of each epoch that is over

    def advance(self) -> None:
        """After an epoch: the student is the teacher of the next."""
        self.teacher.load_state_dict(self.model.state_dict())
        self.coefficients.append(sum(self._seen) / max(len(self._seen), 1))
        self._seen.clear()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        start_positions: Tensor,
        end_positions: Tensor,
        token_type_ids: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The loss, and the student's logits; without training, the cross entropy alone."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        start, end = self._places(self.model, inputs)
        loss = (cross_entropy(start, start_positions) + cross_entropy(end, end_positions)) / 2
        out = {"start_logits": start, "end_logits": end}
        if not self.training:
            return {"loss": loss, **out}
        self.teacher.eval()
        with torch.no_grad():
            known = self._places(self.teacher, inputs)
        gold = start_positions, end_positions
        trust = coefficient(*known, *gold, k=self._k, tolerance=self._tolerance)
        self._seen.append(float(trust))
        taught = [
            distilled(mine, other, self._temperature)
            for mine, other in zip((start, end), known, strict=True)
        ]
        return {"loss": self._weight * loss + trust * torch.stack(taught).mean(), **out}

    def _places(self, model: Any, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Logits of beginning and end, in float32; padding is no place."""
        found = model(**inputs)
        unseen = inputs["attention_mask"] == 0
        start, end = (
            logits.float().masked_fill(unseen, NOWHERE)
            for logits in (found.start_logits, found.end_logits)
        )
        return start, end
