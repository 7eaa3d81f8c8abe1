"""fastText models of languages from a file: lid.176, OpenLID, GlotLID (Joulin et al., 2017)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from xltpipe.errors import RecipeError, require
from xltpipe.quality.language_opinion import UNSURE, Opinions, named
from xltpipe.quality.language_text import Texts

SURE = 0.5
"""Probability from which it is sure of a language."""

_LABEL = "__label__"
_FIRST = 5
"""Languages that it is asked for; the others have next to nothing."""


class Model(Protocol):
    """What is used of the package's model."""

    def get_labels(self) -> list[str]: ...

    def predict(
        self, text: list[str], k: int
    ) -> tuple[list[list[str]], list[np.ndarray[tuple[int], np.dtype[np.float32]]]]: ...


class FastText:
    """A model whose labels are codes of languages, with or without a script (`swh_Latn`, `sw`)."""

    def __init__(self, path: Path) -> None:
        self._model = _load(path)
        self._ids = {label: _language(label) for label in self._model.get_labels()}
        self._known = frozenset(self._ids.values())

    def knows(self, language: str) -> bool:
        return language in self._known

    def opinions(self, texts: Texts, ours: str, theirs: str) -> Opinions:
        rows = len(texts)
        shares = np.zeros((rows, 3), np.float64)
        said = np.full(rows, UNSURE, "<U16")
        labels, weights = self._model.predict(texts.strings(), _FIRST) if rows else ([], [])
        for row, (names, values) in enumerate(zip(labels, weights, strict=True)):
            seen: dict[str, float] = {}
            for label, value in zip(names, values, strict=True):
                # scripts of one language add up; rounding may lead above 1
                seen[self._ids[label]] = seen.get(self._ids[label], 0.0) + min(float(value), 1.0)
            best = max(seen, key=lambda language: seen[language], default=UNSURE)
            shares[row] = seen.get(ours, 0.0), seen.get(theirs, 0.0), seen.get(best, 0.0)
            said[row] = best if shares[row, 2] >= SURE else UNSURE
        return Opinions(shares[:, 0], shares[:, 1], said, shares[:, 2])


def _language(label: str) -> str:
    return named(label.removeprefix(_LABEL).split("_")[0])


@lru_cache(maxsize=1)
def _load(path: Path) -> Model:
    fasttext = require("fasttext", "fasttext")
    try:
        model: Model = fasttext.load_model(str(path))
    except ValueError as error:
        raise RecipeError(
            f"Model of languages must be a fastText model, was: {str(path)!r} ({error})"
        ) from error
    return model
