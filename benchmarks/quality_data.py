"""Rows for the benchmarks of quality, as units, and what a table prints beside its numbers."""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa

from xltpipe import __version__, tables
from xltpipe.types import Example, Translation, Unit

Pairs = Sequence[tuple[str, str]]

MAFAND = "parallel/mafand/en-swa.train.tsv"


def parser(doc: str | None) -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("XLTPIPE_SHARED", Path(__file__).resolve().parents[2] / "shared")
    out.add_argument("--data", type=Path, default=Path(shared), help="folder that has data/")
    return out


def home(options: argparse.Namespace) -> Path:
    """The folder of the data sets."""
    path: Path = options.data
    path = path / "data" if (path / "data").is_dir() else path
    if not path.is_dir():
        sys.exit(f"no data in {path}: give --data")
    return path


def lines(path: Path) -> list[str]:
    """The lines of a text file, compressed or not; only a line feed ends one."""
    found = path if path.exists() else path.with_name(path.name + ".gz")
    raw = found.read_bytes()
    text = (gzip.decompress(raw) if found.suffix == ".gz" else raw).decode("utf-8")
    return text.removesuffix("\n").split("\n")


def pairs(path: Path) -> list[tuple[str, str]]:
    """The first two columns of a file of tab-separated values."""
    rows = [row.split("\t") for row in lines(path)]
    return [(row[0], row[1]) for row in rows]


def unit(number: int, source: str, target: str, langs: tuple[str, str]) -> Unit:
    id = str(number)
    return Unit(
        Example(id, langs[0], (source,)),
        Example(id, langs[1], (target,)),
        (source,),
        (Translation(target),),
    )


def table(rows: Pairs, langs: tuple[str, str]) -> pa.Table:
    """Units without labels, as a shard holds them."""
    return tables.units_to_table([unit(i, a, b, langs) for i, (a, b) in enumerate(rows)])


def signature(name: str, *parts: object) -> None:
    """Print what a number must be read with."""
    packages = ("numpy", "pyarrow", "duckdb", "py3langid", "pycld2", "rensa")
    print(f"# {name}|{'|'.join(map(str, parts))}|v:{__version__}")
    print(
        f"# {datetime.now(tz=UTC):%Y-%m-%d %H:%M} UTC|{' '.join(sys.argv)}"
        f"|Python {platform.python_version()}|load {os.getloadavg()[0]:.1f}"
        f"|{' '.join(f'{p} {version(p)}' for p in packages)}\n"
    )
