"""Classification: accuracy, macro F1, and precision, recall and F1 of each label.

As scikit-learn defines them (Pedregosa et al., 2011): macro F1 is the mean of F1 over the labels
that occur in the gold data or among the predictions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from xltpipe.errors import DataError
from xltpipe.evaluation.signing import check_context
from xltpipe.evaluation.statistics import Measuring, Resampled, Row, divided, f1, ratios
from xltpipe.types import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_OWN_KEYS = frozenset({"labels", "n", "v"})


class Classification(Resampled):
    """Settings: which score is the main one. An example without a predicted label is wrong."""

    kind: Literal["classification"] = "classification"
    main: Literal["accuracy", "macro_f1"] = "accuracy"

    def build(self, context: Mapping[str, str]) -> ClassificationMetric:
        """Make the metric; `context` (test, lang, seed, ...) goes into every signature.

        Raises:
            RecipeError: a context key or value cannot stand in a signature.
        """
        check_context(context, _OWN_KEYS)
        return ClassificationMetric(self, self.main, context)


class ClassificationMetric(Measuring):
    """Compares labels of whole examples.

    `details`: accuracy, macro_f1, and by label precision, recall, f1, support, predicted.
    """

    @property
    def name(self) -> str:
        return self._main

    def rows(self, pairs: Sequence[tuple[Example, Example]]) -> list[Row]:
        """The gold and the predicted label ("": none) of each example.

        Raises:
            DataError: a gold example has no label.
        """
        for right, _ in pairs:
            if right.label is None:
                raise DataError(
                    f"Gold example must have a label, was: none (id {right.id!r}); hidden test "
                    "sets have none to score on"
                )
        return [(right.label or "", guess.label or "") for right, guess in pairs]

    def table(self, rows: Sequence[Row]) -> Floats:
        """For each label in order: right, predicted, gold."""
        import numpy as np

        place = {label: number for number, label in enumerate(_labels(rows))}
        counts = np.zeros((len(rows), len(place), 3))
        for number, (right, guess) in enumerate(rows):
            counts[number, place[str(right)], 2] += 1
            if guess:
                counts[number, place[str(guess)], 1] += 1
            if guess == right:
                counts[number, place[str(right)], 0] += 1
        return counts.reshape(len(rows), -1)

    def values(self, totals: Floats) -> Floats:
        return self._both(totals)[self._main]

    def details(self, rows: Sequence[Row], totals: Floats) -> dict[str, float]:
        out = {name: float(value[0]) for name, value in self._both(totals[None]).items()}
        for label, counts in zip(_labels(rows), totals.reshape(-1, 3).tolist(), strict=True):
            out |= ratios(counts, f":{label}")
        return out

    def parts(self, gold: Sequence[Example]) -> tuple[dict[str, str], dict[str, str]]:
        return {}, {"labels": str(len({e.label for e in gold}))}

    def _both(self, totals: Floats) -> dict[str, Floats]:
        import numpy as np

        counts = totals.reshape(len(totals), -1, 3)
        right, _, gold = np.moveaxis(counts.sum(axis=1), -1, 0)
        by_label = f1(counts)
        seen = ~np.isnan(by_label)
        mean = divided(np.where(seen, by_label, 0).sum(axis=1), seen.sum(axis=1).astype(float))
        return {"accuracy": divided(right, gold), "macro_f1": mean}


def _labels(rows: Sequence[Row]) -> list[str]:
    return sorted({str(label) for row in rows for label in row if label})
