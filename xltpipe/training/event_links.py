"""Event links: which trigger an argument belongs to, by logistic regression over pairs.

What is seen of a pair are the features of pipelined event extraction that need no parser (after
Li, Ji & Huang, 2013, table 3): type and role, order, distance, what stands between, edge words.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xltpipe.errors import require
from xltpipe.json_text import loads
from xltpipe.text import is_punctuation
from xltpipe.training.event_reading import ROLE, TRIGGER, Linked
from xltpipe.training.sentences import Sentence
from xltpipe.training.tfidf_model import MODEL, VOCABULARY, damaged, load_arrays, save_arrays
from xltpipe.types import Span

DISTANCES = (0, 1, 2, 3, 4, 6, 9, 14, 24)
"""Words between, at most, of each bucket of distance; further is one more."""
MOST = 3
"""From here on, numbers of triggers are one."""


class Links:
    """Scores pairs, as log-odds of being joined; knows the label of each role's arguments.

    Where there was nothing to tell apart (no pair, or all of them joined) all scores are 0.
    """

    def __init__(
        self, vocabulary: dict[str, int], arrays: Mapping[str, Any], labels: Mapping[str, str]
    ) -> None:
        self.vocabulary = vocabulary
        self.labels = dict(labels)
        self._weights: NDArray[Any] = arrays["weights"]
        self._bias = float(arrays["bias"][0])
        if self._weights.shape != (len(vocabulary),) or not np.isfinite(self._weights).all():
            raise ValueError(f"{self._weights.shape} weights for {len(vocabulary)} terms")

    @classmethod
    def fit(
        cls, rows: Sequence[Linked], labels: Mapping[str, str], c: float, max_iterations: int
    ) -> Links:
        """Fit to all pairs of a trigger and an argument of one sentence."""
        sparse = require("scipy.sparse", "train")
        linear = require("sklearn.linear_model", "train")
        vocabulary: dict[str, int] = {}
        columns: list[int] = []
        ends, truth = [0], []
        for row in rows:
            for pair, terms in pairs(row.sentence, row.spans):
                if pair not in row.unsure:
                    columns += [vocabulary.setdefault(term, len(vocabulary)) for term in terms]
                    ends.append(len(columns))
                    truth.append(pair in row.joined)
        if len(set(truth)) < 2:
            return cls({}, {"weights": np.zeros(0), "bias": np.zeros(1)}, labels)
        matrix = sparse.csr_matrix(
            (np.ones(len(columns)), columns, ends), shape=(len(truth), len(vocabulary))
        )
        fitted = linear.LogisticRegression(C=c, max_iter=max_iterations).fit(matrix, truth)
        arrays = {"weights": fitted.coef_[0], "bias": fitted.intercept_}
        return cls(vocabulary, arrays, labels)

    def join(self, sentence: Sentence, spans: Sequence[Span]) -> list[tuple[int, int]]:
        """Pairs (trigger, argument), by places in `spans`, ascending.

        Each argument is joined to its best trigger (the nearest, then the first, among equals),
        and to all that are more likely joined to it than not.
        """
        scores: dict[int, list[tuple[float, int, int]]] = {}
        for (head, tail), terms in pairs(sentence, spans):
            known = [self.vocabulary[term] for term in terms if term in self.vocabulary]
            score = float(self._weights[known].sum()) + self._bias
            distance = _gap(spans[head], spans[tail])
            scores.setdefault(tail, []).append((-score, distance, head))
        out = []
        for tail, found in scores.items():
            best = min(found)[2]
            out += [(head, tail) for score, _, head in found if head == best or score < 0]
        return sorted(out)

    def save(self, home: Path) -> None:
        """Write tensors and vocabulary, without pickle."""
        known = {"labels": self.labels, "terms": list(self.vocabulary)}
        text = json.dumps(known, ensure_ascii=False, indent=0, sort_keys=True)
        (home / VOCABULARY).write_text(text + "\n", "utf-8")
        save_arrays(home / MODEL, {"weights": self._weights, "bias": np.array([self._bias])})

    @classmethod
    def load(cls, home: Path) -> Links:
        """What `save` wrote.

        Raises:
            DataError: it is not there, or not whole.
        """
        arrays = load_arrays(home / MODEL)
        try:
            known = loads((home / VOCABULARY).read_bytes())
            vocabulary = {term: at for at, term in enumerate(known["terms"])}
            labels = {str(role): str(label) for role, label in known["labels"].items()}
            return cls(vocabulary, arrays, labels)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise damaged(home / VOCABULARY, error) from error


def pairs(sentence: Sentence, spans: Sequence[Span]) -> Iterator[tuple[tuple[int, int], list[str]]]:
    """Each trigger with each argument, by places in `spans`, and the terms that are seen."""
    starts = [start for start, _ in sentence.bounds]
    words = [word.lower() for word in sentence.words]
    ranges = [(bisect_left(starts, s.start), bisect_left(starts, s.end)) for s in spans]
    heads = [n for n, span in enumerate(spans) if span.label.startswith(TRIGGER)]
    for tail, span in enumerate(spans):
        if not span.label.startswith(ROLE):
            continue
        gaps = {head: _gap(spans[head], span) for head in heads}
        for head in heads:
            nearer = sum(gap < gaps[head] for gap in gaps.values())
            between = sum(
                min(ranges[head], ranges[tail]) < ranges[n] < max(ranges[head], ranges[tail])
                for n in heads
            )
            terms = _seen(words, ranges[head], ranges[tail])
            terms += [f"nearer {min(nearer, MOST)}", f"between {min(between, MOST)}"]
            yield (head, tail), _crossed(terms, spans[head].label, span.label)


def _crossed(terms: list[str], type: str, role: str) -> list[str]:
    """The terms by themselves, with the role, and with type and role; the first is the order."""
    order = terms[0]
    shaped = [term for term in terms if not term.startswith("w")]
    out = [*terms, *(f"{term} {role}" for term in shaped), f"{type} {role}"]
    return [*out, f"{order} {type} {role}", *(f"{term} {order}" for term in shaped[1:])]


def _seen(words: Sequence[str], head: tuple[int, int], tail: tuple[int, int]) -> list[str]:
    first, last = min(head, tail), max(head, tail)
    inside = words[first[1] : last[0]]
    distance = bisect_left(DISTANCES, len(inside))
    padded = ["<s>", *words, "</s>"]
    terms = ["before" if tail < head else "after", f"distance {distance}"]
    terms.append(f"marks {min(sum(map(is_punctuation, inside)), MOST)}")
    for name, (start, end) in (("t", head), ("a", tail)):
        terms += [f"w{name}< {padded[start]}", f"w{name}> {padded[end + 1]}"]
        terms += [f"w{name}[ {words[start]}", f"w{name}] {words[end - 1]}"]
    return terms


def _gap(one: Span, other: Span) -> int:
    """Characters between two spans."""
    return max(one.start, other.start) - min(one.end, other.end)
