"""Muon in any precision: the published step, and orthogonal up to its iteration."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch

from xltpipe.mt.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(24, 24), (16, 64), (64, 16)])
def test_singular_values_end_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.max() < 1.3
    assert values.median() > 0.6
    # the directions stay: the step goes downhill
    assert (orthogonal(matrix) * matrix).sum() > 0


@pytest.mark.parametrize("shape", [(16, 64), (64, 16)])
def test_steps_like_pytorch_but_in_float32(shape: tuple[int, int]) -> None:
    draw = torch.Generator().manual_seed(5)
    start = torch.randn(shape, generator=draw)
    ours, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    settings: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.01, "momentum": 0.95}
    muon = Muon([ours], precision=torch.float32, **settings)
    peer = torch.optim.Muon([theirs], **settings)
    for _ in range(4):
        gradient = torch.randn(shape, generator=draw)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        muon.step()
        peer.step()
    moved = (theirs - start).norm()
    assert moved > 0
    assert (ours - theirs).norm() < 0.02 * moved  # bf16 against float32


def test_the_state_of_pytorch_is_taken_up() -> None:
    """Checkpoints of trainings that began with `torch.optim.Muon`."""
    draw = torch.Generator().manual_seed(9)
    one = torch.randn(8, 8, generator=draw).requires_grad_()
    peer = torch.optim.Muon([one], lr=0.1, weight_decay=0.0, momentum=0.9)
    one.grad = torch.randn(8, 8, generator=draw)
    peer.step()
    muon = Muon([one], lr=0.1, weight_decay=0.0, momentum=0.9, precision=torch.float32)
    muon.load_state_dict(deepcopy(peer.state_dict()))
    before = muon.state[one]["momentum_buffer"].clone()
    muon.step()
    assert torch.allclose(muon.state[one]["momentum_buffer"], before.lerp(one.grad, 0.1))


def test_state_is_taken_up() -> None:
    draw = torch.Generator().manual_seed(7)
    one = torch.randn(8, 8, generator=draw).requires_grad_()
    muon = Muon([one], lr=0.1, weight_decay=0.0, momentum=0.9, precision=torch.float32)
    gradients = [torch.randn(8, 8, generator=draw) for _ in range(3)]
    one.grad = gradients[0].clone()
    muon.step()
    other = one.detach().clone().requires_grad_()
    again = Muon([other], lr=0.1, weight_decay=0.0, momentum=0.9, precision=torch.float32)
    again.load_state_dict(deepcopy(muon.state_dict()))
    for gradient in gradients[1:]:
        one.grad, other.grad = gradient.clone(), gradient.clone()
        muon.step()
        again.step()
    assert torch.equal(one, other)
