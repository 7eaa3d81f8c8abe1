"""CTranslate2 at work: translations, n-best lists, and scores of given targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from xltpipe import progress
from xltpipe.errors import RecipeError
from xltpipe.languages import Language, resolve
from xltpipe.translation import long_texts
from xltpipe.translation.batches import budget
from xltpipe.translation.codec import Codec, codec
from xltpipe.translation.decoding import Decoding
from xltpipe.translation.description import vocabulary
from xltpipe.translation.engines import EngineKey, usable_cores
from xltpipe.translation.likelihood import Likelihood, open_likelihood
from xltpipe.types import Translation, one_each

if TYPE_CHECKING:
    from xltpipe.translation.ctranslate2 import CTranslate2

_MOST_CANDIDATES = 64
_UNBOUND = 1 << 30


class CTranslate2Translator:
    """Translates with one model. `counts` says what was met on the way: texts that were `split` or
    translated `by_lines`, and how often memory did not suffice (`smaller_batches`).

    Holds no engine itself, so it may be pickled and sent to another process.
    """

    def __init__(self, spec: CTranslate2, model: Path) -> None:
        self.counts: Counter[str] = Counter()
        self._spec = spec
        self._model = model
        self._key = _engine_key(spec, model)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """One translation per text, same order; blank texts give an empty one.

        Raises:
            RecipeError: the model does not translate this pair, or memory does not suffice for a
                single text.
        """
        return [found[0] for found in self._best(texts, source, target, 1)]

    def candidates(
        self, texts: Sequence[str], source: str, target: str, n: int
    ) -> list[list[Translation]]:
        """The n best translations of each text, best first, by beam search; as many for each.

        Of a text that was split, the k-th one is made of the k-th best of each part. A blank text
        has one empty candidate.

        Raises:
            RecipeError: n is not in 1..64, or see `translate`.
        """
        if not 1 <= n <= _MOST_CANDIDATES:
            raise RecipeError(f"Candidates must be 1 to {_MOST_CANDIDATES} per text, was: {n}")
        return self._best(texts, source, target, n)

    def score(
        self, sources: Sequence[str], targets: Sequence[str], source: str, target: str
    ) -> list[float | None]:
        """Mean log-probability per token of each given target, its end counted, by forced decoding.

        None for a pair with a blank side, or one that the model cannot hold.

        Raises:
            RecipeError: the model does not translate this pair.
            DataError: there are not as many targets as sources.
        """
        one_each("Targets to score", len(sources), targets)
        codec(self._model, resolve(source), resolve(target))
        pairs = list(zip(sources, targets, strict=True))
        return self._likelihood(source, target).log_likelihoods("forward", pairs)

    def round_trip(self, text: str, source: str, target: str) -> str:
        """The text as the engine's own pieces tell it: what is missing, the engine never sees."""
        speech = codec(self._model, resolve(source), resolve(target))
        limit = self._spec.max_input_tokens if self._spec.long_texts == "truncate" else _UNBOUND
        pieces, _ = speech.encode([text], limit)[0]
        # Tokenisers also give pieces that the engine does not have: it reads <unk> in their place.
        known = vocabulary(self._model)
        told = speech.decode([[piece for piece in pieces if piece in known]])[0]
        return told.removeprefix(speech.frame.prompt)

    def _best(
        self, texts: Sequence[str], source: str, target: str, n: int
    ) -> list[list[Translation]]:
        one, other = resolve(source), resolve(target)
        speech = codec(self._model, one, other)
        found, several = long_texts.by_lines(
            texts, other, lambda some: self._each(some, speech, other, n)
        )
        if several:
            self.counts["by_lines"] += several
        return found

    def _each(
        self, texts: Sequence[str], speech: Codec, target: Language, n: int
    ) -> list[list[Translation]]:
        spare = self._spec.long_texts != "truncate"
        first = self._decode(texts, speech, n, spare_long=spare)
        if not first.long:
            return first.found
        if self._spec.long_texts == "fault":
            self._refuse(texts, first, speech)
        else:
            self._split(texts, first, speech, target, n)
        progress.tick("translate", len(first.long))
        return first.found

    def _decode(self, texts: Sequence[str], speech: Codec, n: int, *, spare_long: bool) -> Decoding:
        held = budget(self._key, self._spec.batch_tokens)
        decoding = Decoding(
            self._spec, self._key, speech, held, hypotheses=n, spare_long=spare_long
        )
        decoding.run(texts)
        self.counts += decoding.counts
        return decoding

    def _refuse(self, texts: Sequence[str], first: Decoding, speech: Codec) -> None:
        """Say of each long text that it is too long."""
        encoded = speech.encode([texts[place] for place in first.long], _UNBOUND)
        for place, (pieces, _) in zip(first.long, encoded, strict=True):
            told = (
                f"too_long: text of {len(pieces)} tokens, where max_input_tokens is "
                f'{self._spec.max_input_tokens}; long_texts = "split" translates it by sentences'
            )
            first.found[place] = [Translation("", tokens_in=len(pieces), fault=told)]

    def _split(
        self,
        texts: Sequence[str],
        first: Decoding,
        speech: Codec,
        target: Language,
        n: int,
    ) -> None:
        """Translate long texts part by part."""
        long = [texts[place] for place in first.long]
        limit = self._spec.max_input_tokens
        cuts = long_texts.cut(long, lambda some: [not cut for _, cut in speech.encode(some, limit)])
        parts = [text[a:b] for text, bounds in zip(long, cuts, strict=True) for a, b in bounds]
        progress.expect("translate", len(parts))
        # A part that cannot be cut further (a marked span) is truncated, and marked so.
        done = iter(self._decode(parts, speech, n, spare_long=False).found)
        for place, text, bounds in zip(first.long, long, cuts, strict=True):
            found = [next(done) for _ in bounds]
            first.found[place] = long_texts.join_ranked(text, bounds, found, target)
        self.counts["split"] += len(long)
        progress.note(
            f"texts of more than {limit} tokens were translated sentence by sentence and joined "
            '(translation.long_texts = "split"); the translate stage counts them'
        )

    def _likelihood(self, source: str, target: str) -> Likelihood:
        if (source, target) not in self._likelihoods:
            self._likelihoods[source, target] = open_likelihood(
                self._model,
                source,
                target,
                normalised=False,
                join="mean",
                compute_type=self._spec.compute_type,
                device=self._spec.device,
            )
        return self._likelihoods[source, target]

    @cached_property
    def _likelihoods(self) -> dict[tuple[str, str], Likelihood]:
        return {}


def _engine_key(spec: CTranslate2, model: Path) -> EngineKey:
    """Workers and threads from the spec, or one worker per usable core (none idle, none waits)."""
    cores = usable_cores() if spec.device == "cpu" else 1
    threads = spec.threads or (max(1, cores // spec.workers) if spec.workers else 1)
    workers = spec.workers or max(1, cores // threads)
    return EngineKey(model, spec.device, spec.compute_type, workers, threads, spec.devices)
