"""Tree: bounds on a model's scores of one target with an opening and a closing token inserted.

All (opening, closing) pairs of a target form a tree: what stands before the opening is one pass
for all of them (the trunk), what stands between is one pass per opening (a branch), and only
what follows the closing belongs to a single pair (a leaf). Each is computed once.

The dear part of each position is the normaliser, log Σ exp over the vocabulary. Branches and
leaves use a lower bound of it, so that their log-probabilities are upper bounds, and who can still
win is then scored in full. The bound: a short list of likely tokens as they are, and for the rest
Jensen's inequality, log Σ exp(l) >= Σ q l + H(q), with q the rest's distribution at the same token
of the trunk; it costs one product with the mean embedding under q, and is short of the truth by
no more than the rest's divergence from q.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xltpipe.translation.forced import Forced, Layers, normaliser
from xltpipe.translation.forced_layers import LOWEST, Integers, Keys, causal
from xltpipe.translation.forced_weights import Floats

_LIKELY = 8  # tokens taken from each position of the trunk (benchmarks/constrained.py)
_FEW = 4  # fewer places than this are not worth two turns
_SHARES = (0.7, 0.95)  # of the cost after a closing, where turns end
_SCORES = 1 << 22  # attention scores held at a time, per layer

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Template:
    """A source, a target, and where markers may go: before the token of that number.

    The first `forced` tokens of the target are the engine's own (a language token): given, not
    scored. Openings and closings ascend.
    """

    source: Integers
    target: Integers
    forced: int
    openings: Integers
    closings: Integers
    marks: tuple[int, int]

    def inserted(self, opening: int, closing: int) -> Integers:
        """The target with both marks, at these tokens."""
        first, last = self.marks
        y = self.target
        whole: Integers = np.r_[y[:opening], first, y[opening:closing], last, y[closing:]]
        return whole


@dataclass(frozen=True, slots=True)
class Branches:
    """Openings opened: `bounds[row, closing]` on the score up to and with each closing.

    `steps[row, k]` bounds the score before token `first + k` of the target, the opening mark
    counted; it means nothing for tokens before the mark.
    """

    rows: Integers
    bounds: Floats
    first: int
    steps: Floats
    past: Layers


class Tree:
    """The work on one template, done step by step."""

    def __init__(self, model: Forced, template: Template) -> None:
        self.model, self.template = model, template
        self.memory = model.encode(template.source)
        self._trunk()

    def _trunk(self) -> None:
        """One pass without markers: exact, and it tells which tokens are likely where."""
        given, model = self.template, self.model
        length = len(given.target) + 1
        x = model.decoder.embed(np.r_[model.start, given.target], 0)
        hidden, self._keys = model.decoder.run(x, mask=causal(length), memory=self.memory)
        logits = model.output(hidden)
        wanted = np.r_[given.target, model.end]
        likely = min(_LIKELY, logits.shape[1] - 1)
        top = np.argpartition(logits, -likely, axis=1)[:, -likely:]
        short = np.unique(np.r_[top.ravel(), wanted, given.marks])
        chosen = logits[np.arange(length), wanted]
        openings = logits[given.openings, given.marks[0]]
        total = normaliser(logits)
        self._rest(hidden, logits, total, short)
        tokens = chosen - total
        tokens[: given.forced] = 0
        self.tokens: Floats = tokens
        self.sums: Floats = np.r_[np.float32(0), np.cumsum(tokens)]
        self.before: Floats = self.sums[given.openings] + openings - total[given.openings]
        self._weight = np.ascontiguousarray(model.output.weight[:, short])
        self._bias = None if model.output.bias is None else model.output.bias[short]
        self._wanted: Integers = np.atleast_1d(np.searchsorted(short, wanted))
        self._closing = int(np.searchsorted(short, given.marks[1]))

    def _rest(self, hidden: Floats, shares: Floats, total: Floats, short: Integers) -> None:
        """What Jensen's bound needs at each position of the trunk, for tokens off the list.

        `shares` are the tokens' probabilities up to a factor per row; lost.
        """
        factor = shares.sum(-1, keepdims=True)
        shares[:, short] = 0
        rest = shares.sum(-1, keepdims=True)
        mean = (shares @ self.model.output.weight.T) / np.maximum(rest, np.float32(1e-30))
        weight = np.log(np.maximum(rest, np.float32(1e-30)) / factor)[:, 0] + total
        self._mean: Floats = mean
        self._rest_weight: Floats = weight - np.einsum("td,td->t", hidden, mean)

    @property
    def rows_at_once(self) -> int:
        """Openings that may be open together, by the memory of their keys (a quarter GB)."""
        width = self._keys[0].keys.shape[0] * self._keys[0].keys.shape[-1] * 8
        size = width * (len(self.template.target) + 2) * len(self._keys)
        return max(1, (1 << 28) // int(size))

    def open(self, rows: Integers) -> Branches:
        """Open some openings, by their place in the template's list."""
        given, model = self.template, self.model
        at = given.openings[rows]
        first, size = int(at.min()), len(given.target)
        slots = np.arange(first, size + 1)  # slot t reads the mark (t = opening) or token t - 1
        shared = np.r_[model.start, given.target][slots]
        x = np.repeat(model.decoder.embed(shared, first + 1)[None], len(rows), 0)
        for row, opening in enumerate(at):
            x[row, opening - first] = model.decoder.embed(
                np.array([given.marks[0]]), int(opening) + 1
            )[0]
        seen = (slots[None, None] >= at[:, None, None]) & (slots[None, None] <= slots[:, None])
        before = np.arange(size + 1) <= at[:, None]
        past = [[Keys(k.keys, k.values, _mask(before[:, None, None]))] for k in self._keys]
        hidden, keys = model.decoder.run(
            x, mask=_mask(seen[:, None]), past=past, memory=self.memory
        )
        tokens, closing = self._bounded(hidden, slots)
        tokens[slots[None] < at[:, None]] = 0  # slots before the mark are the trunk's
        steps = self.before[rows][:, None] + np.cumsum(tokens, 1) - tokens
        bounds = steps + closing
        columns = given.closings - first
        inside = np.where(columns > 0, bounds[:, np.maximum(columns, 0)], -np.inf)
        inside[given.closings[None] <= at[:, None]] = -np.inf
        past_keys = self._merged(at, keys, first)
        return Branches(rows, inside.astype(np.float32), first, steps, past_keys)

    def _merged(self, at: Integers, keys: Layers, first: int) -> Layers:
        """For each row one list of keys: of the trunk up to its mark, then its own."""
        size = len(self.template.target)
        own = np.arange(size + 2)[None] > at[:, None]
        own_slots = np.maximum(np.arange(size + 2) - 1 - first, 0)
        trunk_slots = np.minimum(np.arange(size + 2), size)
        where = own[:, None, :, None]
        return [
            Keys(
                np.where(where, new.keys[:, :, own_slots], old.keys[:, trunk_slots]),
                np.where(where, new.values[:, :, own_slots], old.values[:, trunk_slots]),
            )
            for new, old in zip(keys, self._keys, strict=True)
        ]

    def close(self, branches: Branches, kept: Flags, floor: float) -> Floats:
        """Bounds on whole scores of the pairs kept, [rows, closings]; the others are -inf.

        Bounds under `floor` are left as loose as they are.
        """
        out = np.where(kept, branches.bounds, np.float32(-np.inf))
        for column, closing in enumerate(self.template.closings):
            rows = np.flatnonzero(kept[:, column])
            for only in self._turns(int(closing)):
                rows = rows[out[rows, column] >= floor]
                heads = self._keys[0].keys.shape[0]
                step = max(1, _SCORES // (heads * len(only) * (len(self.template.target) + 3)))
                for start in range(0, len(rows), step):
                    part = rows[start : start + step]
                    out[part, column] += self._leaves(branches, part, int(closing), only)
        return out

    def _turns(self, closing: int) -> list[Integers]:
        """The places after a closing, those that cost most without markers first.

        Every log-probability is at most 0, so a sum over some places is a bound, and few tokens
        make most of the sum. With several layers a turn has to pass all places through the
        lower ones again, so that all are taken at once.
        """
        costs = -self.tokens[closing:]
        order = np.argsort(-costs, kind="stable")
        if len(self.model.decoder.layers) > 1 or len(order) < _FEW:
            return [np.arange(len(order))]
        share = np.cumsum(costs[order]) / max(float(costs.sum()), 1e-9)
        cuts = sorted({int(np.searchsorted(share, part)) + 1 for part in _SHARES})
        return [np.sort(part) for part in np.split(order, cuts) if len(part)]

    def _leaves(self, branches: Branches, rows: Integers, closing: int, only: Integers) -> Floats:
        """Bounds on the sum over some places after a closing, one per row."""
        given, model = self.template, self.model
        x = model.decoder.embed(np.r_[given.marks[1], given.target[closing:]], closing + 2)
        past = [
            [Keys(k.keys[rows, :, : closing + 2], k.values[rows, :, : closing + 2])]
            for k in branches.past
        ]
        hidden, _ = model.decoder.run(
            x[None], mask=causal(len(x)), past=past, memory=self.memory, only=only
        )
        tokens, _ = self._bounded(hidden, closing + only)
        total: Floats = tokens.sum(-1)
        return total

    def _bounded(self, hidden: Floats, slots: Integers) -> tuple[Floats, Floats]:
        """Upper bounds of the log-probabilities of the next token and of the closing mark."""
        logits = hidden.reshape(-1, hidden.shape[-1]) @ self._weight
        if self._bias is not None:
            logits += self._bias
        logits = logits.reshape(*hidden.shape[:-1], -1)
        wanted = np.broadcast_to(self._wanted[slots][:, None], (*logits.shape[:-1], 1))
        tokens = np.take_along_axis(logits, wanted, -1)[..., 0]
        closing = logits[..., self._closing].copy()
        rest = np.einsum("...td,td->...t", hidden, self._mean[slots]) + self._rest_weight[slots]
        total = np.logaddexp(normaliser(logits), rest)
        return tokens - total, closing - total

    def exact(self, pairs: Sequence[tuple[int, int]]) -> list[float]:
        """Scores in full of pairs of places in the lists of openings and closings."""
        given = self.template
        targets = [given.inserted(int(given.openings[i]), int(given.closings[j])) for i, j in pairs]
        scored = self.model.score(self.memory, targets, given.forced)
        return [float(row.sum(dtype=np.float64)) for row in scored]

    def steps(self, pair: tuple[int, int]) -> Floats:
        """The score of a pair's target after each of its tokens, that after none first."""
        given = self.template
        target = given.inserted(int(given.openings[pair[0]]), int(given.closings[pair[1]]))
        (tokens,) = self.model.score(self.memory, [target], given.forced)
        before = np.zeros(1 + given.forced, np.float32)
        return np.concatenate([before, np.cumsum(tokens, dtype=np.float32)])


def _mask(seen: Flags) -> Floats:
    return np.where(seen, np.float32(0), LOWEST).astype(np.float32)
