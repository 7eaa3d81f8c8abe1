"""Does filtering help? F1 of the trained tagger with no filter, default rules, suggested ones.

    python benchmarks/quality_filtering.py [--rows 2000] [--seeds 1 2 3] [--work FOLDER]

The run is flows/recipes/wikineural-en-es.toml (English validation set into Spanish; tests:
WikiNEuRal es, silver, and EuroParl es, gold), its translate_train without Prefect, with a second
projector as a further score (`agreement`: aligned, by an HMM that learnt from the run alone).
Everything goes through the store in FOLDER, so that only the first call translates; deciding is
done from stored scores. The CRF has no randomness: a seed picks 80 % of the training rows by their
ids, the same rows for every filter, and the filter then works on these. `random` drops as many
rows as the default rules do, whichever: what is lost by size alone. Every number is with its
signature; the same rows are not trained on twice (FOLDER/filtering.json remembers).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path

import numpy as np
from gold import ROOT

from xltpipe import corpus, scoring, steps, tables, tools
from xltpipe.alignment import HMM
from xltpipe.catalogue import connect, refresh
from xltpipe.deciding.percentile import loosest, percentiles
from xltpipe.deciding.rules import replaced
from xltpipe.deciding.suggestion import learnt
from xltpipe.durable import write_whole
from xltpipe.evaluation.span_f1 import SpanF1
from xltpipe.projection import Aligned
from xltpipe.quality import Rules
from xltpipe.quality.agreement import Agreement
from xltpipe.quality.settings import Quality
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import load
from xltpipe.reporting.run import find
from xltpipe.rows import of_corpus
from xltpipe.runs import begin, recording
from xltpipe.scoring import columns_of
from xltpipe.store import Shard, Store
from xltpipe.types import Example, Unit

RECIPE = ROOT / "flows/recipes/wikineural-en-es.toml"
SHARE = 80
PERCENT = 1.0
FALSE_ALARMS = 0.02

AGREEMENT = 0.5
"""Least overlap of a span with the second projector's: the usual limit of the column."""

Mask = np.ndarray


@dataclass(frozen=True)
class Judged:
    """All rows of a run: units, stored scores, and which the run kept."""

    units: list[Unit]
    scores: dict[str, np.ndarray]
    kept: Mask
    sound: Mask

    def passes(self, rules: Rules) -> Mask:
        out = self.sound.copy()
        for fails in rules.failures(self.scores).values():
            out &= ~fails
        return out


def judged(recipe: Recipe, store: Store, rows: int | None) -> Judged:
    """The run up to judging, recorded, so that the catalogue has it."""
    target = recipe.targets[0]
    pair = (recipe.source, target)
    with recording(store, recipe):
        outcome = begin("translate_train", target)
        made, _ = store.make(steps.read(recipe, recipe.train, recipe.source))
        shards = steps.parts(store, made)
        before = accumulate((s.rows for s in shards), initial=0)
        shards = [s for s, n in zip(shards, before, strict=False) if rows is None or n < rows]
        units = [store.make(steps.translate(recipe, store, s, *pair))[0] for s in shards]
        trained = [
            tools.aligned(a, store, store.make(tools.align(store, a.spec, units, pair))[0])
            if a.spec.trained
            else a
            for a in tools.aligners(recipe, sum(s.rows for s in units), target, scored=True)
        ]
        projected = [store.make(steps.project(recipe, store, s, trained, pair))[0] for s in units]
        scores = [store.make(scoring.score(recipe, store, s, trained, pair))[0] for s in projected]
        choice = None
        if recipe.quality.duplicates is not None:
            marks = [store.make(scoring.marks(recipe, store, s))[0] for s in projected]
            groups, _ = store.make(scoring.duplicates(recipe, store, marks))
            choice, _ = store.make(scoring.choose(recipe, store, groups, scores))
        done = [
            store.make(scoring.judge(recipe, store, s, of, choice, number))[0]
            for number, (s, of) in enumerate(zip(projected, scores, strict=True))
        ]
        outcome.add("train", *shards, *units, *projected, *scores, *done)
    refresh(store)
    return _read(store, done)


def _read(store: Store, done: Sequence[Shard]) -> Judged:
    given = [store.read(shard) for shard in done]
    units = [u for table in given for u in tables.table_to_units(table)]
    parts = [columns_of(table) for table in given]
    scores = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    kept = np.array([u.kept for u in units])
    return Judged(units, scores, kept, np.array([u.error is None for u in units]))


def filters(recipe: Recipe, store: Store, rows: Judged) -> dict[str, Mask]:
    """Which rows each way of filtering keeps."""
    own = recipe.verdicts
    with connect(store) as connection:
        run = find(connection, recipe.run)
        thresholds = loosest(percentiles(connection, run.id, PERCENT, own.limits()))
        found = learnt(connection, store, run, None, seed=1, false_alarms=FALSE_ALARMS)
    print("# percentile:", {n: r.model_dump(exclude_none=True) for n, r in thresholds.items()})
    caught = {c.kind: f"{c.dropped} of {c.rows}" for c in found.caught}
    print(f"# learned: threshold {found.model.threshold}, drops {caught}")
    off = dict.fromkeys(own.limits())
    placed = Rules.model_validate({**off, "spans_placed": {"min": 1.0}})
    apart = rows.scores["agreement_worst"]  # NaN where there is no span: such rows stay
    probable = found.model.combined(rows.scores) >= found.model.threshold
    return {
        "none": rows.sound,
        "spans_placed only": rows.passes(placed),
        "default": rows.kept,
        "default and agreement": rows.kept & ~(apart < AGREEMENT),
        f"percentile {PERCENT:g}": rows.passes(replaced(own, thresholds)),
        "learned": probable & rows.sound,
        "default and learned": probable & rows.kept,
    }


def by_chance(rows: Judged, seed: int) -> Mask:
    """As many rows as the run kept, whichever."""
    order = np.random.default_rng(seed).permutation(len(rows.kept))
    return (order < rows.kept.sum()) & rows.sound


def sampled(rows: Judged, seed: int) -> Mask:
    """The same 80 % of the rows for a seed, whatever the filter."""

    def place(id: str) -> int:
        return int.from_bytes(blake2b(f"{seed}\n{id}".encode(), digest_size=8).digest()) % 100

    return np.array([place(u.source.id) < SHARE for u in rows.units])


def examples(units: Sequence[Unit], lang: str) -> list[Example]:
    """Training examples as a corpus holds them."""
    table, _ = corpus._table(units)  # noqa: SLF001 - what materialise writes
    return of_corpus(table, lang)


def scored(recipe: Recipe, store: Store, data: Sequence[Example], seed: int) -> dict[str, str]:
    """Train and measure on every test: name to signature and value."""
    home = Path(tempfile.mkdtemp()) / "tagger"
    recipe.training.build(seed).train(data, [], home)
    tagger = recipe.training.load(home)
    out = {}
    for test in recipe.tests_in(recipe.targets[0]):
        made, _ = store.make(steps.read(recipe, test.data, test.lang))
        gold = [
            e for s in steps.parts(store, made) for e in tables.table_to_examples(store.read(s))
        ]
        predicted = tagger.predict([replace(e, spans=()) for e in gold])
        context = {"test": test.name, "lang": test.lang, "trainer": recipe.training.kind}
        found = SpanF1().build(context).measure(gold, predicted)
        out[test.name] = f"{found.value:.4f} {found.signature}"
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, help="the first so many rows (whole shards); else all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "filtering"))
    options = parser.parse_args(arguments)
    recipe = load(RECIPE)
    second = Agreement(projection=Aligned(aligner=HMM()))
    recipe = recipe.model_copy(update={"quality": Quality(agreement=second)})
    store = Store(options.work / "store")
    started = time.perf_counter()
    rows = judged(recipe, store, options.rows)
    print(f"# {len(rows.units)} rows judged in {time.perf_counter() - started:.0f} s, "
          f"{rows.kept.sum()} kept", flush=True)  # fmt: skip
    memory = options.work / "filtering.json"
    known = json.loads(memory.read_text("utf-8")) if memory.is_file() else {}
    table: dict[str, dict[str, list[float]]] = {}
    ways = filters(recipe, store, rows)
    for seed in options.seeds:
        sample = sampled(rows, seed)
        for name, keeps in {**ways, "random, as many": by_chance(rows, seed)}.items():
            chosen = [u for u, here in zip(rows.units, sample & keeps, strict=True) if here]
            started = time.perf_counter()
            key = blake2b(
                json.dumps([recipe.run, seed, [u.source.id for u in chosen]]).encode(),
                digest_size=12,
            ).hexdigest()
            if key not in known:
                known[key] = scored(recipe, store, examples(chosen, recipe.targets[0]), seed)
                write_whole(memory, json.dumps(known, indent=1) + "\n")
            for test, line in known[key].items():
                table.setdefault(name, {}).setdefault(test, []).append(float(line.split()[0]))
                print(f"filtering|filter:{name}|seed:{seed}|rows:{len(chosen)}|{test}: {line} "
                      f"({time.perf_counter() - started:.0f} s)", flush=True)  # fmt: skip
    for name, tests in table.items():
        cells = [f"{test} {np.mean(v):.4f} ± {np.std(v):.4f}" for test, v in tests.items()]
        print(f"{name:<22} {'   '.join(cells)}")


if __name__ == "__main__":
    main()
