"""Distillation: a student learns from a teacher's logits (Hinton et al., 2015)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

NOWHERE = -1e4
"""The logit of what is no choice (padding): its probability is 0, at any usual temperature."""


def distilled(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T² · KL(teacher ‖ student) of softened distributions over the last dimension, mean of rows.

    T² keeps the size of the gradient the same at every temperature.
    """
    if not student.numel():
        return student.sum()
    divergence = kl_div(
        log_softmax(student / temperature, -1),
        log_softmax(teacher / temperature, -1),
        reduction="none",
        log_target=True,
    )
    return divergence.sum(-1).mean() * temperature**2
