"""Sentence ends: our rules against pysbd, on news translated line by line (NTREX-128).

    .venv/bin/python benchmarks/sentences.py [--lines 12]

Lines of a document are joined by spaces; their ends are the sentence ends that should be found. A
line may hold two sentences, or a headline without any final punctuation, so neither can reach 1.
XLTPIPE_SHARED (default ../shared) names the directory with the data; pysbd must be installed
(pip install pysbd).
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pysbd
from pysbd.languages import LANGUAGE_CODES

from xltpipe.languages import resolve
from xltpipe.translation.sentences import sentences

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("XLTPIPE_SHARED", REPOSITORY.parent / "shared"))

Ends = Callable[[str], set[int]]


def by_rules(text: str) -> set[int]:
    return {end for _, end in sentences(text)}


def by_pysbd(code: str) -> Ends:
    segmenter = pysbd.Segmenter(language=code, clean=False)

    def ends(text: str) -> set[int]:
        found, at = set(), 0
        for sentence in segmenter.segment(text):
            bare = sentence.strip()
            place = text.find(bare, at)
            if place < 0:  # text that pysbd changed
                continue
            at = place + len(bare)
            found.add(at)
        return found

    return ends


def documents(file: Path, lines: int) -> list[tuple[str, set[int]]]:
    """Texts of so many lines, and where their lines end (but the last one)."""
    raw = file.read_bytes()
    whole = gzip.decompress(raw) if file.suffix == ".gz" else raw
    every = [line.strip() for line in whole.decode().splitlines() if line.strip()]
    out = []
    for start in range(0, len(every), lines):
        some = every[start : start + lines]
        ends, at = set(), 0
        for line in some[:-1]:
            at += len(line)
            ends.add(at)
            at += 1
        out.append((" ".join(some), ends))
    return out


def measure(texts: list[tuple[str, set[int]]], ends: Ends) -> str:
    right = wrong = missed = 0
    start = time.perf_counter()
    for text, gold in texts:
        found = ends(text) - {len(text)}
        right += len(gold & found)
        wrong += len(found - gold)
        missed += len(gold - found)
    seconds = time.perf_counter() - start
    precision, recall = right / (right + wrong), right / (right + missed)
    f1 = 2 * right / (2 * right + wrong + missed)
    return f"{precision:.3f} | {recall:.3f} | {f1:.3f} | {len(texts) / seconds:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=12)
    options = parser.parse_args()
    print(f"command: {' '.join(sys.argv)}; pysbd {version('pysbd')}\n")
    print("| language | by | precision | recall | F1 | documents/s |\n|---|---|---|---|---|---|")
    for file in sorted((SHARED / "data/parallel/ntrex").glob("newstest2019-*.txt*")):
        language = resolve(file.name.split(".")[1])
        texts = documents(file, options.lines)
        print(f"| {language.id} | rules | {measure(texts, by_rules)} |", flush=True)
        if language.short in LANGUAGE_CODES:
            other = by_pysbd(language.short)
            print(f"| {language.id} | pysbd | {measure(texts, other)} |", flush=True)


if __name__ == "__main__":
    main()
