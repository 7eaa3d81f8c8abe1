"""Constrained decoding: is it exact, what do the heuristics miss, and how fast is it.

    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    nice .venv/bin/python benchmarks/constrained.py exact [--sentences 200] [--words 12]
    nice .venv/bin/python benchmarks/constrained.py speed [--spans 60] [--rounds 3]
    nice .venv/bin/python benchmarks/constrained.py quality [--sentences 420]

XLTPIPE_SHARED (default ../shared) names the directory with ABSA en-es (English gold, DeepL's
Spanish, manual gold) and the float32 weights of the embedded model. `exact` compares both searches
with every pair scored by CTranslate2's own score_batch, float32, and counts what the paper's
heuristics miss. `speed` alternates ours with a plain reference in this one process on one thread:
transformers, every pair teacher-forced in batches of 64, on the same float32 weights.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from xltpipe.alignment import AlignerSpec
from xltpipe.languages import resolve
from xltpipe.projection.constrained import Constrained, OpeningFilter
from xltpipe.projection.constrained_backends import Framing, Ready, Shared
from xltpipe.projection.constrained_problem import Problem, Solution, Tally
from xltpipe.projection.constrained_search import Rules
from xltpipe.protocols import Aligner
from xltpipe.translation.forced import open_forced
from xltpipe.translation.models import find_model
from xltpipe.types import Example, Span, Unit

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("XLTPIPE_SHARED", REPOSITORY.parent / "shared"))
ABSA = SHARED / "data/ner/absa_en2es"
HF = SHARED / "models/en-es-tatoeba-hf"
HF_BATCH = 64
SAME = 1e-2  # two engines agree on scores to this; places closer than this are ties


@dataclass
class Given:
    """Tools of a run with the embedded model from English into Spanish."""

    model: Path | None
    source: str = "eng"
    target: str = "spa"
    native_markers: bool = True

    def aligner(self, spec: AlignerSpec) -> Aligner:
        raise NotImplementedError(spec)


def blocks(path: Path) -> Iterator[list[list[str]]]:
    for block in path.read_text("utf-8").strip("\n").split("\n\n"):
        yield [line.split() for line in block.split("\n") if line.strip()]


def example(id: str, lang: str, rows: list[list[str]]) -> Example:
    """White-space tokens, and spans from B-/I- tags."""
    text, bounds, spans, start = "", [], [], None
    for word, *_ in rows:
        text += " " if text else ""
        bounds.append((len(text), len(text) + len(word)))
        text += word
    for k, tag in enumerate([*(row[1] for row in rows), "O"]):
        if start is not None and not tag.startswith("I-"):
            spans.append(Span(bounds[start][0], bounds[k - 1][1], "TARGET"))
            start = None
        if tag.startswith("B-"):
            start = k
    return Example(id, lang, (text,), tuple(spans), tokens=tuple(bounds))


def absa(split: str) -> tuple[list[Unit], list[Example]]:
    """Sentences with at least one span, unlabelled in Spanish, and their manual gold."""
    english = list(blocks(ABSA / f"en.absa.{split}.tsv"))
    spanish = list(blocks(ABSA / f"es.DeepL.manual.{split}.tsv"))
    units, gold = [], []
    for k, (here, there) in enumerate(zip(english, spanish, strict=True)):
        source, target = example(str(k), "eng", here), example(str(k), "spa", there)
        if source.spans:
            units.append(
                Unit(source, Example(target.id, "spa", target.texts, tokens=target.tokens))
            )
            gold.append(target)
    return units, gold


def problems(units: list[Unit], **settings) -> tuple[list[Problem], object]:
    made = Constrained(**settings).build(Given(find_model("en-es-tatoeba")))
    found = [made._problem(u, span) for u in units for span in u.source.spans]  # noqa: SLF001
    return [p for p in found if isinstance(p, Problem)], made._backend  # noqa: SLF001


def agree(found: list, true: list, count: int) -> tuple[int, int]:
    """How many have the same scores in every rank, and how many the same best place or a tie."""
    scores = places = 0
    for mine, brute in zip(found, true, strict=True):
        if not isinstance(mine, Solution):
            scores += mine == brute
            places += mine == brute
            continue
        a, b = mine.candidates[:count], brute.candidates[:count]
        scores += len(a) == len(b) and all(
            abs(x.score - y.score) < SAME for x, y in zip(a, b, strict=True)
        )
        tie = len(b) > 1 and b[0].score - b[1].score < SAME
        places += (a[0].first, a[0].last) == (b[0].first, b[0].last) or tie
    return scores, places


def exact(sentences: int, words: int) -> None:
    units = [u for u in absa("test")[0] if len(u.target.tokens) <= words][:sentences]
    every, _ = problems(units)
    print(f"{len(units)} sentences of at most {words} words, {len(every)} spans, ABSA en-es test")
    brute_backend = problems([], backend="ctranslate2")[1]
    brute = brute_backend.solve(every, 5)
    print(f"brute force: {brute_backend.tally.scored} pairs scored by CTranslate2 float32")
    for search in ("exhaustive", "branch_and_bound"):
        for count in (1, 5):
            backend = problems([], search=search)[1]
            scores, places = agree(backend.solve(every, count), brute, count)
            tally = backend.tally
            print(
                f"{search:16} n_best {count}: same scores {scores}/{len(every)}, same best place "
                f"{places}/{len(every)}; of {tally.pairs} pairs {tally.closed} given a bound on "
                f"the whole, {tally.scored} scored in full"
            )
    heuristics = [{"look_ahead": a} for a in (0, 1, 5)] + [{"opening_filter": OpeningFilter()}]
    heuristics.append({"opening_filter": OpeningFilter(), "look_ahead": 1})
    for settings in heuristics:
        backend = problems([], **settings)[1]
        found = backend.solve(every, 1)
        missed = sum(
            not isinstance(a, Solution) or a.candidates[0].score < b.candidates[0].score - SAME
            for a, b in zip(found, brute, strict=True)
            if isinstance(b, Solution)
        )
        named = ", ".join(name for name in settings)
        alpha = settings.get("look_ahead", "off")
        print(f"{named} (α {alpha}): missed {missed}/{len(every)} = {missed / len(every):.3f}")


def converted(home: Path) -> Path:
    """The float32 weights as a CTranslate2 model, with our description beside it."""
    from ctranslate2.converters import TransformersConverter

    target = home / "float32"
    TransformersConverter(str(HF)).convert(str(target), quantization=None)
    for name in ("spm.model", "xltpipe.json"):
        shutil.copy(find_model("en-es-tatoeba") / name, target / name)
    return target


class Reference:
    """Every pair of a span by teacher forcing, as one would write it with transformers."""

    def __init__(self) -> None:
        import torch
        from transformers import MarianMTModel
        from transformers.utils import logging

        logging.set_verbosity_error()
        torch.set_num_threads(1)
        self.model = MarianMTModel.from_pretrained(HF).eval()
        self.ids = json.loads((HF / "vocab.json").read_bytes())
        self.start = self.model.config.decoder_start_token_id

    def scores(self, ready: Ready) -> list[float]:
        import torch

        y, (opening, closing) = ready.target, ready.marks
        rows = [
            [*y[:i], opening, *y[i:j], closing, *y[j:], "</s>"]
            for first, i in ready.openings.items()
            for last, j in ready.closings.items()
            if first <= last
        ]
        source = [self.ids.get(piece, 1) for piece in ready.source]
        out: list[float] = []
        for at in range(0, len(rows), HF_BATCH):
            part = [[self.ids.get(p, 1) for p in row] for row in rows[at : at + HF_BATCH]]
            labels = torch.tensor(part)
            inputs = torch.cat([torch.full((len(part), 1), self.start), labels[:, :-1]], 1)
            given = torch.tensor([source] * len(part))
            with torch.inference_mode():
                logits = self.model(input_ids=given, decoder_input_ids=inputs).logits
                logits[..., self.start] = -torch.inf  # padding is no token, and not in the engine
                chosen = logits.log_softmax(-1).gather(-1, labels[..., None])
            out += chosen[..., 0].sum(-1).tolist()
        return out


def speed(spans: int, rounds: int) -> None:
    units, _ = absa("test")
    random.Random(5).shuffle(units)  # noqa: S311
    every = problems(units)[0][:spans]
    with tempfile.TemporaryDirectory() as scratch:
        model = converted(Path(scratch))
        framing = Framing(model, resolve("eng"), resolve("spa"))
        reference = Reference()
        ready = [r for r in map(framing.ready, every) if isinstance(r, Ready)]
        pairs = sum(int(r.allowed().sum()) for r in ready)
        print(f"{len(ready)} spans of ABSA en-es test, {pairs / len(ready):.1f} pairs a span")
        equal(model, framing, reference, ready[:10])
        arms = {"exhaustive": [], "branch_and_bound": [], "reference": []}
        size = -(-len(every) // rounds)
        for k in range(rounds):
            part = slice(k * size, (k + 1) * size)
            for name, laps in arms.items():
                cpu, wall = time.process_time(), time.perf_counter()
                if name == "reference":
                    best = [max(reference.scores(one)) for one in ready[part]]
                else:
                    rules = Rules(name, 1)
                    solved = Shared(model, framing, rules, None, Tally()).solve(every[part], 1)
                    best = [one.candidates[0].score for one in solved]
                cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
                laps.append((len(best), cpu, wall, best))
        for k in range(rounds):
            a, b = (np.array(arms[name][k][3]) for name in ("exhaustive", "reference"))
            print(f"round {k}: largest difference of best scores {np.abs(a - b).max():.5f}")
        for name, laps in arms.items():
            cpu, wall = (median(lap[0] / lap[at] for lap in laps) for at in (1, 2))
            ratios = [
                (lap[0] / lap[at]) / (ref[0] / ref[at])
                for at in (1, 2)
                for lap, ref in zip(laps, arms["reference"], strict=True)
            ]
            cpu_ratios, wall_ratios = ratios[:rounds], ratios[rounds:]
            print(
                f"{name:16} {cpu:6.2f} spans/s of CPU, {wall:6.2f} of wall; times the reference: "
                f"CPU {median(cpu_ratios):.1f} ({min(cpu_ratios):.1f}-{max(cpu_ratios):.1f}), "
                f"wall {median(wall_ratios):.1f}"
            )


def equal(model: Path, framing: Framing, reference: Reference, ready: list[Ready]) -> None:
    """Scores of all pairs: ours and CTranslate2's, both float32, against transformers."""
    import ctranslate2

    engine = ctranslate2.Translator(str(model), compute_type="float32", intra_threads=1)
    forced = open_forced(model)
    backend = Shared(model, framing, Rules("exhaustive", 1), None, Tally())
    worst = {"ours": 0.0, "CTranslate2": 0.0}
    total = 0
    for one in ready:
        expected = np.array(reference.scores(one))
        template, memory = backend.template(one), None
        memory = forced.encode(template.source)
        places = [
            (i, j)
            for first, i in one.openings.items()
            for last, j in one.closings.items()
            if first <= last
        ]
        rows = forced.score(memory, [template.inserted(i, j) for i, j in places])
        y, (opening, closing) = one.target, one.marks
        texts = [[*y[:i], opening, *y[i:j], closing, *y[j:]] for i, j in places]
        scored = engine.score_batch([one.source] * len(texts), texts, max_batch_size=64)
        ours = np.array([row.sum() for row in rows])
        theirs = np.array([sum(row.log_probs) for row in scored])
        worst["ours"] = max(worst["ours"], float(np.abs(ours - expected).max()))
        worst["CTranslate2"] = max(worst["CTranslate2"], float(np.abs(theirs - expected).max()))
        total += len(places)
    shown = ", ".join(f"{name} {value:.6f}" for name, value in worst.items())
    print(f"largest difference of a score from transformers over {total} pairs: {shown}")


def quality(sentences: int) -> None:
    units, gold = (part[:sentences] for part in absa("test"))
    for settings in ({}, {"rerank": "translate_test"}, {"rerank": "translate_train"}):
        made = Constrained(**settings).build(Given(find_model("en-es-tatoeba")))
        cpu = time.process_time()
        done = made.project(units)
        cpu = time.process_time() - cpu
        found = {(u.source.id, s.start, s.end) for u in done for s in u.target.spans}
        true = {(e.id, s.start, s.end) for e in gold for s in e.spans}
        f1 = 2 * len(found & true) / (len(found) + len(true))
        print(
            f"{settings or 'forward score only'}: exact-span F1 {f1:.3f} over {len(units)} "
            f"sentences, {made.tally.spans} spans, lost {made.tally.lost}, "
            f"{made.tally.spans / cpu:.1f} spans/s of CPU"
        )
        if not settings:
            calibrated(done, true)


def calibrated(done: list[Unit], true: set[tuple[str, int, int]]) -> None:
    """How often a span is right, by its score."""
    bins: dict[int, list[bool]] = {}
    for unit in done:
        for placement in unit.placements:
            if placement.target is not None:
                span = unit.target.spans[placement.target]
                right = (unit.source.id, span.start, span.end) in true
                bins.setdefault(min(4, int(placement.score * 5)), []).append(right)
    shown = ", ".join(
        f"{k / 5:.1f}-{(k + 1) / 5:.1f}: {sum(v) / len(v):.2f} (n {len(v)})"
        for k, v in sorted(bins.items())
    )
    print(f"  right by score: {shown}")


def main() -> None:
    if os.environ.get("OMP_NUM_THREADS") != "1":
        sys.exit("Set OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1: both arms are timed on one thread")
    sys.stdout.reconfigure(line_buffering=True)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["exact", "speed", "quality"])
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--words", type=int, default=12)
    parser.add_argument("--spans", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.what == "exact":
        exact(given.sentences, given.words)
    elif given.what == "speed":
        speed(given.spans, given.rounds)
    else:
        quality(given.sentences)


if __name__ == "__main__":
    main()
