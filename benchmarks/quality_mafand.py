"""MAFAND en-swa train: are the duplicates, untranslated copies and extreme ratios all caught?

    python benchmarks/quality.py mafand

Duplicates are lines that stood before (445), copies have equal sides (470), and extreme ratios are
(characters + 1) / (characters + 1) above 3 either way (99). Default rules, near duplicates off.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import quality_data as data

from xltpipe.quality import REASONS, SCORERS, Rules
from xltpipe.quality.column import Floats, Mask
from xltpipe.quality.duplicates import COLUMNS, Duplicates, find
from xltpipe.quality.duplicates_choice import STANDING, choose
from xltpipe.quality.stage import score

EXPECTED = {"exact duplicates": 445, "untranslated copies": 470, "extreme ratios": 99}


def faults(pairs: data.Pairs) -> dict[str, Mask]:
    """The three sets of the manifest."""
    seen: set[tuple[str, str]] = set()
    again = [pair in seen or bool(seen.add(pair)) for pair in pairs]
    sizes = np.array([(len(a) + 1, len(b) + 1) for a, b in pairs], np.float64)
    ratio = sizes.max(axis=1) / sizes.min(axis=1)
    return {
        "exact duplicates": np.array(again, np.bool_),
        "untranslated copies": np.array([a == b for a, b in pairs], np.bool_),
        "extreme ratios": ratio > 3.0,
    }


def scored(units: pa.Table, rules: Rules, settings: Duplicates) -> dict[str, Floats]:
    """All scores of a split of one shard, copies among them."""
    columns = score(units, SCORERS).columns
    with tempfile.TemporaryDirectory() as scratch:
        groups = find(iter([(0, units)]), settings, Path(scratch))
    passes = np.ones(units.num_rows, np.bool_)
    for fails in rules.failures(columns).values():
        passes &= ~fails
    nothing = pa.nulls(units.num_rows, pa.float64())
    standing = pa.Table.from_arrays(
        [
            pa.array(np.zeros(units.num_rows), pa.int32()),
            pa.array(np.arange(units.num_rows), pa.int32()),
            pa.array(passes),
            *(nothing, nothing, nothing),
        ],
        schema=STANDING,
    )
    chosen = choose(groups, [standing], settings)
    for name in (column.name for column in COLUMNS):
        columns[name] = np.zeros(units.num_rows)
        columns[name][chosen.column("row").to_numpy()] = chosen.column(name).to_numpy()
    return columns


def main(arguments: Sequence[str] | None = None) -> None:
    parser = data.parser(__doc__)
    parser.add_argument("--near", type=float, help="a rule on near duplicates, too: its maximum")
    options = parser.parse_args(arguments)
    pairs = data.pairs(data.home(options) / data.MAFAND)
    near = {"near_duplicate": {"max": options.near}} if options.near else {}
    rules, settings = Rules.model_validate(near), Duplicates()
    data.signature("mafand", f"en-swa.train|n:{len(pairs)}|rules:default{near or ''}")
    begin = time.perf_counter()
    columns = scored(data.table(pairs, ("eng", "swa")), rules, settings)
    seconds = time.perf_counter() - begin
    failures = rules.failures(columns)
    fails = np.any(list(failures.values()), axis=0)
    print(
        "| set | rows | expected | caught | by what they are | missed |\n|---|---|---|---|---|---|"
    )
    own: dict[str, Callable[[], Mask]] = {
        "exact duplicates": lambda: copied(pairs, fails) | failures["duplicate"],
        "untranslated copies": lambda: failures["identical"] | failures["copied"],
        "extreme ratios": lambda: failures["length_ratio"] | failures["word_ratio"],
    }
    for name, mask in faults(pairs).items():
        kind = own[name]() & mask
        print(
            f"| {name} | {mask.sum()} | {EXPECTED[name]} | {(fails & mask).sum()} "
            f"| {kind.sum()} | {(mask & ~fails).sum()} |"
        )
        for row in np.flatnonzero(mask & ~fails)[:12]:
            print(f"    missed: {pairs[row][0][:70]!r} = {pairs[row][1][:70]!r}")
    print(f"\n{fails.sum()} of {len(pairs)} rows fail ({fails.mean():.1%}), {seconds:.0f} s")
    first = Counter(
        next(REASONS[name] for name, mask in failures.items() if mask[row])
        for row in np.flatnonzero(fails)
    )
    print("first reasons:", ", ".join(f"{reason} {count}" for reason, count in first.most_common()))


def copied(pairs: data.Pairs, fails: Mask) -> Mask:
    """Rows whose text stays at most once in what is kept (the copy may come before)."""
    kept: dict[tuple[str, str], int] = {}
    for row, pair in enumerate(pairs):
        kept[pair] = kept.get(pair, 0) + int(not fails[row])
    return np.array([kept[pair] <= 1 for pair in pairs], np.bool_)


if __name__ == "__main__":
    main()
