"""Losses: label-smoothed cross-entropy without the whole matrix of logits, and guided alignment.

Label smoothing: Szegedy et al. (2016); guided alignment: Chen et al. (2016), Garg et al. (2019).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_ROWS = 1024
"""Logits computed at a time: rows x vocabulary, in the precision of the states."""


class _LinearCrossEntropy(torch.autograd.Function):
    """Gives the gradients in the forward pass, so that no logits outlive their rows.

    The smoothing needs no pass over the logits: their sum is the state times the sum of all
    output vectors.
    """

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, output: Tensor, gold: Tensor, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        count, vocabulary = len(gold), len(output)
        total = output.float().sum(0)
        states_grad = torch.empty_like(states)
        output_grad = torch.zeros_like(output, dtype=torch.float32)
        loss = torch.zeros((), dtype=torch.float64)
        plain = torch.zeros((), dtype=torch.float64)
        for start in range(0, count, _ROWS):
            rows = slice(start, start + _ROWS)
            x, y = states[rows], gold[rows]
            logits = x @ output.T
            right = logits.gather(1, y[:, None])[:, 0].float()
            share = torch.softmax(logits, 1)
            # The normaliser comes back from the gold share: one pass over the logits less.
            each = -share.gather(1, y[:, None])[:, 0].float().clamp(min=1e-30).log()
            nll = each.double().sum().cpu()
            mean = (x.float() @ total / vocabulary).double().sum().cpu()
            plain += nll
            loss += (1 - smoothing) * nll
            loss += smoothing * ((each + right).double().sum().cpu() - mean)
            grad = (share @ output).float()
            grad -= (smoothing / vocabulary) * total
            grad -= (1 - smoothing) * output[y].float()
            states_grad[rows] = grad.to(states.dtype)
            output_grad += (share.T @ x).float()
            output_grad -= (smoothing / vocabulary) * x.float().sum(0)
            output_grad.index_add_(0, y, x.float(), alpha=-(1 - smoothing))
        ctx.save_for_backward(states_grad, output_grad.to(output.dtype))
        ctx.mark_non_differentiable(plain)
        return loss.float(), plain

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        states_grad, output_grad = ctx.saved_tensors
        return states_grad * grads[0], output_grad * grads[0], None, None


def cross_entropy(
    states: Tensor, output: Tensor, gold: Tensor, smoothing: float
) -> tuple[Tensor, float]:
    """Summed label-smoothed loss of (n, width) states against n gold pieces, and the plain one.

    `output` is the (vocabulary, width) matrix that the embedding shares; natural logarithms.
    """
    loss, plain = _LinearCrossEntropy.apply(states, output, gold, smoothing)
    return loss, float(plain)


def guidance(attention: Tensor, wanted: Tensor) -> Tensor:
    """Summed cross-entropy of the guided head with the word alignment.

    Both (batch, target, source); rows of `wanted` sum to one, or to zero where nothing is known.
    `attention` holds log-probabilities, -inf at padding, where `wanted` is zero.
    """
    return -(wanted * attention.clamp(min=-50.0)).sum()
