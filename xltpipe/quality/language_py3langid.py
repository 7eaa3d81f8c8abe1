"""py3langid over many texts at once (naive Bayes over byte n-grams; Lui & Baldwin, 2012).

The same features, weights and probabilities as `LanguageIdentifier.rank` of the package, whose
model this reads; texts walk through its automaton side by side instead of one after the other.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from xltpipe.quality.column import Floats
from xltpipe.quality.keys import Ints
from xltpipe.quality.language_opinion import UNSURE, Names, Opinions, named
from xltpipe.quality.language_text import Texts

SURE = 0.5
"""Probability among all languages from which it is sure of one."""

_ABREAST = 16
"""Fewer texts than these are walked through one by one: a step costs as much as for that many."""

_lock = threading.Lock()


class Py3LangId:
    def knows(self, language: str) -> bool:
        return language in _model().columns

    def opinions(self, texts: Texts, ours: str, theirs: str) -> Opinions:
        model = _model()
        shares = model.probabilities(texts)
        best = shares.argmax(axis=1)
        certainty = shares[np.arange(len(texts)), best]
        return Opinions(
            shares[:, model.columns[ours]].sum(axis=1),
            shares[:, model.columns[theirs]].sum(axis=1),
            np.where(certainty >= SURE, model.names[best], UNSURE),
            certainty,
        )


@dataclass(frozen=True)
class _Model:
    """The package's tables: `moves[base[state] + byte]` is the next state, `feature[state]` what
    it tells (−1: nothing), `weights[feature]` a row of log-probabilities, one per class.
    """

    moves: NDArray[np.uint32]
    base: Ints
    feature: Ints
    weights: NDArray[np.float32]
    prior: NDArray[np.float32]
    names: Names

    @cached_property
    def columns(self) -> dict[str, list[int]]:
        """The classes of each language: some have one per script or dialect."""
        out: dict[str, list[int]] = {}
        for place, name in enumerate(self.names.tolist()):
            out.setdefault(name, []).append(place)
        return out

    def probabilities(self, texts: Texts) -> Floats:
        """One row per text, one column per class; all alike where a text says nothing."""
        row, feature, count = self._features(texts)
        weight = np.log1p(count.astype(np.float32))
        edges = np.searchsorted(row, np.arange(len(texts) + 1)).tolist()
        scores = np.zeros((len(texts), len(self.prior)), np.float32)
        for k in range(len(texts)):
            start, end = edges[k], edges[k + 1]
            if start < end:
                scores[k] = weight[start:end] @ self.weights[feature[start:end]] + self.prior
        # as the package does: a temperature that grows with the text keeps them calibrated
        scores /= np.sqrt(np.maximum(texts.end - texts.start, 1)).astype(np.float32)[:, None]
        scores -= scores.max(axis=1, keepdims=True, initial=-np.inf)
        shares = np.exp(scores.astype(np.float64))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def _features(self, texts: Texts) -> tuple[Ints, Ints, Ints]:
        """Text, feature and how often: ascending, each pair once."""
        size = texts.end - texts.start
        order = np.argsort(-size, kind="stable")
        few = size[order[_ABREAST]] if len(order) > _ABREAST else int(size.max(initial=0))
        long = np.flatnonzero(size > few) if len(order) > _ABREAST else order
        pieces = [self._walk_one(texts, int(text)) for text in long]
        if len(order) > _ABREAST:
            pieces += self._walk(texts, order[np.searchsorted(-size[order], -few) :])
        if not pieces:
            none = np.zeros(0, np.int64)
            return none, none, none
        bits = len(self.weights).bit_length()
        pairs = np.concatenate([(text << bits) | feature for text, feature in pieces])
        found, count = np.unique(pairs, return_counts=True)
        return found >> bits, found & ((1 << bits) - 1), count

    def _walk(self, texts: Texts, order: Ints) -> list[tuple[Ints, Ints]]:
        """All texts side by side, given longest first: in step t those that have a byte t."""
        data = np.frombuffer(texts.data, np.uint8)
        start, size = texts.start[order], (texts.end - texts.start)[order]
        steps = int(size[0])
        left = np.searchsorted(-size, -np.arange(steps), "left").tolist()
        state = np.zeros(len(order), np.int64)
        out = []
        for step, width in enumerate(left):
            place = self.base[state[:width]] + data[start[:width] + step]
            state = self.moves[place]
            feature = self.feature[state]
            hit = np.flatnonzero(feature >= 0)
            out.append((order[hit], feature[hit]))
        return out

    def _walk_one(self, texts: Texts, text: int) -> tuple[Ints, Ints]:
        moves, base = self.moves.data, self.base.data
        state, states = 0, []
        for byte in texts.data[texts.start[text] : texts.end[text]]:
            state = moves[base[state] + byte]
            states.append(state)
        feature = self.feature[np.array(states, np.int64)]
        feature = feature[feature >= 0]
        return np.full(len(feature), text, np.int64), feature


def _model() -> _Model:
    with _lock:  # lru_cache alone lets two threads load the model at once
        return _load()


@lru_cache(maxsize=1)
def _load() -> _Model:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE)
    return _Model(
        np.asarray(model.tk_nextmove, np.uint32),
        np.asarray(model.tk_row, np.int64) << 8,
        np.asarray(model.tk_output, np.int64),
        np.asarray(model.nb_ptc, np.float32),
        np.asarray(model.nb_pc, np.float32),
        np.array([named(code) for code in model.nb_classes]),
    )
