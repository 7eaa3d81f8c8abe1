"""Faults made on purpose: how many of each kind the rules, and a learned combination, catch.

    python benchmarks/quality_corruption.py [--data wikineural|europarl|absa] [--rows 2000]
        [--second attention|fast_align|none] [--work FOLDER] [--seed 1]

wikineural: its English validation set, translated by the embedded model and projected by `aligned`
as a run would; europarl and absa: given translations, projected likewise. A second projector whose
aligner learnt otherwise looks at every row (`agreement`), and its links are counted (`alignment`).

"Clean" are rows as projected that the default rules keep: nobody has looked at them, and some are
wrong. Where a person labelled the translations, rows whose labels are exactly the person's are
reported beside (`gold`). Rows are parted by id: 60 % to learn, 20 % to set the threshold at 2 %
false alarms, 20 % to report. Precision is that of a mix of as many spoilt as clean rows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gold
import numpy as np

from xltpipe import steps, tables, tools
from xltpipe.alignment import AlignerSpec, Attention, FastAlign
from xltpipe.deciding.learning import CLEAN, SET, Rows, learn, parts
from xltpipe.projection import Aligned
from xltpipe.projection.aligned import words
from xltpipe.quality import COLUMNS, SCORERS, Rules
from xltpipe.quality.agreement import Agreement
from xltpipe.quality.alignment import Links
from xltpipe.quality.corruption import KINDS, corrupt
from xltpipe.quality.scorer import Scorer
from xltpipe.quality.stage import score
from xltpipe.recipe import Recipe, parse
from xltpipe.store import Store
from xltpipe.tools import RunTools, Trained
from xltpipe.translation.models import find_model, model_digest
from xltpipe.types import Unit

FALSE_ALARMS = 0.02
GOALS = ("dropped_span", "shifted_span", "swapped_labels")
"""The issue asks for a recall of .95 on these."""


@dataclass(frozen=True)
class Base:
    """Projected rows, and what their scorers need; `right` are ids whose labels are a person's."""

    units: list[Unit]
    tools: RunTools
    right: frozenset[str] | None


def translated(rows: int, work: Path, second: AlignerSpec | None) -> Base:
    """WikiNEuRal through the steps of a run: read, translate, align, project."""
    path = gold.DATA / "ner/wikineural/en.val.conllu.gz"
    recipe = _recipe(path, work)
    store = Store(work / "store")
    pair = (recipe.source, recipe.targets[0])
    made, _ = store.make(steps.read(recipe, recipe.train, recipe.source))
    shards = steps.parts(store, made)[: -(-rows // recipe.shard_rows)]
    units = [store.make(steps.translate(recipe, store, s, *pair))[0] for s in shards]
    trained = _trained(recipe, store, units, second)
    own = [t for t in trained if t.named in recipe.projection.aligners()]
    done = [store.make(steps.project(recipe, store, s, own, pair))[0] for s in units]
    every = [u for s in done for u in tables.table_to_units(store.read(s))][:rows]
    return Base(every, RunTools.of(recipe, store, trained, pair), None)


def _recipe(path: Path, work: Path) -> Recipe:
    settings = {
        "name": "corruption",
        "targets": ["spa"],
        "strategies": ["corpus"],
        "shard_rows": 1000,
        "train": {"kind": "conll", "path": str(path)},
        "translation": {"kind": "ctranslate2", "model": "embedded"},
        "projection": {"kind": "aligned"},
    }
    return parse(settings, work / "corruption.toml")


def _trained(recipe: Recipe, store: Store, units: Sequence, second: AlignerSpec | None) -> list:
    out = []
    for one in tools.aligners(recipe, sum(s.rows for s in units), "spa"):
        shard, _ = store.make(tools.align(store, one.spec, units, ("eng", "spa")))
        out.append(replace(one, shard=shard))
    if second is not None:
        shard = None
        if second.trained:
            shard, _ = store.make(tools.align(store, second, units, ("eng", "spa")))
        out.append(Trained(second, second, "second", shard))
    return out


def given(name: str, rows: int, work: Path, second: AlignerSpec | None) -> Base:
    """Given translations with a person's labels; projected by `aligned`, the labels unseen."""
    cases = gold.europarl("es") if name == "europarl" else gold.absa("train")
    cases = cases[:rows]
    recipe = _recipe(work / "none.conll", work)
    pairs = [(words(c.source, 0), words(c.gold, 0)) for c in cases]
    homes = {}
    wanted = [(one.named, one.spec) for one in tools.aligners(recipe, len(cases), "spa")]
    for named, spec in [*wanted, *([(second, second)] if second else [])]:
        home = None
        if spec.trained:
            home = Path(tempfile.mkdtemp(dir=work))
            spec.train(pairs, home)
        homes[named] = (spec, home)
    engine = recipe.translation
    kit = RunTools("eng", "spa", engine.native_markers(), engine.aligning_model(), homes)
    units = recipe.projection.build(kit).project([case.unit for case in cases])
    right = frozenset(
        c.source.id
        for c, u in zip(cases, units, strict=True)
        if {(s.start, s.end, s.label) for s in u.target.spans}
        == {(s.start, s.end, s.label) for s in c.gold.spans}
    )
    return Base(units, kit, right)


def spoilt(base: Base, scorers: Sequence[Scorer], seed: int) -> Rows:
    """The clean rows and their faults, scored."""
    kinds, ids, every = [], [], []
    for unit in base.units:
        kinds.append(CLEAN)
        ids.append(unit.source.id)
        every.append(unit)
    for kind in KINDS:
        for made in corrupt(base.units, kind, seed):
            if made is not None:
                kinds.append(kind)
                ids.append(made.unit.source.id)
                every.append(made.unit)
    done = score(tables.units_to_table(every), scorers)
    return Rows(done.columns, ids, kinds)


def dropped(rules: Rules, scores: Mapping[str, np.ndarray], rows: int) -> np.ndarray:
    """Rows that any of the rules fails."""
    out = np.zeros(rows, np.bool_)
    for fails in rules.failures(scores).values():
        out |= fails
    return out


def table(rows: Rows, ways: Mapping[str, np.ndarray], told: np.ndarray) -> None:
    """Recall and precision by kind of fault, and false alarms, on the reported rows."""
    kinds = np.array(rows.kinds)
    print(f"{'kind':<18} {'rows':>5}  " + "  ".join(f"{w:>20}" for w in ways))
    clean = told & (kinds == CLEAN)
    alarms = {way: gone[clean].mean() for way, gone in ways.items()}
    print(f"{'clean (alarms)':<18} {clean.sum():>5}  " + "  ".join(f"{a:>20.4f}" for a in alarms.values()))
    for kind in KINDS:
        mine = told & (kinds == kind)
        if not mine.any():
            print(f"{kind:<18} {0:>5}  cannot be made of these rows")
            continue
        cells = []
        for way, gone in ways.items():
            recall = gone[mine].mean()
            precision = recall / (recall + alarms[way]) if recall else 0.0
            cells.append(f"R {recall:.3f}  P {precision:.3f}")
        mark = " *" if kind in GOALS else ""
        print(f"{kind + mark:<18} {mine.sum():>5}  " + "  ".join(f"{c:>20}" for c in cells))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", choices=["wikineural", "europarl", "absa"], default="wikineural")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--second", choices=["attention", "fast_align", "none"], default="attention")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "quality"))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    second = {"attention": Attention(), "fast_align": FastAlign(), "none": None}[options.second]
    make = translated if options.data == "wikineural" else None
    base = (
        make(options.rows, options.work, second)
        if make
        else given(options.data, options.rows, options.work, second)
    )
    scorers: list[Scorer] = list(SCORERS)
    if second is not None:
        scorers += [
            Agreement(projection=Aligned(aligner=second)).build(base.tools),
            Links(aligner=second).build(base.tools),
        ]
    first = score(tables.units_to_table(base.units), scorers)
    good = ~dropped(Rules(), first.columns, len(base.units))
    clean = [u for u, fine in zip(base.units, good, strict=True) if fine]
    labelled = sum(bool(u.source.spans) for u in clean)
    print(f"# {len(base.units)} rows, {len(clean)} clean by the default rules ({labelled} with spans)")
    started = time.perf_counter()
    rows = spoilt(replace(base, units=clean), scorers, options.seed)
    np.savez(
        options.work / f"spoilt.{options.data}.{options.second}.npz",
        ids=rows.ids, kinds=rows.kinds, **{f"s_{k}": v for k, v in rows.scores.items()},
    )
    print(f"# {len(rows.ids)} rows scored in {time.perf_counter() - started:.0f} s")
    report(rows, base, options.seed, options)


def report(rows: Rows, base: Base, seed: int, options: argparse.Namespace) -> None:
    seen = np.array([kind != "unlabelled_span" for kind in rows.kinds])
    taught = Rows(
        {k: v[seen] for k, v in rows.scores.items()},
        [i for i, s in zip(rows.ids, seen, strict=True) if s],
        [k for k, s in zip(rows.kinds, seen, strict=True) if s],
    )
    learnt = learn(taught, seed=seed, false_alarms=FALSE_ALARMS, signature={"data": options.data})
    told = parts(rows.ids, seed) >= SET
    default = dropped(Rules(), rows.scores, len(rows.ids))
    usual = default.copy()
    for name, column in COLUMNS.items():
        if name in rows.scores and column.limits is None and column.usual is not None:
            usual |= column.usual.fails(rows.scores[name])
    combined = learnt.model.combined(rows.scores) < learnt.model.threshold
    ways = {"default": default, "usual limits": usual, "learned": combined,
            "default or learned": default | combined}
    table(rows, ways, told)
    for t in sorted(learnt.model.terms, key=lambda t: -max(abs(t.below), abs(t.above)))[:15]:
        print(f"#   {t.column:<20} {t.center:8.3g} {t.below:+.2f} {t.above:+.2f} {t.missing:+.2f}")
    if base.right is not None:
        right = np.array([k == CLEAN and i in base.right for i, k in zip(rows.ids, rows.kinds, strict=True)])
        wrong = np.array([k == CLEAN and i not in base.right for i, k in zip(rows.ids, rows.kinds, strict=True)])
        for way, gone in ways.items():
            print(f"# gold: {way}: drops {gone[right & told].mean():.4f} of {(right & told).sum()} rows labelled "
                  f"as by a person, {gone[wrong & told].mean():.4f} of {(wrong & told).sum()} others")
    print(f"# corruption|data:{options.data}|rows:{options.rows}|second:{options.second}|seed:{seed}"
          f"|threshold:{learnt.model.threshold:g}|model:{model_digest('embedded')[:8]}")


if __name__ == "__main__":
    main()
