"""Answers: exact match and F1 of words of extractive question answering.

Rules are those of SQuAD (Rajpurkar et al., 2016; without answers: 2018) and, for other languages
than English, of MLQA (Lewis et al., 2020); see `answer_text`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from xltpipe.evaluation.answer_text import ARTICLES, Normalisation, words
from xltpipe.evaluation.signing import check_context
from xltpipe.evaluation.statistics import Measuring, Resampled, Row, divided
from xltpipe.types import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_OWN_KEYS = frozenset({"norm", "articles", "n", "v"})
ANSWER, CONTEXT = "answer", 1


class Answers(Resampled):
    """Settings: which score is the main one, and how answers are compared.

    `normalisation` mlqa: punctuation by Unicode category, articles of the answer's own language,
    Chinese by character. squad: ASCII punctuation and English articles whatever the language, as
    published results on XQuAD have it.
    """

    kind: Literal["answers"] = "answers"
    main: Literal["em", "f1"] = "f1"
    normalisation: Normalisation = "mlqa"

    def build(self, context: Mapping[str, str]) -> AnswersMetric:
        """Make the metric; `context` (test, lang, seed, ...) goes into every signature.

        Raises:
            RecipeError: a context key or value cannot stand in a signature.
        """
        check_context(context, _OWN_KEYS)
        return AnswersMetric(self, context)


class AnswersMetric(Measuring):
    """Compares one predicted answer with each gold answer and takes the best; 0 to 1.

    Answers are spans `answer` in the context. No span is the answer "there is none", right only
    where gold has none either. Of several predicted spans the first counts.
    `details`: em, f1, questions; the same of questions with an answer (`em:has_answer`) and
    without (`em:no_answer`; em and f1 are one there); `several`, predictions of more than one span.
    """

    def __init__(self, spec: Answers, context: Mapping[str, str]) -> None:
        super().__init__(spec, spec.main, context)
        self._rule = spec.normalisation

    @property
    def name(self) -> str:
        return f"answer_{self._main}"

    def rows(self, pairs: Sequence[tuple[Example, Example]]) -> list[Row]:
        """Exact match, F1, has an answer (0, 1), more than one was predicted (0, 1), questions."""
        return [self._row(right, guess) for right, guess in pairs]

    def values(self, totals: Floats) -> Floats:
        return divided(totals[:, 0 if self._main == "em" else 1], totals[:, -1])

    def table(self, rows: Sequence[Row]) -> Floats:
        """Em, F1, em and F1 of those with an answer, their number, several, questions."""
        import numpy as np

        em, overlap, has, several, one = np.array(rows, dtype=np.float64).T
        return np.stack([em, overlap, em * has, overlap * has, has, several, one], axis=1)

    def details(self, rows: Sequence[Row], totals: Floats) -> dict[str, float]:  # noqa: ARG002
        em, overlap, has_em, has_overlap, has, several, n = totals.tolist()
        out = {"em": em / n, "f1": overlap / n, "questions": n}
        if has:
            out |= {"em:has_answer": has_em / has, "f1:has_answer": has_overlap / has}
        if n - has:
            out["em:no_answer"] = (em - has_em) / (n - has)
        return out | {"questions:has_answer": has} | ({"several": several} if several else {})

    def parts(self, gold: Sequence[Example]) -> tuple[dict[str, str], dict[str, str]]:
        langs = {"eng"} if self._rule == "squad" else {e.lang for e in gold} & ARTICLES.keys()
        return {"norm": self._rule, "articles": "+".join(sorted(langs)) or "none"}, {}

    def _row(self, gold: Example, predicted: Example) -> Row:
        given = answers(predicted)
        guess = words(given[0], gold.lang, self._rule) if given else []
        truth = answers(gold)
        # an answer of nothing but articles and punctuation is as none (SQuAD 2.0's evaluation)
        right = [w for w in (words(t, gold.lang, self._rule) for t in truth) if w] or [[]]
        exact = max(float(guess == one) for one in right)
        overlap = max(overlapping(guess, one) for one in right)
        return exact, overlap, float(bool(truth)), float(len(given) > 1), 1.0


def answers(example: Example) -> list[str]:
    """The texts of an example's answers, in the order of its spans."""
    return [
        example.covered(s)
        for s in example.spans
        if s.text == CONTEXT and s.label.casefold() == ANSWER
    ]


def overlapping(guess: Sequence[str], right: Sequence[str]) -> float:
    """F1 of two bags of words; of two empty ones 1, of one empty one 0."""
    if not guess or not right:
        return float(guess == right)
    common = sum((Counter(guess) & Counter(right)).values())
    return 2 * common / (len(guess) + len(right))
