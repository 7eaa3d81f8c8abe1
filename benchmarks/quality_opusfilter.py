"""OpusFilter's side of the speed table: run by a python that has opusfilter, not by ours.

Reads one command a line, `PATH NAME`, scores the pairs of the files PATH.source and PATH.target
with the filters of NAME, and prints seconds of wall and of CPU as JSON: `pure` over pairs in
memory, `whole` with reading the texts and writing the scores as its own `score` step does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

LANGUAGES = ("en", "sw")
RULES = [
    {"LengthFilter": {"unit": "word"}},
    {"LengthFilter": {"unit": "char", "min_length": 1, "max_length": 1000}},
    {"LengthRatioFilter": {"unit": "word"}},
    {"LengthRatioFilter": {"unit": "char"}},
    {"LongWordFilter": {}},
    {"AverageWordLengthFilter": {}},
    {"AlphabetRatioFilter": {}},
    {"CharacterScoreFilter": {"scripts": ["Latin", "Latin"]}},
    {"NonZeroNumeralsFilter": {}},
    {"TerminalPunctuationFilter": {}},
    {"SimilarityFilter": {}},
    {"RepetitionFilter": {}},
    {"HtmlTagFilter": {}},
]
CLD2 = {"Cld2Filter": {"languages": list(LANGUAGES), "module": "lid"}}
CHEAP = ("LengthFilter", "LengthRatioFilter", "LongWordFilter", "TerminalPunctuationFilter")
SETS = {
    "rules": RULES,
    "rules without HtmlTag and Repetition": [
        f for f in RULES if not {"HtmlTagFilter", "RepetitionFilter"} & set(f)
    ],
    "cheapest rules": [f for f in RULES if set(CHEAP) & set(f)],
    "rules and CLD2": [*RULES, CLD2],
    "CLD2": [CLD2],
} | {next(iter(f)) + str(f[next(iter(f))].get("unit", "")): [f] for f in RULES}


def lap(path: str, name: str) -> dict[str, list[float]]:
    from opusfilter.opusfilter import OpusFilter
    from opusfilter.pipeline import FilterPipeline

    config = [{k: dict(v) if isinstance(v, dict) else v for k, v in f.items()} for f in SETS[name]]
    for one in config:
        for settings in one.values():
            settings.pop("module", None)
    if name in {"CLD2", "rules and CLD2"}:
        from opusfilter.lid import Cld2Filter

        build = FilterPipeline.from_config(config[:-1])
        build.filters.append(Cld2Filter(languages=list(LANGUAGES)))
    else:
        build = FilterPipeline.from_config(config)
    sides = [Path(f"{path}.{side}").read_text("utf-8").split("\n") for side in ("source", "target")]
    pairs = list(zip(*sides, strict=True))
    start, cpu = time.perf_counter(), time.process_time()
    for _ in build.score(pairs):
        pass
    pure = [time.perf_counter() - start, time.process_time() - cpu]
    start, cpu = time.perf_counter(), time.process_time()
    with Path(f"{path}.source").open() as source, Path(f"{path}.target").open() as target:
        read = ((a.rstrip("\n"), b.rstrip("\n")) for a, b in zip(source, target, strict=True))
        OpusFilter._write_jsonl(build.score(read), f"{path}.jsonl")  # noqa: SLF001 - its own step's
    whole = [time.perf_counter() - start, time.process_time() - cpu]
    return {"pure": pure, "whole": whole}


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for line in sys.stdin:
        path, name = line.rstrip("\n").split(" ", 1)
        try:
            print(json.dumps(lap(path, name)), flush=True)
        except Exception as error:  # noqa: BLE001 - told to the caller
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)


if __name__ == "__main__":
    main()
