"""Flat: the tree of a decoder with one layer, all its branches and leaves in few large products.

In the first layer a key depends on its token and position alone. There are three positions for
each token (no mark, one or two marks before it) and one for each mark, so all keys are known from
the start, and a state in the tree is only a query and the set of keys it may see.
"""

from __future__ import annotations

import numpy as np

from xltpipe.translation.forced import Forced
from xltpipe.translation.forced_layers import LOWEST, Integers
from xltpipe.translation.forced_tree import Branches, Flags, Template, Tree
from xltpipe.translation.forced_weights import Floats

_AT_ONCE = 1 << 20  # attention scores held at a time: a few MB, so that they stay in the cache
_VANISHED = 1e-20


class FlatTree(Tree):
    """The same bounds as a Tree's; only for decoders with one layer."""

    def __init__(self, model: Forced, template: Template) -> None:
        super().__init__(model, template)
        y, (first, last) = template.target, template.marks
        size = len(y) + 1
        inputs = np.r_[model.start, y]
        embed = model.decoder.embed
        stretches = [
            *(embed(inputs, shift) for shift in range(3)),
            *(embed(np.array([first]), int(at) + 1) for at in template.openings),
            *(embed(np.array([last]), int(at) + 2) for at in template.closings),
        ]
        self._x: Floats = np.concatenate(stretches)
        queries, keys, values = model.decoder.layers[0].project(self._x)
        self._values: Floats = values
        scale = np.float32(queries.shape[-1] ** -0.5)
        scores = (queries * scale) @ keys.swapaxes(-1, -2)
        self._scores: Floats = scores.astype(np.float32, copy=False)
        self._weights: Floats = np.exp(self._scores - self._scores.max(-1, keepdims=True))
        # the slot that each key reads, and where each kind of key begins
        self._slot = np.r_[np.tile(np.arange(size), 3), template.openings, template.closings]
        counts = (size, size, size, len(template.openings), len(template.closings))
        self._at = np.r_[0, np.cumsum(counts)]

    @property
    def rows_at_once(self) -> int:
        """All: nothing is kept for a row."""
        return max(1, len(self.template.openings))

    def open(self, rows: Integers) -> Branches:
        """Open some openings, by their place in the template's list."""
        given = self.template
        at, size = given.openings[rows], len(given.target) + 1
        row, slot = np.nonzero(np.arange(size)[None] >= at[:, None])
        query = np.where(slot == at[row], self._at[3] + rows[row], self._at[1] + slot)
        nowhere = np.full(len(row), size)
        tokens, closing = self._flat(query, slot, at[row], nowhere)
        every = np.zeros((len(rows), size), np.float32)
        every[row, slot] = tokens
        steps = self.before[rows][:, None] + np.cumsum(every, 1, dtype=np.float32) - every
        ends = np.full_like(every, -np.inf)
        ends[row, slot] = closing
        bounds = (steps + ends)[:, given.closings]
        bounds[given.closings[None] <= at[:, None]] = -np.inf
        return Branches(rows, bounds, 0, steps, [])

    def close(self, branches: Branches, kept: Flags, floor: float) -> Floats:
        """Bounds on whole scores of the pairs kept, [rows, closings]; the others are -inf.

        Bounds under `floor` are left as loose as they are.
        """
        given = self.template
        out = np.where(kept, branches.bounds, np.float32(-np.inf))
        turns = [self._turns(int(closing)) for closing in given.closings]
        for turn in range(max(map(len, turns), default=0)):
            row, column = np.nonzero(out >= max(floor, float(LOWEST)))
            places = [ends[turn] if turn < len(ends) else ends[0][:0] for ends in turns]
            counts = np.array([len(places[c]) for c in column], np.int64)
            if not counts.sum():
                continue
            pair = np.repeat(np.arange(len(row)), counts)
            place = np.concatenate([places[c] for c in column])
            closing = given.closings[column][pair]
            slot = closing + place
            query = np.where(place == 0, self._at[4] + column[pair], self._at[2] + slot)
            opening = given.openings[branches.rows[row]][pair]
            tokens, _ = self._flat(query, slot, opening, closing)
            out[row, column] += np.bincount(pair, tokens, len(row)).astype(np.float32)
        return out

    def _flat(
        self, query: Integers, slot: Integers, opening: Integers, closing: Integers
    ) -> tuple[Floats, Floats]:
        """Bounds for the next token and for the closing mark after each of many states.

        A state reads `slot` with marks before the tokens `opening` and `closing` (which lies
        beyond the end where there is none yet).
        """
        tokens, ends = np.empty(len(query), np.float32), np.empty(len(query), np.float32)
        heads, width = len(self._scores), len(self._x)
        step = max(1, _AT_ONCE // (heads * width))
        layer, last = self.model.decoder.layers[0], self.model.decoder.last
        for start in range(0, len(query), step):
            part = slice(start, start + step)
            hidden = self._see(query[part], slot[part], opening[part], closing[part])
            states = layer.finish(self._x[query[part]], hidden, self.memory[0])
            states = states if last is None else last(states)
            tokens[part], ends[part] = self._bounded(states, slot[part])
        return tokens, ends

    def _see(self, query: Integers, slot: Integers, opening: Integers, closing: Integers) -> Floats:
        """What self-attention gives to states, [heads, states, size per head]."""
        a, b, t = opening[:, None], closing[:, None], slot[:, None]
        cuts = self._at
        seen = np.zeros((len(query), len(self._x)), bool)
        slots = self._slot[: cuts[1]][None]
        seen[:, : cuts[1]] = slots <= a
        seen[:, cuts[1] : cuts[2]] = (slots > a) & (slots <= np.minimum(t, b))
        seen[:, cuts[2] : cuts[3]] = (slots > b) & (slots <= t)
        seen[:, cuts[3] : cuts[4]] = self._slot[cuts[3] : cuts[4]][None] == a
        seen[:, cuts[4] :] = self._slot[cuts[4] :][None] == b
        weights = self._weights[:, query]
        weights *= seen
        total = weights.sum(-1, keepdims=True)
        if (total < _VANISHED).any():  # the largest of all keys, out of sight, dwarfs those seen
            weights = self._scores[:, query] + np.where(seen, np.float32(0), LOWEST)
            weights = np.exp(weights - weights.max(-1, keepdims=True))
            total = weights.sum(-1, keepdims=True)
        found: Floats = (weights @ self._values) / total
        return found


def grow(model: Forced, template: Template) -> Tree:
    """The tree that suits the model."""
    one = len(model.decoder.layers) == 1
    return FlatTree(model, template) if one else Tree(model, template)
