"""CTranslate2: translate with any converted encoder-decoder model (OpenNMT, 2019-)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from xltpipe import progress
from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.protocols import Translator
from xltpipe.spec import Incidental, Licensed
from xltpipe.translation.codec import Codec, Pieces, codec
from xltpipe.translation.description import describe
from xltpipe.translation.engines import Engine, EngineKey, Pending, engine, usable_cores
from xltpipe.translation.models import find_model, model_digest
from xltpipe.types import Translation

_WINDOW = 2048  # texts tokenised at a time: small enough that decoding soon starts beside it
_AHEAD = 4  # batches per worker left in the queue while the next window is tokenised
_BATCH_TOKENS_CPU, _BATCH_TOKENS_GPU = 1024, 16384
_CAP_STEP = 32  # output caps rise in steps, so that texts of like length still share a batch


class CTranslate2(Licensed):
    """A CTranslate2 model directory and how to decode with it.

    Beam and repetition penalty are chosen for the embedded model (docs/findings.md).
    `max_output_ratio` bounds the output at that many tokens per source token, plus 16.
    Zero for `workers`, `threads` and `batch_tokens` means: set from the machine.
    """

    kind: Literal["ctranslate2"] = "ctranslate2"
    # By content only, through fingerprint(): the same model elsewhere gives the same texts.
    model: Annotated[str, Incidental] = "embedded"
    beam: int = Field(default=2, ge=1, le=64)
    repetition_penalty: float = Field(default=1.2, ge=1.0, le=3.0)
    # A model gives other texts at another precision, so the type is part of the experiment.
    compute_type: Literal["int8", "float32", "float16", "int8_float16", "auto"] = "int8"
    max_input_tokens: int = Field(default=256, ge=8)
    max_output_tokens: int = Field(default=256, ge=8)
    max_output_ratio: float = Field(default=3.0, ge=1.0)
    batch_tokens: Annotated[int, Incidental, Field(ge=0)] = 0
    workers: Annotated[int, Incidental, Field(ge=0)] = 0
    threads: Annotated[int, Incidental, Field(ge=0)] = 0
    device: Literal["cpu", "cuda", "auto"] = "cpu"  # kernels differ in the last digits

    def build(self, source: str, target: str) -> Translator:
        """A translator for this pair; the model itself is loaded at its first batch.

        Raises:
            RecipeError: no such model, pair outside it, or limits beyond its positions.
        """
        model = find_model(self.model)
        positions = describe(model).max_positions
        for name in ("max_input_tokens", "max_output_tokens"):
            if getattr(self, name) > positions:
                raise RecipeError(
                    f"{name} must be at most the {positions} positions of {model.name}, "
                    f"was: {getattr(self, name)}"
                )
        codec(model, resolve(source), resolve(target))
        return CTranslate2Translator(self, model)

    def fingerprint(self) -> dict[str, str]:
        return {"model": model_digest(find_model(self.model))}

    def native_markers(self) -> bool:
        """The model was trained to carry markers `[A] … [/A]` through."""
        return bool(describe(find_model(self.model)).markers)

    def native_tags(self) -> bool:
        """Models know nothing but text."""
        return False

    def aligning_model(self) -> Path | None:
        """The model directory, for aligners that read its attention."""
        return find_model(self.model)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Texts under way: their places in the input, source lengths, cuts, and results to come."""

    places: list[int]
    lengths: list[int]
    cut: list[bool]
    pending: list[Pending]


class CTranslate2Translator:
    """Keeps the engine's queue full of batches of like length while it reads and writes text.

    Holds no engine itself, so it may be pickled and sent to another process.
    """

    def __init__(self, spec: CTranslate2, model: Path) -> None:
        self._spec = spec
        self._model = model
        self._key = _engine_key(spec, model)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """One translation per text, same order; blank texts give an empty one.

        Raises:
            RecipeError: the model does not translate this pair.
        """
        speech = codec(self._model, resolve(source), resolve(target))
        results = [Translation("")] * len(texts)
        # Longest first: batches pad little, and the last ones under way are the short ones.
        order = [place for place, text in enumerate(texts) if text and not text.isspace()]
        progress.tick("translate", len(texts) - len(order))
        order.sort(key=lambda place: -len(texts[place]))
        under_way: deque[_Batch] = deque()
        for start in range(0, len(order), _WINDOW):
            under_way.extend(self._submit(texts, order[start : start + _WINDOW], speech))
            while len(under_way) > _AHEAD * self._key.workers:
                self._finish(under_way.popleft(), speech, results)
        while under_way:
            self._finish(under_way.popleft(), speech, results)
        return results

    def round_trip(self, text: str, source: str, target: str) -> str:
        """The text as the engine's own pieces tell it: what is missing, the engine never sees."""
        speech = codec(self._model, resolve(source), resolve(target))
        (pieces, _), *_ = speech.encode([text], self._spec.max_input_tokens)
        return speech.decode([pieces])[0]

    def _submit(self, texts: Sequence[str], places: list[int], speech: Codec) -> Iterator[_Batch]:
        """Tokenise a window of texts and hand it to the engine, batch by batch."""
        encoded = speech.encode([texts[place] for place in places], self._spec.max_input_tokens)
        tokens = {place: one for place, (one, _) in zip(places, encoded, strict=True)}
        cut = {place: was_cut for place, (_, was_cut) in zip(places, encoded, strict=True)}
        running = engine(self._key)
        for batch in self._batches({place: len(one) for place, one in tokens.items()}):
            yield _Batch(
                places=batch,
                lengths=[len(tokens[place]) for place in batch],
                cut=[cut[place] for place in batch],
                pending=self._start(running, [tokens[place] for place in batch], speech),
            )

    def _batches(self, lengths: dict[int, int]) -> Iterator[list[int]]:
        """Places in batches of one output cap and at most `batch_tokens` padded source tokens."""
        budget = self._spec.batch_tokens or _batch_tokens(self._spec.device)
        batch: list[int] = []
        longest = 0
        for place in sorted(lengths, key=lambda place: -lengths[place]):
            length = lengths[place]
            full = (len(batch) + 1) * longest > budget
            if batch and (full or self._cap(length) != self._cap(longest)):
                yield batch
                batch = []
            if not batch:
                longest = length
            batch.append(place)
        if batch:
            yield batch

    def _cap(self, length: int) -> int:
        """The most output tokens for a source of this length; it must not depend on the batch."""
        cap = math.ceil((self._spec.max_output_ratio * length + 16) / _CAP_STEP) * _CAP_STEP
        return min(cap, self._spec.max_output_tokens)

    def _start(self, running: Engine, sources: list[Pieces], speech: Codec) -> list[Pending]:
        prefix = speech.frame.prefix
        return running.translate_batch(
            sources,
            [prefix] * len(sources) if prefix else None,
            asynchronous=True,
            beam_size=self._spec.beam,
            repetition_penalty=self._spec.repetition_penalty,
            disable_unk=True,  # an <unk> is a hole in the text; the next best piece is not
            return_end_token=True,  # its absence is the only sign of an output cut short
            return_scores=True,
            max_input_length=0,  # cut by the codec, and said so; here it would be silent
            max_decoding_length=self._cap(max(map(len, sources))),
        )

    def _finish(self, batch: _Batch, speech: Codec, results: list[Translation]) -> None:
        """Wait for a batch and put its translations in their places."""
        answers = [pending.result() for pending in batch.pending]
        outputs = [answer.hypotheses[0] for answer in answers]
        decoded = speech.decode(outputs)
        forced = len(speech.frame.prefix)
        for k, place in enumerate(batch.places):
            size = len(outputs[k])
            whole = size > forced and outputs[k][-1] == speech.end
            # The engine divides by all tokens, but gives a forced prefix no log-probability.
            score = answers[k].scores[0] * size / (size - forced) if size > forced else None
            results[place] = Translation(
                text=decoded[k],
                score=score,
                tokens_in=batch.lengths[k],
                tokens_out=size - forced,
                truncated=batch.cut[k] or not whole,
            )
        progress.tick("translate", len(batch.places))


def _engine_key(spec: CTranslate2, model: Path) -> EngineKey:
    """Workers and threads from the spec, or one worker per usable core (none idle, none waits)."""
    cores = usable_cores() if spec.device == "cpu" else 1
    threads = spec.threads or (max(1, cores // spec.workers) if spec.workers else 1)
    workers = spec.workers or max(1, cores // threads)
    return EngineKey(model, spec.device, spec.compute_type, workers, threads)


def _batch_tokens(device: str) -> int:
    return _BATCH_TOKENS_CPU if device == "cpu" else _BATCH_TOKENS_GPU
