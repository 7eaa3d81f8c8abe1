"""Translation speed: ours against raw CTranslate2 and Hugging Face, same weights and sentences.

    nice .venv/bin/python benchmarks/translate.py [--sentences 1000] [--rounds 7] [--no-hf]

All arms run in this one process, in alternating rounds, on as many cores, with the same beam and
repetition penalty: one worker of one thread per core for CTranslate2, torch's own threads for
Hugging Face, which gets our output cap too. XLTPIPE_SHARED (default ../shared) names the
directory with more sentences and the float32 weights; without it the committed samples are used
and Hugging Face is left out.
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import ctranslate2
import sentencepiece

from xltpipe.languages import resolve
from xltpipe.translation import CTranslate2
from xltpipe.translation.codec import codec
from xltpipe.translation.engines import usable_cores
from xltpipe.translation.models import find_model

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("XLTPIPE_SHARED", REPOSITORY.parent / "shared"))
RAW_BATCHES = (512, 1024, 2048, 4096)  # tokens; raw CTranslate2 gets the best of these
HF_BATCH = 64


@dataclass(frozen=True)
class Lap:
    """One pass of one arm: seconds of wall and of CPU, and target tokens with their end."""

    seconds: float
    cpu: float
    tokens: int

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds

    @property
    def cpu_rate(self) -> float:
        return self.tokens / self.cpu


def sentences(count: int) -> tuple[list[str], str]:
    """English sentences, half WikiNEuRal (long) and half Tatoeba (short), and their origin."""
    wiki = SHARED / "data/ner/wikineural/en.val.conllu.gz"
    tatoeba = SHARED / "data/parallel/tatoeba.en-es.tsv.gz"
    if not (wiki.is_file() and tatoeba.is_file()):
        sample = REPOSITORY / "data/samples/parallel.eng-spa.tsv"
        lines = sample.read_text("utf-8").splitlines()
        return [line.split("\t")[0] for line in lines][:count], f"{len(lines)} committed samples"
    with gzip.open(wiki, "rt", encoding="utf-8") as rows:
        blocks = rows.read().split("\n\n")
    long = [" ".join(row.split("\t")[1] for row in b.splitlines()) for b in blocks if b.strip()]
    with gzip.open(tatoeba, "rt", encoding="utf-8") as rows:
        pairs = rows.read().splitlines()
    step = max(1, len(pairs) // (count // 2))
    short = [pair.split("\t")[0] for pair in pairs[::step]]
    half = count // 2
    return long[: count - half] + short[:half], "half WikiNEuRal en.val, half Tatoeba"


class Arms:
    """The ways to translate the same texts, all from the same spec."""

    def __init__(self, spec: CTranslate2, texts: list[str]) -> None:
        self.spec, self.texts = spec, texts
        self.model = find_model(spec.model)
        self.translator = spec.build("eng", "spa")
        self.codec = codec(self.model, resolve("eng"), resolve("spa"))
        self.raw_engine = ctranslate2.Translator(
            str(self.model),
            device="cpu",
            compute_type=spec.compute_type,
            inter_threads=spec.workers or 1,  # the engine waits for ever on none
            intra_threads=1,
        )
        self.tokenised = [one for one, _ in self.codec.encode(texts, spec.max_input_tokens)]
        self.raw_batch = RAW_BATCHES[0]

    def ours(self) -> int:
        out = self.translator.translate(self.texts, "eng", "spa")
        return sum(one.tokens_out for one in out)

    def raw(self) -> int:
        return sum(len(one) for one in self._decode(self.tokenised))

    def plain(self) -> int:
        """What a user writes by hand: tokenise all, translate all, detokenise all."""
        tokenised = self.codec.encode(self.texts, self.spec.max_input_tokens)
        out = self._decode([one for one, _ in tokenised])
        self.codec.decode(out)
        return sum(len(one) for one in out)

    def _decode(self, tokenised: list[list[str]]) -> list[list[str]]:
        results = self.raw_engine.translate_batch(
            tokenised,
            max_batch_size=self.raw_batch,
            batch_type="tokens",
            beam_size=self.spec.beam,
            repetition_penalty=self.spec.repetition_penalty,
            disable_unk=True,
            return_end_token=True,
            max_decoding_length=self.spec.max_output_tokens,
        )
        return [result.hypotheses[0] for result in results]

    def hugging_face(self, home: Path) -> Callable[[], int]:
        """`generate` of transformers on the float32 weights, sorted by length."""
        import torch
        from transformers import MarianMTModel
        from transformers.utils import logging

        logging.set_verbosity_error()
        torch.set_num_threads(self.spec.workers or 1)
        model = MarianMTModel.from_pretrained(home).eval()
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(home / "source.spm"))
        pad = model.config.pad_token_id
        order = sorted(self.tokenised, key=len, reverse=True)
        ids = [[pieces.piece_to_id(piece) for piece in one] for one in order]

        def generate() -> int:
            tokens = 0
            for start in range(0, len(ids), HF_BATCH):
                rows = ids[start : start + HF_BATCH]
                width = max(map(len, rows))
                batch = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
                with torch.inference_mode():
                    out = model.generate(
                        input_ids=batch,
                        attention_mask=(batch != pad).long(),
                        num_beams=self.spec.beam,
                        do_sample=False,
                        repetition_penalty=self.spec.repetition_penalty,
                        max_new_tokens=min(
                            self.spec.max_output_tokens - 1,
                            int(self.spec.max_output_ratio * width) + 16,
                        ),
                    )
                tokens += int((out != pad).sum())  # the start token is pad too: ends are counted
            return tokens

        return generate


def lap(arm: Callable[[], int]) -> Lap:
    start, cpu = time.perf_counter(), time.process_time()
    tokens = arm()
    return Lap(time.perf_counter() - start, time.process_time() - cpu, tokens)


def alternate(arms: dict[str, Callable[[], int]], rounds: int) -> dict[str, list[Lap]]:
    """Laps per arm; the order turns round by round, so that drift hits all arms alike."""
    laps: dict[str, list[Lap]] = {name: [] for name in arms}
    names = list(arms)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            laps[name].append(lap(arms[name]))
    return laps


def table(laps: dict[str, list[Lap]], first: str) -> None:
    """Print each arm's rates, and the ratio of the first arm to it within the same round.

    CPU time is shown because wall time on a shared machine also measures the neighbours.
    """
    print("| arm | tokens | tokens/s (min-max) | per CPU s | our ratio, wall | our ratio, CPU |")
    print("|---|---|---|---|---|---|")
    for name, own in laps.items():
        rates = [one.rate for one in own]
        pairs = list(zip(laps[first], own, strict=True))
        wall = [ours.rate / other.rate for ours, other in pairs]
        cpu = [ours.cpu_rate / other.cpu_rate for ours, other in pairs]
        print(
            f"| {name} | {own[0].tokens} | {spread(rates, 0)} "
            f"| {median(one.cpu_rate for one in own):.0f} | {spread(wall, 3)} | {spread(cpu, 3)} |"
        )


def spread(values: list[float], digits: int) -> str:
    """Median, with minimum and maximum."""
    return f"{median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def best_raw_batch(arms: Arms) -> int:
    """The raw batch size that is fastest here, by the better of two laps each."""
    seconds: dict[int, float] = {}
    for _ in range(2):
        for size in RAW_BATCHES:
            arms.raw_batch = size
            seconds[size] = min(seconds.get(size, float("inf")), lap(arms.raw).seconds)
    return min(seconds, key=lambda size: seconds[size])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch-tokens", type=int, default=0)
    parser.add_argument("--beam", type=int, default=CTranslate2().beam)
    parser.add_argument("--cores", type=int, default=usable_cores())
    parser.add_argument("--no-hf", action="store_true")
    options = parser.parse_args()
    spec = CTranslate2(
        beam=options.beam, batch_tokens=options.batch_tokens, workers=options.cores, threads=1
    )
    texts, origin = sentences(options.sentences)
    arms = Arms(spec, texts)
    arms.ours()  # load
    arms.raw_batch = best_raw_batch(arms)
    packages = ("ctranslate2", "sentencepiece", "torch", "transformers")
    now = datetime.now(tz=UTC)
    print(f"command: {' '.join(sys.argv)}; {now:%Y-%m-%d %H:%M} UTC; load {os.getloadavg()[0]:.1f}")
    print(f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages))
    print(f"{options.cores} cores; {len(texts)} sentences: {origin}")
    print(f"spec: {spec.identity()}; raw: batches of {arms.raw_batch} tokens, no scores\n")
    ways = {"xltpipe translate": arms.ours, "raw, tokenised before": arms.raw, "raw": arms.plain}
    table(alternate(ways, options.rounds), "xltpipe translate")
    home = SHARED / "models/en-es-tatoeba-hf"
    if options.no_hf or not home.is_dir():
        return
    few = Arms(spec, texts[:: max(1, len(texts) // 256)][:256])
    few.raw_batch = arms.raw_batch
    ways = {"xltpipe translate": few.ours, "transformers generate": few.hugging_face(home)}
    print(f"\n{len(few.texts)} of them, Hugging Face float32, batches of {HF_BATCH}\n")
    table(alternate(ways, 3), "xltpipe translate")


if __name__ == "__main__":
    main()
