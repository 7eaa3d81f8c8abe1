"""Translation: chrF and BLEU of the last text, by sacrebleu (Popović, 2015; Papineni et al., 2002).

Scores are sacrebleu's, 0 to 100, and so is what the signature says of them (Post, 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from xltpipe.errors import require
from xltpipe.evaluation.signing import check_context
from xltpipe.evaluation.statistics import Measuring, Resampled, Row
from xltpipe.types import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_OWN_KEYS = frozenset({"chrf", "bleu", "n", "v"})
_BY_CHARACTER = frozenset({"jpn", "yue", "tha", "lao", "khm", "mya"})
"""Languages without spaces for which sacrebleu has no tokeniser of its own without models."""


class Translation(Resampled):
    """Settings. `word_order` 2 makes chrF++ of chrF; `tokenise` is BLEU's, auto by the language:
    zh for Chinese, char for others that are written without spaces, 13a else.
    """

    kind: Literal["translation"] = "translation"
    main: Literal["chrf", "bleu"] = "chrf"
    word_order: int = Field(default=0, ge=0, le=4)
    tokenise: Literal["auto", "13a", "intl", "zh", "char", "none"] = "auto"

    def check(self) -> None:
        require("sacrebleu", "round_trip")

    def build(self, context: Mapping[str, str]) -> TranslationMetric:
        """Make the metric; `context` (test, lang, seed, ...) goes into every signature.

        Raises:
            RecipeError: a context key or value cannot stand in a signature.
        """
        check_context(context, _OWN_KEYS)
        return TranslationMetric(self, context)


class TranslationMetric(Measuring):
    """Compares the last text of each example, of a translation or a dialogue; those before it must
    be the gold ones. `details`: chrf and bleu.
    """

    free: ClassVar[int] = 1

    def __init__(self, spec: Translation, context: Mapping[str, str]) -> None:
        super().__init__(spec, spec.main, context)
        self._spec = spec
        self._engines: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self._main

    def rows(self, pairs: Sequence[tuple[Example, Example]]) -> list[Row]:
        """What sacrebleu counts in each text, for chrF and then for BLEU.

        Raises:
            MissingExtraError: sacrebleu is not installed.
        """
        self._engines = self._made([right for right, _ in pairs])
        right = [gold.texts[-1] if gold.texts else "" for gold, _ in pairs]
        guess = [predicted.texts[-1] if predicted.texts else "" for _, predicted in pairs]
        if not pairs:
            return []
        # sacrebleu has these for its own tests of significance, but only under such names
        counted = [e._extract_corpus_statistics(guess, [right]) for e in self._engines.values()]  # noqa: SLF001
        return [(*chrf, *bleu) for chrf, bleu in zip(*counted, strict=True)]

    def values(self, totals: Floats) -> Floats:
        return self._scored(self._main, totals)

    def details(self, rows: Sequence[Row], totals: Floats) -> dict[str, float]:  # noqa: ARG002
        return {name: float(self._scored(name, totals[None])[0]) for name in ("chrf", "bleu")}

    def parts(self, gold: Sequence[Example]) -> tuple[dict[str, str], dict[str, str]]:
        engines = self._engines or self._made(gold)
        return {}, {name: _said(engine) for name, engine in engines.items()}

    def _made(self, gold: Sequence[Example]) -> dict[str, Any]:
        sacrebleu = require("sacrebleu", "round_trip")
        langs = {example.lang for example in gold}
        auto = "zh" if langs == {"zho"} else "char" if langs & _BY_CHARACTER else "13a"
        tokenise = auto if self._spec.tokenise == "auto" else self._spec.tokenise
        engines = {
            "chrf": sacrebleu.CHRF(word_order=self._spec.word_order),
            "bleu": sacrebleu.BLEU(tokenize=tokenise),
        }
        for engine in engines.values():
            engine.num_refs = 1  # its signature tells; known only after a first score otherwise
        return engines

    def _scored(self, name: str, totals: Floats) -> Floats:
        import numpy as np

        engine = self._engines[name]
        border = 3 * self._engines["chrf"].order  # three counts for each length of n-gram
        part = totals[:, :border] if name == "chrf" else totals[:, border:]
        score = engine._compute_score_from_stats  # noqa: SLF001
        return np.array([score([int(n) for n in row]).score for row in part.tolist()])


def _said(engine: Any) -> str:
    """The signature that sacrebleu gives, as one part of ours."""
    return str(engine.get_signature()).replace("|", ",").replace(":", "=")
