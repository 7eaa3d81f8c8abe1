"""Quality: speed, memory, and what rules catch; one subcommand a table.

    python benchmarks/quality.py TABLE [--data ../shared] [--help]

speed       rows a second on one core, beside OpusFilter (--peer: the python that has it)
memory      peak memory of scoring and of the search for duplicates, 100,000 to 1,000,000 rows
mafand      the known faults of MAFAND en-swa train
clean       what the default rules say against right translations
languages   language identification on right and on wrong text
estimation, corruption, filtering: in files of their own
"""

from __future__ import annotations

import os

# before NumPy is loaded: one core each, for us and for others
for _name in ("OMP", "OPENBLAS", "MKL", "RAYON", "ARROW"):
    os.environ.setdefault(f"{_name}_NUM_THREADS", "1")

import sys  # noqa: E402
from importlib import import_module  # noqa: E402

TABLES = {
    "speed": "quality_speed",
    "memory": "quality_memory",
    "mafand": "quality_mafand",
    "clean": "quality_clean",
    "languages": "quality_languages",
    "estimation": "quality_estimation",
    "corruption": "quality_corruption",
    "filtering": "quality_filtering",
}


def main() -> None:
    table, *arguments = sys.argv[1:] or ["--help"]
    if table not in TABLES:
        print(__doc__)
        sys.exit(table not in {"-h", "--help"})
    import_module(TABLES[table]).main(arguments)


if __name__ == "__main__":
    main()
