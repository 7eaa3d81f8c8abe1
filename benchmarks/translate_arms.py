"""Arms: ways to translate the same sentences with CTranslate2, all from the same settings."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import ctranslate2

from xltpipe import stages
from xltpipe.languages import resolve
from xltpipe.projection.tools import Plain
from xltpipe.translation import CTranslate2
from xltpipe.translation.codec import codec
from xltpipe.translation.ctranslate2 import _CAP_STEP
from xltpipe.translation.models import find_model
from xltpipe.types import Example

REPOSITORY = Path(__file__).resolve().parents[1]
RAW_BATCHES = (512, 1024, 2048, 4096)  # tokens; raw CTranslate2 gets the best of these


def sentences(count: int, shared: Path) -> dict[str, list[str]]:
    """English sentences by origin: half WikiNEuRal (long, out of the embedded model's domain) and
    half Tatoeba (short, within it); the committed samples where these are not there.
    """
    wiki = shared / "data/ner/wikineural/en.val.conllu.gz"
    tatoeba = shared / "data/parallel/tatoeba.en-es.tsv.gz"
    if not (wiki.is_file() and tatoeba.is_file()):
        sample = REPOSITORY / "data/samples/parallel.eng-spa.tsv"
        lines = sample.read_text("utf-8").splitlines()
        return {"committed samples": [line.split("\t")[0] for line in lines][:count]}
    with gzip.open(wiki, "rt", encoding="utf-8") as rows:
        blocks = rows.read().split("\n\n")
    long = [" ".join(row.split("\t")[1] for row in b.splitlines()) for b in blocks if b.strip()]
    with gzip.open(tatoeba, "rt", encoding="utf-8") as rows:
        pairs = rows.read().splitlines()
    half = count // 2
    short = list(dict.fromkeys(pair.split("\t")[0] for pair in pairs))
    step = max(1, len(short) // half)
    return {"WikiNEuRal en.val": long[: count - half], "Tatoeba": short[::step][:half]}


def some(texts: Sequence[str], count: int) -> list[str]:
    """So many of them, spread over all."""
    return list(texts[:: max(1, len(texts) // count)][:count])


def limit(spec: CTranslate2, length: int) -> int:
    """The most output tokens for a source of this many: the engine's own rule."""
    steps = math.ceil((spec.max_output_ratio * length + 16) / _CAP_STEP)
    return min(steps * _CAP_STEP, spec.max_output_tokens)


class Stage:
    """Our own stage: examples in, units out."""

    def __init__(self, spec: CTranslate2, texts: Sequence[str]) -> None:
        self._translator = spec.build("eng", "spa")
        self._examples = [Example(str(n), "eng", (text,)) for n, text in enumerate(texts)]
        self.texts: list[str] = []

    def __call__(self) -> int:
        units = stages.translate(self._examples, self._translator, Plain(), "spa")
        self.texts = [unit.target.texts[0] for unit in units]
        return sum(one.tokens_out for unit in units for one in unit.received)


class Raw:
    """CTranslate2 by itself on sentences that are tokenised already, in one queue.

    One call for each output limit, all under way at once: limits as ours, so that the work is.
    """

    def __init__(self, spec: CTranslate2, texts: Sequence[str]) -> None:
        self.spec, self.texts = spec, list(texts)
        model = find_model(spec.model)
        self.codec = codec(model, resolve("eng"), resolve("spa"))
        self.engine = ctranslate2.Translator(
            str(model),
            device=spec.device,
            compute_type=spec.compute_type,
            inter_threads=spec.workers or 1,  # the engine waits for ever on none
            intra_threads=1,
        )
        encoded = self.codec.encode(self.texts, spec.max_input_tokens)
        self.sources = [one for one, _ in encoded]
        self.batch = RAW_BATCHES[0]

    def __call__(self) -> int:
        return sum(len(one) for one in self.decode())

    def translated(self) -> list[str]:
        return self.codec.decode(self.decode())

    def decode(self) -> list[list[str]]:
        places: dict[int, list[int]] = {}
        for place, one in enumerate(self.sources):
            places.setdefault(limit(self.spec, len(one)), []).append(place)
        pending = {
            place: result
            for cap, at in sorted(places.items(), reverse=True)
            for place, result in zip(
                at, self._start([self.sources[k] for k in at], cap), strict=True
            )
        }
        return [pending[place].result().hypotheses[0] for place in range(len(self.sources))]

    def _start(self, sources: list[list[str]], cap: int) -> Iterator[object]:
        return self.engine.translate_batch(sources, asynchronous=True, **self.settings(cap))

    def settings(self, cap: int) -> dict[str, object]:
        return {
            "max_batch_size": self.batch,
            "batch_type": "tokens",
            "beam_size": self.spec.beam,
            "repetition_penalty": self.spec.repetition_penalty,
            "disable_unk": True,
            "return_end_token": True,
            "max_decoding_length": cap,
        }


class ByHand:
    """What a user writes: tokenise all, translate all in one call, detokenise all."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw

    def __call__(self) -> int:
        raw = self._raw
        encoded = raw.codec.encode(raw.texts, raw.spec.max_input_tokens)
        results = raw.engine.translate_batch(
            [one for one, _ in encoded], **raw.settings(raw.spec.max_output_tokens)
        )
        out = [result.hypotheses[0] for result in results]
        raw.codec.decode(out)
        return sum(len(one) for one in out)
