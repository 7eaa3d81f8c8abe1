"""Learning a combination of scores: logistic regression on good and bad rows (scikit-learn).

Rows are parted by their ids into three: one to learn on, one to set the threshold on, one to
report on; whatever was made of a row lies in the part of the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from xltpipe import __version__
from xltpipe.errors import DataError, require
from xltpipe.quality.column import Floats, Mask
from xltpipe.quality.combination import COLUMN, Model, Term, features

CLEAN = "clean"

MOST = 4.0
"""Distances beyond four standard deviations count as four."""

PENALTY = 1.0
"""Inverse strength of the L2 penalty."""

LEARN, SET = 60, 80
"""Of a hundred rows those below the first are learnt from, those below the second set the
threshold, the others are reported on."""

LEAST = 10
"""Good and bad rows that must be there each."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to learn from: their scores, ids and kinds; a kind is `clean` or names a fault."""

    scores: Mapping[str, Floats]
    ids: Sequence[str]
    kinds: Sequence[str]

    @property
    def clean(self) -> Mask:
        return np.array([kind == CLEAN for kind in self.kinds], np.bool_)


@dataclass(frozen=True, slots=True)
class Caught:
    """Of the reported rows of one kind how many the threshold drops."""

    kind: str
    rows: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """The model, and what it does on rows that it was not learnt from."""

    model: Model
    caught: list[Caught]


def learn(
    rows: Rows, *, seed: int, false_alarms: float, signature: Mapping[str, str | int | float]
) -> Learnt:
    """Learn a model and set its threshold to drop `false_alarms` of clean rows.

    Every kind of fault weighs as much as every other, and all faults as much as the clean rows.

    Raises:
        DataError: too few rows of a side. MissingExtraError: scikit-learn is not installed.
    """
    clean = rows.clean
    part = parts(rows.ids, seed)
    learnt, setting, told = part < LEARN, (part >= LEARN) & (part < SET), part >= SET
    _enough(clean, learnt, setting, told)
    some = {name: values[learnt] for name, values in rows.scores.items()}
    draft = fit(some, clean[learnt], _weights(rows.kinds, learnt))
    given = draft.combined(rows.scores)
    threshold = _threshold(given[setting & clean], false_alarms)
    counts = {"rows": len(rows.ids), "clean": int(clean.sum()), "seed": seed}
    model = draft.model_copy(
        update={
            "threshold": threshold,
            "false_alarms": false_alarms,
            "signature": {**signature, **counts, **draft.signature},
        }
    )
    return Learnt(model, _caught(rows.kinds, given < threshold, told))


def fit(scores: Mapping[str, Floats], good: Mask, weights: Floats | None = None) -> Model:
    """A model of what tells good rows from others; its threshold drops nothing yet.

    Raises:
        DataError: no score differs between rows. MissingExtraError: scikit-learn is not installed.
    """
    sklearn = require("sklearn", "suggest")
    from sklearn.linear_model import LogisticRegression

    columns = _columns(scores)
    matrix = np.column_stack(
        [f for name, (c, s) in columns.items() for f in features(scores[name], c, s, MOST)]
    )
    found = LogisticRegression(C=PENALTY, max_iter=5000, tol=1e-6)
    found.fit(matrix, good, sample_weight=weights)
    coefficients = found.coef_[0].reshape(len(columns), 3).tolist()
    return Model(
        terms=tuple(
            Term(column=name, center=c, scale=s, below=b, above=a, missing=m)
            for (name, (c, s)), (b, a, m) in zip(columns.items(), coefficients, strict=True)
        ),
        intercept=float(found.intercept_[0]),
        most=MOST,
        threshold=0.0,
        false_alarms=0.0,
        signature={"xltpipe": __version__, "sklearn": str(sklearn.__version__)},
    )


def parts(ids: Sequence[str], seed: int) -> NDArray[np.int64]:
    """The place 0..99 of each row, by its id alone."""
    digests = (blake2b(f"{seed}\n{i}".encode("utf-8", "surrogatepass"), digest_size=8) for i in ids)
    return np.array([int.from_bytes(d.digest()) % 100 for d in digests], np.int64)


def _enough(clean: Mask, learnt: Mask, setting: Mask, told: Mask) -> None:
    counts = {"good": int(clean.sum()), "bad": int((~clean).sum())}
    parts = [(clean & p).any() for p in (learnt, setting, told)] + [(~clean & learnt).any()]
    if min(counts.values()) < LEAST or not all(parts):
        raise DataError(
            f"Learning must have at least {LEAST} good and {LEAST} bad rows, was: "
            f"{counts['good']} good, {counts['bad']} bad; label more rows, or take a larger run"
        )


def _columns(scores: Mapping[str, Floats]) -> dict[str, tuple[float, float]]:
    """The scores that tell rows apart, each with its median and standard deviation."""
    out = {}
    for name, some in scores.items():
        known = some[np.isfinite(some)]
        if name == COLUMN.name or not len(known):
            continue
        scale = float(np.std(known))
        gone = np.isnan(some)
        if scale > 1e-12 or (gone.any() and not gone.all()):
            out[name] = (float(np.median(known)), scale if scale > 1e-12 else 1.0)
    if not out:
        raise DataError("Learning must have a score that differs between rows, was: none")
    return out


def _weights(kinds: Sequence[str], learnt: Mask) -> Floats:
    mine = [kind for kind, here in zip(kinds, learnt, strict=True) if here]
    sizes = {kind: mine.count(kind) for kind in set(mine)}
    faults = len(sizes) - 1
    each = {k: len(mine) / n / (2 if k == CLEAN else 2 * faults) for k, n in sizes.items()}
    return np.array([each[kind] for kind in mine])


def _threshold(clean: Floats, false_alarms: float) -> float:
    """Rounded down, so that it drops rather fewer clean rows."""
    known = np.sort(clean[~np.isnan(clean)])
    allowed = int(false_alarms * len(known))
    return float(np.floor(known[allowed] * 1e4) / 1e4) if len(known) else 0.0


def _caught(kinds: Sequence[str], dropped: Mask, told: Mask) -> list[Caught]:
    out = []
    for kind in dict.fromkeys(kinds):
        mine = told & np.array([k == kind for k in kinds])
        out.append(Caught(kind, int(mine.sum()), int((mine & dropped).sum())))
    return out
