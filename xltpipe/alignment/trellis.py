"""Forward-backward for many sentences at once in an HMM of word positions (Vogel et al., 1996).

States are the positions of one side, observations the words of the other. Each state has a twin
that emits from the empty word and remembers the position (Och & Ney, 2003), so that an unaligned
word does not break the chain of jumps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MAX_JUMP = 60
"""Jumps further than this share one parameter per direction."""

NEAR = 2.0
"""Words by which the weight of a first guess at jumps falls to 1/e."""

FAR = 1e-3
"""Share of that guess spread over all distances."""

TINY = np.float32(1e-30)


@dataclass(frozen=True, slots=True)
class Trellis:
    """One direction of one bucket.

    `emission` (observations, sentences, states) is 0 for states that a sentence does not have and
    1 for observations that it does not have, `null` (observations, sentences) is the probability
    under the empty word and 1 likewise: such observations then change nothing. `present`
    (observations, sentences) tells the real observations, `sizes` counts the states.
    """

    emission: Floats
    null: Floats
    present: NDArray[np.bool_]
    sizes: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Jumps:
    """Weights of the distances -MAX_JUMP .. MAX_JUMP between states, one array per direction."""

    forward: Floats
    reverse: Floats

    @classmethod
    def near(cls) -> Jumps:
        """Before anything is known: to the next word, or else not far from it."""
        distance = np.arange(-MAX_JUMP, MAX_JUMP + 1)
        share = np.exp(-np.abs(distance - 1) / NEAR)
        weights = (share / share.sum() + FAR / len(share)).astype(np.float32)
        return cls(weights, weights)


def forward_backward(trellis: Trellis, jumps: Floats, null_share: float) -> tuple[Floats, Floats]:
    """Posterior of each (observation, sentence, state) and the expected jumps by distance.

    Args:
        trellis: its arrays are overwritten.
        jumps: (2 * MAX_JUMP + 1), weight of each distance.
        null_share: probability that a word is emitted by the empty word.
    """
    states = trellis.emission.shape[2]
    places = np.arange(states)
    distance = np.clip(places[None, :] - places[:, None], -MAX_JUMP, MAX_JUMP) + MAX_JUMP
    weight = jumps[distance]
    # a jump is normalised over the positions that the sentence has, not over the padding
    norm: Floats = np.reciprocal(np.cumsum(weight, axis=1)[:, trellis.sizes - 1].T, order="C")
    emission, null = trellis.emission, trellis.null
    emission *= np.float32(1 - null_share)
    null *= np.float32(null_share)
    real, reach = _forward(trellis, weight, norm)
    # from here on `emission` holds the mass that arrives in a state, given all that follows
    ahead = np.ones_like(norm)
    for step in range(len(emission) - 1, 0, -1):
        real[step] *= ahead
        emission[step] *= ahead
        ahead *= null[step][:, None]
        ahead += np.matmul(emission[step], weight.T) * norm
    real[0] *= ahead
    real *= trellis.present[:, :, None]
    emission *= trellis.present[:, :, None]
    flow = reach[:-1].reshape(-1, states).T @ emission[1:].reshape(-1, states)
    counts = np.bincount(distance.ravel(), (flow * weight).ravel(), 2 * MAX_JUMP + 1)
    return real, counts.astype(np.float32)


def _forward(trellis: Trellis, weight: Floats, norm: Floats) -> tuple[Floats, Floats]:
    """Filtered mass of the real states, and of states with their twins divided by the jump norm.

    Leaves `emission` and `null` divided by each step's total, as the backward pass needs them.
    """
    emission, null, sizes = trellis.emission, trellis.null, trellis.sizes
    real, reach = np.empty_like(emission), np.empty_like(emission)
    inside = np.arange(emission.shape[2])[None, :] < sizes[:, None]
    total = (inside / sizes[:, None]).astype(np.float32)  # any position may come first
    for step in range(len(emission)):
        if step == 0:
            np.multiply(emission[0], total, out=real[0])
        else:
            np.matmul(reach[step - 1], weight, out=real[step])
            real[step] *= emission[step]
        total *= null[step][:, None]
        total += real[step]
        scale = 1 / (total.sum(axis=1) + TINY)
        total *= scale[:, None]
        real[step] *= scale[:, None]
        emission[step] *= scale[:, None]
        null[step] *= scale
        np.multiply(total, norm, out=reach[step])
    return real, reach
