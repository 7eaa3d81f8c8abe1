"""Archives, lines and documents that do not end: an error, not a full machine."""

from __future__ import annotations

import gzip
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from xltpipe import unpacking
from xltpipe.alignment.bitext import read_bitext
from xltpipe.datasets import Conll, Iob2, Jsonl, Squad, files
from xltpipe.errors import DataError
from xltpipe.mt.pairs import rows


def _read(kind: Callable[..., object]) -> Callable[[Path], int]:
    return lambda path: len(list(kind(path=path.name).read("eng", path.parent)))  # type: ignore[attr-defined]


READERS: dict[str, Callable[[Path], int]] = {
    "conll": _read(Conll),
    "iob2": _read(Iob2),
    "jsonl": _read(Jsonl),
    "squad": _read(Squad),
    "bitext": lambda path: sum(1 for _ in read_bitext(path)),
    "training text": lambda path: sum(1 for _ in rows(path)),
}


def bomb(path: Path, content: bytes, times: int) -> Path:
    """An archive of many members: made in no time, as large as you like."""
    path.write_bytes(gzip.compress(content, 9, mtime=0) * times)
    return path


@pytest.mark.parametrize("name", READERS)
def test_every_reader_refuses_a_bomb(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "FREE", 1 << 20)
    line = b"a\ta\n" * (1 << 16) if name in {"bitext", "training text"} else b"\n" * (1 << 18)
    path = bomb(tmp_path / "x.gz", line, 64)
    with pytest.raises(
        DataError, match=r"Archive must not grow more than 100 times, was: over .*x\.gz"
    ):
        READERS[name](path)


def test_a_bomb_of_ten_gigabytes_costs_a_second_and_no_memory(tmp_path: Path) -> None:
    """Its real size, the real bound."""
    path = bomb(tmp_path / "x.gz", (b"a" * 4095 + b"\n") * (1 << 12), 640)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(DataError, match="Archive must not grow"):
        sum(map(len, unpacking.lines(path)))
    assert time.process_time() - started < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10  # KiB


def test_text_that_packs_well_is_read(tmp_path: Path) -> None:
    path = bomb(tmp_path / "x.conll.gz", b"Ana B-PER\nlives O\n\n" * 10_000, 3)
    assert READERS["conll"](path) == 30_000


@pytest.mark.parametrize("name", ["conll", "iob2", "jsonl", "bitext", "training text"])
def test_every_reader_refuses_a_line_without_end(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "LONGEST_LINE", 1 << 20)
    monkeypatch.setattr(files, "LONGEST_LINE", 1 << 20)
    path = tmp_path / "x"
    before = {"jsonl": b"", "bitext": b"a\tb\n"}.get(name, b"a\tB-X\n\n")
    path.write_bytes(before + b"a" * (1 << 21))
    number = before.count(b"\n") + 1
    with pytest.raises(
        DataError, match=rf"Line must be at most 1,048,576 characters.*x:{number}\b"
    ):
        READERS[name](path)


def test_a_document_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_DOCUMENT", 1000)
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"data": [], "version": "x" * 2000}))
    with pytest.raises(DataError, match="read as a whole must be at most 1,000 bytes"):
        READERS["squad"](path)


@pytest.mark.parametrize("cut", [10, -4])
def test_an_archive_that_is_cut_is_told(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"a\ta\n" * 100, mtime=0)[:cut])
    for read in READERS.values():
        with pytest.raises(DataError, match="File must be a whole gzip archive"):
            read(path)
