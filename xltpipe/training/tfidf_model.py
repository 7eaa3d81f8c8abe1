"""The linear model: weights of terms by tf-idf, in safetensors, with their vocabulary in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xltpipe.errors import DataError, require
from xltpipe.json_text import loads

MODEL = "model.safetensors"
VOCABULARY = "vocabulary.json"

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of one text, pair, or option: lists of terms, and numbers (perhaps none)."""

    terms: tuple[list[str], ...]
    numbers: list[float]


class Columns:
    """Turns what is seen into the columns of a sparse matrix.

    Each list of terms is weighted by itself, sublinear tf times idf to length 1 (Salton and
    Buckley, 1988); numbers have mean 0 and deviation 1 in training.
    """

    def __init__(self, weighing: Sequence[Any], mean: Floats, scale: Floats) -> None:
        self._weighing, self._mean, self._scale = list(weighing), mean, scale

    @classmethod
    def learn(cls, seen: Sequence[Seen], min_count: int) -> Columns:
        """Take up the terms that at least `min_count` rows have; all, where none has."""
        weighing = []
        for terms in zip(*(one.terms for one in seen), strict=True):
            counted = sum(len(set(row)) for row in terms)
            vectorizer = _weigh(min_df=min_count)
            try:
                vectorizer.fit(terms)
            except ValueError:  # too few rows for the count
                vectorizer = _weigh(min_df=1)
                vectorizer.fit(terms if counted else [["none"]])
            weighing.append(vectorizer)
        numbers = np.array([one.numbers for one in seen])
        scale = numbers.std(0)
        return cls(weighing, numbers.mean(0), np.where(scale > 0, scale, 1.0))

    def matrix(self, seen: Sequence[Seen]) -> Any:
        """One row each; single rows are those of the whole."""
        sparse = require("scipy.sparse", "train")
        blocks = [
            weigh.transform([one.terms[i] for one in seen])
            for i, weigh in enumerate(self._weighing)
        ]
        if len(self._mean):
            numbers = (np.array([one.numbers for one in seen]) - self._mean) / self._scale
            blocks.append(sparse.csr_matrix(numbers / np.sqrt(len(self._mean))))
        return sparse.hstack(blocks, format="csr")

    def save(self, home: Path, tensors: Mapping[str, Floats]) -> None:
        """Write vocabulary and tensors, without pickle."""
        names = [[str(t) for t in one.get_feature_names_out()] for one in self._weighing]
        text = json.dumps(names, ensure_ascii=False, indent=0)
        (home / VOCABULARY).write_text(text + "\n", "utf-8")
        arrays = {f"idf.{i}": one.idf_ for i, one in enumerate(self._weighing)}
        arrays |= {"mean": self._mean, "scale": self._scale, **tensors}
        save_arrays(home / MODEL, arrays)

    @classmethod
    def load(cls, home: Path) -> tuple[Columns, dict[str, Floats]]:
        """What `save` wrote.

        Raises:
            DataError: it is not there, or not whole.
        """
        arrays = load_arrays(home / MODEL)
        try:
            names = loads((home / VOCABULARY).read_bytes())
            weighing = []
            for i, terms in enumerate(names):
                vectorizer = _weigh(vocabulary={term: at for at, term in enumerate(terms)})
                vectorizer.idf_ = arrays.pop(f"idf.{i}")
                weighing.append(vectorizer)
            return cls(weighing, arrays.pop("mean"), arrays.pop("scale")), arrays
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(home / VOCABULARY, error) from error


def _weigh(**settings: Any) -> Any:
    text = require("sklearn.feature_extraction.text", "train")
    return text.TfidfVectorizer(analyzer=list, sublinear_tf=True, **settings)


def save_arrays(path: Path, arrays: Mapping[str, Floats]) -> None:
    """Write arrays of float32 as safetensors; equal content is equal bytes."""
    numpy = require("safetensors.numpy", "train")
    rows = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    path.write_bytes(numpy.save(rows))


def load_arrays(path: Path) -> dict[str, Floats]:
    """Read arrays, as float64.

    Raises:
        DataError: the file is not there, or not whole.
    """
    safetensors = require("safetensors", "train")
    numpy = require("safetensors.numpy", "train")
    try:
        arrays = numpy.load(path.read_bytes())
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise damaged(path, error) from error
    return {name: array.astype(np.float64) for name, array in arrays.items()}


def damaged(path: Path, error: Exception) -> DataError:
    """A model's file that cannot be read."""
    return DataError(
        f"Model must be a file that training wrote, was: {path} ({error}); train the model again"
    )
