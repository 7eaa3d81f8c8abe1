"""Language identification of the target outside its spans (py3langid; Lui & Baldwin, 2012)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from math import nan
from typing import TYPE_CHECKING

from xltpipe.languages import resolve
from xltpipe.quality.scorers import outside_spans
from xltpipe.types import Unit

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LETTERS = 15
"""Fewer letters than this outside the spans say too little to name a language."""

NEITHER = 1e-3
"""Probability of both languages together below which a text is in neither.

Right sentences of the samples, short as they are, have .14 at least; a French one taken for
Spanish or English has 1e-5.
"""

_lock = threading.Lock()


class TargetLanguage:
    """Probability 0..1 that the target text is in the target language and not in the source's.

    NaN where the text is too short or the identifier does not know both languages.
    """

    def score(self, units: Sequence[Unit]) -> list[float]:
        return [self._one(unit) for unit in units]

    def _one(self, unit: Unit) -> float:
        text = outside_spans(unit.target)
        if sum(c.isalpha() for c in text) < LETTERS:
            return nan
        # the identifier's codes: two letters where they exist, else three
        target, source = resolve(unit.target.lang).opus, resolve(unit.source.lang).opus
        if target == source or not {target, source} <= set(_identifier().nb_classes):
            return nan
        return _between(text, target, source)


def _between(text: str, target: str, source: str) -> float:
    """P(target) where only the two languages are possible, unless it is plainly a third one."""
    ranked = dict(_identifier().rank(text))
    ours, theirs = float(ranked[target]), float(ranked[source])
    return ours / (ours + theirs) if ours + theirs > NEITHER else ours


def _identifier() -> LanguageIdentifier:
    with _lock:  # lru_cache alone lets two threads load the model at once
        return _load()


@lru_cache(maxsize=1)
def _load() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
