"""Fuzz every parser that reads what others wrote, and say what came of it.

    nice -n 19 .venv/bin/python benchmarks/fuzz.py [--examples 100000] [--seed 1] [--only NAME]

Inputs are valid ones with pieces cut, doubled, swapped or replaced by odd values (tests/fuzz). A
parser may take an input or refuse it with an error of the house; anything else is a finding, as is
one input that takes over 5 s. Memory is bounded to 8 GiB, so that a bomb is an error and not the
end of the machine. Exit code 1 if there are findings.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter

from tests.fuzz.running import run
from tests.fuzz.targets import TARGETS

MEMORY = 8 << 30


def main(examples: int, seed: int, only: str) -> int:
    """Print the table; the exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    chosen = [t for t in TARGETS if only in t.name]
    each = examples / sum(t.share for t in chosen)
    total: Counter[str] = Counter()
    started, found = time.perf_counter(), 0
    print("| parser | inputs | taken | refused | slowest, ms | uncaught |")
    print("|---|---|---|---|---|---|")
    for number, target in enumerate(chosen):
        tally = run(target, max(1, round(each * target.share) + 1), seed + number)
        total.update(inputs=tally.inputs, taken=tally.taken, refused=tally.refused.total())
        found += len(tally.uncaught)
        print(
            f"| {tally.name} | {tally.inputs:,} | {tally.taken:,} | {tally.refused.total():,} "
            f"| {1000 * tally.slowest:.0f} | {len(tally.uncaught)} |",
            flush=True,
        )
        for place, told in tally.uncaught.items():
            print(f"  {place}\n    {told}", file=sys.stderr, flush=True)
    print(
        f"| all {len(chosen)} | {total['inputs']:,} | {total['taken']:,} | {total['refused']:,} "
        f"| | {found} |\n\n{time.perf_counter() - started:.0f} s, seed {seed}"
    )
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    sys.exit(main(given.examples, given.seed, given.only))
