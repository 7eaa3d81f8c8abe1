"""HMM: a statistical aligner trained on the run's own text, both directions by agreement.

Model: Vogel, Ney & Tillmann (1996); training: Liang, Taskar & Klein (2006). Needs no weights, no
compiler and no second language model; likeness of strings and a stored model help small corpora.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from xltpipe.alignment.symmetrise import Symmetrisation
from xltpipe.checksums import check_whole
from xltpipe.errors import DataError, RecipeError
from xltpipe.protocols import Aligner, Pair
from xltpipe.spec import Incidental, Spec

if TYPE_CHECKING:
    from xltpipe.alignment.bitext import Corpus
    from xltpipe.alignment.hmm_training import Prior


FILES = ("parameters.npz", "vocabulary.json", "settings.json")
"""What a trained model consists of."""


class HMM(Spec):
    """Settings; defaults are those measured best on spans and links, see docs/findings.md.

    `extra` are bitexts (`source TAB target` lines, plain or .gz) to train on besides, `prior` is
    the home of an HMM trained before, in either direction, whose counts enter `prior_weight`
    times. At most `max_pairs` pairs are used for training, spread evenly over the text, and none
    with a side over `max_words`. `cognates` is the pseudo-count of two equal strings (less for
    less alike ones, none below a Dice coefficient of `least_likeness`), `constant` that of any
    two words that meet; `stems` is the weight of counts lent by words that begin alike.
    `threshold` applies to the symmetrisations `mean` and `geometric_mean`.
    """

    kind: Literal["hmm"] = "hmm"
    symmetrisation: Symmetrisation = "mean"
    threshold: float = Field(default=0.48, ge=0, le=1)
    extra: Annotated[tuple[Path, ...], Incidental] = ()  # enters by content: fingerprint()
    prior: Annotated[Path | None, Incidental] = None
    prior_weight: float = Field(default=1.0, ge=0)
    ibm1: int = Field(default=5, ge=0)
    hmm: int = Field(default=5, ge=1)
    null_share: float = Field(default=0.05, gt=0, lt=1)
    constant: float = Field(default=1e-5, gt=0)
    cognates: float = Field(default=1.0, ge=0)
    least_likeness: float = Field(default=0.5, ge=0, le=1)
    stems: float = Field(default=0.5, ge=0)
    max_pairs: int = Field(default=100_000, ge=1)
    max_words: int = Field(default=250, ge=1)

    trained: ClassVar[bool] = True

    def fingerprint(self) -> dict[str, str]:
        """SHA-256 of each bitext and of the prior's files."""
        out = {f"extra.{place}": _digest([path]) for place, path in enumerate(self.extra)}
        if self.prior is not None:
            out["prior"] = _digest([self.prior / name for name in FILES])
        return out

    def check(self) -> None:
        """Meet a prior that was damaged.

        Raises:
            RecipeError: so.
        """
        if self.prior is not None:
            check_whole(self.prior)

    def train(self, pairs: Iterable[Pair], home: Path) -> None:
        """Learn from `pairs` (first) and `extra` (up to `max_pairs`) and write the model to `home`.

        Raises:
            DataError: an `extra` file or the `prior` cannot be read.
        """
        from xltpipe.alignment.bitext import read_bitext, read_corpus
        from xltpipe.alignment.hmm_parameters import save
        from xltpipe.alignment.hmm_training import Schedule, train
        from xltpipe.alignment.similarity import Smoothing

        extra = (pair for path in self.extra for pair in read_bitext(path))
        corpus = read_corpus(pairs, extra, max_pairs=self.max_pairs, max_words=self.max_words)
        schedule = Schedule(self.ibm1, self.hmm, self.null_share, self.stems)
        smoothing = Smoothing(self.constant, self.cognates, self.least_likeness)
        save(train(corpus, schedule, smoothing, self._prior(corpus)), home, corpus.notes)

    def build(
        self,
        home: Path | None,
        source: str,  # noqa: ARG002
        target: str,  # noqa: ARG002
        model: Path | None = None,  # noqa: ARG002
    ) -> Aligner:
        """The aligner that `train` left in `home`; languages and `model` play no part.

        Raises:
            DataError: there is no model in `home`.
        """
        from xltpipe.alignment.hmm_aligner import HMMAligner
        from xltpipe.alignment.hmm_parameters import load

        if home is None:
            raise DataError("HMM aligner must be trained before it is built, was: no artefact")
        return HMMAligner(load(home), symmetrisation=self.symmetrisation, threshold=self.threshold)

    def _prior(self, corpus: Corpus) -> Prior | None:
        """The prior, turned round if the corpus runs the other way."""
        from xltpipe.alignment.hmm_parameters import load
        from xltpipe.alignment.hmm_training import Prior

        if self.prior is None or not self.prior_weight:
            return None
        known = load(self.prior)
        words, others = corpus.source.index.keys(), corpus.target.index.keys()
        here = len(known.source.index.keys() & words) + len(known.target.index.keys() & others)
        there = len(known.source.index.keys() & others) + len(known.target.index.keys() & words)
        return Prior(known.swapped() if there > here else known, self.prior_weight)


def _digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the contents of files, in this order.

    Raises:
        RecipeError: a file is missing.
    """
    whole = hashlib.sha256()
    for path in paths:
        try:
            whole.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise RecipeError(f"File of an aligner must be readable, was: {error}") from error
    return whole.hexdigest()
