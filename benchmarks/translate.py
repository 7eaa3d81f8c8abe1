"""Translation speed and agreement: our stage, raw CTranslate2 and Hugging Face's `generate`.

    nice .venv/bin/python benchmarks/translate.py [--sentences 1000] [--few 128] [--rounds 3]
        [--cores N] [--device cuda --compute-type float16] [--no-timing] [--no-hf]

One run, the same sentences and weights for all. All arms run in this one process, in alternating
rounds, on as many cores, with the same beam and output limits: one worker of one thread per core
for CTranslate2, torch's own threads for Hugging Face, whose batches are sorted by length and whose
memory is not given back to the system between two steps (glibc's settings, which help torch much
and us little). XLTPIPE_SHARED (default ../shared) names the directory with more sentences and the
float32 weights; without it the committed samples are used and Hugging Face is left out.

Prints: the stage against raw CTranslate2 with the default settings; for greedy and beam 4 all arms
on a few of the sentences, with how far the bytes of weights read per second are from what the
memory gives; and on how many rows outputs are the same, by where sentences come from: on texts far
from what the model learnt it raves, and the least rounding makes it rave otherwise. With
--no-timing only agreement.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import translate_arms as arms
from translate_laps import alternate, lap, table

from xltpipe.translation import CTranslate2
from xltpipe.translation.engines import usable_cores

if TYPE_CHECKING:
    from translate_generate import Generate

SHARED = Path(os.environ.get("XLTPIPE_SHARED", arms.REPOSITORY.parent / "shared"))
CHECKPOINT = SHARED / "models/en-es-tatoeba-hf"
GOALS = {1: 3.5, 4: 4.5}
AGREEMENT = {"float32": 0.98, "int8": 0.90}
AGREEING = {"Tatoeba": 500}  # rows compared; of other origins --few
# glibc gives memory back and fetches it again at each step of torch; this keeps it
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "2147483648",
    "MALLOC_TOP_PAD_": "67108864",
    "MALLOC_ARENA_MAX": "1",
}


def best_raw_batch(raw: arms.Raw) -> int:
    """The raw batch size that is fastest here, by the better of two laps each."""
    seconds: dict[int, float] = {}
    for _ in range(2):
        for size in arms.RAW_BATCHES:
            raw.batch = size
            seconds[size] = min(seconds.get(size, float("inf")), lap(raw).seconds)
    return min(seconds, key=lambda size: seconds[size])


def stage_against_raw(spec: CTranslate2, texts: list[str], options: argparse.Namespace) -> int:
    """Print the first table, and on how many rows both say the same; the best raw batch size."""
    ours, raw = arms.Stage(spec, texts), arms.Raw(spec, texts)
    ours()  # loads the model
    same = sum(a == b for a, b in zip(ours.texts, raw.translated(), strict=True))
    print(f"outputs equal to raw CTranslate2's: {same} of {len(texts)} rows (goal: all)\n")
    if not options.no_timing:
        raw.batch = best_raw_batch(raw)
        print(f"raw: batches of {raw.batch} tokens, the best of {arms.RAW_BATCHES}, no scores")
        ways = {
            "xltpipe stage": ours,
            "raw, tokenised before, our output limits": raw,
            "raw as by hand: one call, with tokenising": arms.ByHand(raw),
        }
        ratio = table(alternate(ways, options.rounds), "xltpipe stage")
        print(
            f"\nstage / raw: {ratio['raw, tokenised before, our output limits']:.3f} (goal: 0.97)"
        )
    return raw.batch


def against_generate(found: dict[str, list[str]], options: argparse.Namespace, batch: int) -> None:
    """Print tables of all arms, and agreement, for greedy and beam 4."""
    from translate_agreement import floats
    from translate_generate import Generate

    few = [one for texts in found.values() for one in arms.some(texts, options.few // len(found))]
    with tempfile.TemporaryDirectory() as scratch:
        converted = floats(CHECKPOINT, Path(scratch))
        for beam in GOALS:
            spec = settings(options, beam=beam, repetition_penalty=1.0)
            print(f"\n## beam {beam}, no penalty\n")
            if not options.no_timing:
                generate = Generate(CHECKPOINT, spec, few, options.cores, options.device)
                timed(spec, few, generate, options.rounds, batch)
            for origin, texts in found.items():
                some = arms.some(texts, AGREEING.get(origin, options.few))
                agreements(origin, spec, some, options, converted)


def timed(spec: CTranslate2, texts: list[str], generate: Generate, rounds: int, batch: int) -> None:
    from translate_generate import bandwidth, moved

    raw = arms.Raw(spec, texts)
    raw.batch = batch
    ways = {
        "xltpipe stage": arms.Stage(spec, texts),
        "raw": raw,
        "transformers generate": generate,
    }
    for arm in ways.values():
        arm()  # loads and warms
    laps = alternate(ways, rounds)
    ratio = table(laps, "xltpipe stage")["transformers generate"]
    print(f"\nstage / transformers on {len(texts)} rows: {ratio:.2f} (goal: {GOALS[spec.beam]})")
    print(f"{bandwidth(laps, moved(generate), spec.device)}\n")


def agreements(
    origin: str, spec: CTranslate2, texts: list[str], options: argparse.Namespace, floats: Path
) -> None:
    from translate_agreement import agreement
    from translate_generate import Generate

    generate = Generate(CHECKPOINT, spec, texts, options.cores, options.device)
    generate()
    exact = spec.model_copy(update={"model": str(floats), "compute_type": "float32"})
    for one in (exact, spec):
        ours = arms.Stage(one, texts)
        ours()
        agreement(generate.texts(), ours.texts, (one.compute_type, origin), AGREEMENT)


def settings(options: argparse.Namespace, **changes: object) -> CTranslate2:
    return CTranslate2.model_validate(
        {
            "model": "en-es-tatoeba",  # the one whose float32 weights are in CHECKPOINT
            "workers": options.cores if options.device == "cpu" else 1,
            "threads": 1,
            "device": options.device,
            "compute_type": options.compute_type,
            **changes,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--few", type=int, default=128, help="sentences for Hugging Face")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=usable_cores())
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--compute-type", default="int8")
    parser.add_argument("--no-hf", action="store_true")
    parser.add_argument("--no-timing", action="store_true")
    options = parser.parse_args()
    if not os.environ.keys() >= MALLOC.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **MALLOC})  # noqa: S606
    spec = settings(options)
    found = arms.sentences(options.sentences, SHARED)
    texts = [one for some in found.values() for one in some]
    packages = ("ctranslate2", "sentencepiece", "torch", "transformers")
    now = datetime.now(tz=UTC)
    print(f"command: {' '.join(sys.argv)}; {now:%Y-%m-%d %H:%M} UTC; load {os.getloadavg()[0]:.1f}")
    print(f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages))
    print(f"{options.device}, {options.cores} cores; {len(texts)} sentences: {', '.join(found)}")
    print(f"spec: {spec.identity()}\n\n## beam {spec.beam}, penalty {spec.repetition_penalty}\n")
    batch = stage_against_raw(spec, texts, options)
    if not options.no_hf and CHECKPOINT.is_dir():
        against_generate(found, options, batch)


if __name__ == "__main__":
    main()
