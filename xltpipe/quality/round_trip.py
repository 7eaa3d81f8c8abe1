"""Round trip: the target translated back must still say what the source says (sentence chrF).

An engine of the other direction is needed; what it gets wrong counts against the row, too, so that
scores compare rows of one run and no limit fits all engines. chrF is sacrebleu's (Popović, 2015;
Post, 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.protocols import Translator
from xltpipe.quality.column import Column
from xltpipe.quality.text_pairs import ByPair, Reading, Texts
from xltpipe.spec import Spec
from xltpipe.translation import CTranslate2, TranslatorSpec
from xltpipe.types import one_each

if TYPE_CHECKING:
    from xltpipe.quality.scorer import Scorer

COLUMN = Column(
    "round_trip",
    "lost_in_round_trip",
    "chrF",
    "chrF2 (0 to 100) of the target text translated back, against the source; of several texts "
    "the lowest.",
    "sacrebleu's sentence chrF (Popović, 2015); on the target translated back: ours",
    high=100.0,
)

COLUMNS = (COLUMN,)


class RoundTrip(Spec):
    """Settings. `engine` translates from the target language into the source's.

    The target's clean text goes back, never one with markers. A row whose translation back met a
    length limit of the engine, or could not be done, has no score, and is counted.
    """

    engine: TranslatorSpec = CTranslate2()

    def check(self) -> None:
        require("sacrebleu", "round_trip")
        self.engine.check()
        self.engine.fingerprint()  # meets a model that is not there

    def meet(self, source: str, target: str) -> None:
        """See that the engine knows the way back.

        Raises:
            RecipeError: it does not.
        """
        self.engine.build(target, source)

    def build(self, source: str, target: str) -> Scorer:
        """The scorer for this pair.

        Raises:
            RecipeError: the engine does not translate from target to source.
            MissingExtraError: sacrebleu is not installed.
        """
        metric = require("sacrebleu.metrics", "round_trip").CHRF()
        back = Back(self.engine.build(target, source), metric, source, target)
        told = (
            "round_trip: translations back that met a length limit of the engine, or that it could "
            "not do; their rows have no such score"
        )
        return ByPair(COLUMN, back, told)


class _Scored(Protocol):
    score: float


class SentenceMetric(Protocol):
    """The part of sacrebleu's metrics that is used here."""

    def sentence_score(self, hypothesis: str, references: Sequence[str]) -> _Scored: ...


class Back:
    """Translates target texts back, each once, and compares."""

    def __init__(
        self, translator: Translator, metric: SentenceMetric, source: str, target: str
    ) -> None:
        self._translator, self._metric = translator, metric
        self._source, self._target = source, target

    def read(self, pairs: Sequence[Texts]) -> list[Reading]:
        """One chrF per pair, None where the translation back is not whole."""
        texts = list(dict.fromkeys(target for _, target in pairs))
        progress.expect("translate", len(texts))
        done = self._translator.translate(texts, self._target, self._source)
        one_each("Translator", len(texts), done)
        back = dict(zip(texts, done, strict=True))
        return [
            Reading(None, cut=True)
            if back[target].truncated or back[target].fault is not None
            else Reading(self._metric.sentence_score(back[target].text, [source]).score)
            for source, target in pairs
        ]
