"""Forward-backward against plain enumeration of all paths."""

from itertools import product

import numpy as np
import pytest

from xltpipe.alignment.trellis import MAX_JUMP, Jumps, Trellis, forward_backward


def enumerate_paths(emission, null, jumps, share):
    """Posterior of each (observation, state) by summing over all paths of states and twins."""
    steps, states = emission.shape
    posterior, flow, total = np.zeros((steps, states)), np.zeros(2 * MAX_JUMP + 1), 0.0
    for path in product(range(states), repeat=steps):
        for empty in product((False, True), repeat=steps):
            weight, moves = 1.0, []
            for step, (state, none) in enumerate(zip(path, empty, strict=True)):
                if step == 0:
                    weight /= states
                elif not none:
                    norm = sum(jumps[k - path[step - 1] + MAX_JUMP] for k in range(states))
                    weight *= jumps[state - path[step - 1] + MAX_JUMP] / norm
                    moves.append(state - path[step - 1] + MAX_JUMP)
                elif state != path[step - 1]:
                    weight = 0.0
                weight *= share * null[step] if none else (1 - share) * emission[step, state]
            total += weight
            for step, (state, none) in enumerate(zip(path, empty, strict=True)):
                posterior[step, state] += 0 if none else weight
            for move in moves:
                flow[move] += weight
    return posterior / total, flow / total


def test_padded_batch_equals_enumeration():
    rng = np.random.default_rng(5)
    jumps = Jumps.near().forward * rng.uniform(0.2, 2, 2 * MAX_JUMP + 1).astype(np.float32)
    shapes = [(4, 3), (2, 2), (3, 1)]  # (observations, states)
    emission = np.zeros((4, 3, 3), np.float32)
    null, present = np.ones((4, 3), np.float32), np.zeros((4, 3), bool)
    expected, flows = [], np.zeros(2 * MAX_JUMP + 1)
    for row, (steps, states) in enumerate(shapes):
        emission[steps:, row, :states] = 1
        emission[:steps, row, :states] = rng.uniform(0.01, 1, (steps, states))
        null[:steps, row] = rng.uniform(0.01, 1, steps)
        present[:steps, row] = True
        posterior, flow = enumerate_paths(
            emission[:steps, row, :states], null[:steps, row], jumps, 0.3
        )
        expected.append(posterior)
        flows += flow
    sizes = np.array([states for _, states in shapes], np.int32)
    found, counted = forward_backward(Trellis(emission, null, present, sizes), jumps, 0.3)
    for row, (steps, states) in enumerate(shapes):
        assert found[:steps, row, :states] == pytest.approx(expected[row], abs=1e-5)
        assert not found[steps:, row].any()
    assert counted == pytest.approx(flows, abs=1e-4)
