"""Loss and gradients against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from xltpipe.mt.losses import cross_entropy, guidance


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("rows", [1, 7, 1500])
def test_loss_and_gradients_are_those_of_the_plain_computation(rows: int, smoothing: float) -> None:
    torch.manual_seed(1)
    states = torch.randn(rows, 16, requires_grad=True)
    output = torch.randn(50, 16, requires_grad=True)
    gold = torch.randint(0, 50, (rows,))
    wanted = F.cross_entropy(states @ output.T, gold, label_smoothing=smoothing, reduction="sum")
    plain = F.cross_entropy(states @ output.T, gold, reduction="sum")
    loss, nll = cross_entropy(states, output, gold, smoothing)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert nll == pytest.approx(plain.item(), rel=1e-5)
    for ours, theirs in zip(
        torch.autograd.grad(2 * loss, [states, output]),
        torch.autograd.grad(2 * wanted, [states, output]),
        strict=True,
    ):
        assert torch.allclose(ours, theirs, atol=1e-3, rtol=1e-4)


def test_half_precision_is_near_the_plain_loss() -> None:
    torch.manual_seed(2)
    states, output = torch.randn(64, 32), torch.randn(200, 32) / 6
    gold = torch.randint(0, 200, (64,))
    wanted, _ = cross_entropy(states, output, gold, 0.1)
    got, _ = cross_entropy(states.bfloat16(), output.bfloat16(), gold, 0.1)
    assert got.item() == pytest.approx(wanted.item(), rel=0.01)


def test_guidance_counts_what_is_known_and_ignores_padding() -> None:
    attention = torch.tensor([[[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]]]).log()
    wanted = torch.tensor([[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]])
    assert guidance(attention, wanted).item() == pytest.approx(0.6931, abs=1e-4)
