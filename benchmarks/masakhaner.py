"""English NER → Swahili by one's own model → tagger → F1 on MasakhaNER, beside what it must beat.

    python benchmarks/masakhaner.py MODEL [--seeds 1 2 3] [--work FOLDER]

The recipe is flows/recipes/masakhaner-en-sw.toml; MODEL takes the place of its model. Arms:
`zero_shot` (the English rows), `copy` (the English rows sent through the pipeline by the engine
that copies, rules off: the control), `translate_train` (kept rows), `translate_train, no rules`,
and `supervised` (MasakhaNER's own training set, the upper bound). The CRF has no randomness: a
seed picks 80 % of the training rows by their ids.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
from gold import ROOT
from joblib import Parallel, delayed
from quality_filtering import SHARE, examples, judged, scored

from xltpipe import steps, tables
from xltpipe.datasets import SourceSpec
from xltpipe.quality import Rules
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import load
from xltpipe.store import Store
from xltpipe.translation import Copy, CTranslate2
from xltpipe.types import Example

RECIPE = ROOT / "flows/recipes/masakhaner-en-sw.toml"


def read(recipe: Recipe, store: Store, source: SourceSpec, lang: str) -> list[Example]:
    made, _ = store.make(steps.read(recipe, source, lang))
    shards = steps.parts(store, made)
    return [e for shard in shards for e in tables.table_to_examples(store.read(shard))]


def arms(recipe: Recipe, store: Store) -> dict[str, list[Example]]:
    """Training rows of every arm; ids tell which rows belong together."""
    target = recipe.targets[0]
    english = read(recipe, store, recipe.train, recipe.source)
    done = judged(recipe, store, None)
    copied = recipe.model_copy(update={"name": "copy", "translation": Copy(), "rules": _off()})
    control = judged(copied, store, None)
    kept = [u for u, keep in zip(done.units, done.kept, strict=True) if keep]
    print(f"# {len(done.units)} rows, {len(kept)} kept", flush=True)
    return {
        "zero_shot": english,
        "copy": examples([u for u in control.units if u.error is None], target),
        "translate_train, no rules": examples([u for u in done.units if not u.error], target),
        "translate_train": examples(kept, target),
        "supervised": read(recipe, store, recipe.gold(target).data, target),
    }


def _off() -> Rules:
    return Rules.model_validate(dict.fromkeys(Rules().limits()))


def drawn(rows: Sequence[Example], seed: int) -> list[Example]:
    """The 80 % of the rows that a seed picks, by their ids."""

    def place(id: str) -> int:
        return int.from_bytes(blake2b(f"{seed}\n{id}".encode(), digest_size=8).digest()) % 100

    return [row for row in rows if place(row.id) < SHARE]


def one(recipe: Recipe, root: Path, rows: list[Example], seed: int) -> tuple[int, list[str]]:
    """Rows and scores of one arm and seed."""
    data = [replace(row, lang=recipe.targets[0]) for row in drawn(rows, seed)]
    return len(data), list(scored(recipe, Store(root), data, seed).values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "masakhaner"))
    parser.add_argument("--jobs", type=int, default=2, help="taggers trained side by side")
    options = parser.parse_args()
    engine = CTranslate2(model=str(options.model.absolute()))
    recipe = load(RECIPE).model_copy(update={"translation": engine})
    store = Store(options.work / "store")
    rows = arms(recipe, store)
    found: dict[str, list[float]] = {}
    jobs = [(name, seed) for name in rows for seed in options.seeds]
    done = Parallel(n_jobs=options.jobs, return_as="generator")(
        delayed(one)(recipe, store.root, rows[name], seed) for name, seed in jobs
    )
    for (name, seed), (count, lines) in zip(jobs, done, strict=True):
        for line in lines:
            print(f"{name}|seed:{seed}|rows:{count}: {line}", flush=True)
            found.setdefault(name, []).append(float(line.split()[0]))
    print("| arm | F1, mean ± sd |\n|---|---|")
    for name, values in found.items():
        print(f"| {name} | {np.mean(values):.4f} ± {np.std(values):.4f} |")


if __name__ == "__main__":
    main()
