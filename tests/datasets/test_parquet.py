"""Parquet in the house's schema: batches, other writers' types, and rows that do not fit."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xltpipe.datasets import Parquet
from xltpipe.datasets.write import write_parquet
from xltpipe.errors import DataError
from xltpipe.tables import EXAMPLES, OPTIONAL, examples_to_table
from xltpipe.types import Example, Link, Span

ROW: dict[str, object] = {
    "id": "a",
    "lang": "hin",
    "texts": ["दिल्ली में"],
    "spans": [{"start": 0, "end": 6, "label": "LOC", "text": 0}],
    "label": None,
    "tokens": [{"start": 0, "end": 6}, {"start": 7, "end": 10}],
}


def read(folder: Path, *rows: dict[str, object]) -> list[Example]:
    """The rows as a writer that knows nothing of EXAMPLES would lay them down."""
    pq.write_table(pa.Table.from_pylist(list(rows)), folder / "d.parquet")
    return list(Parquet(path="d.parquet").read("hin", folder))


def test_wider_types_and_further_columns_are_read(tmp_path: Path) -> None:
    (example,) = read(tmp_path, ROW | {"extra": 1})
    assert example.covered(example.spans[0]) == "दिल्ली"
    assert example.tokens == ((0, 6), (7, 10))


def test_many_batches(tmp_path: Path) -> None:
    examples = [Example(f"e{n}", "hin", (f"क {n}",), (Span(0, 1, "X"),)) for n in range(9_001)]
    pq.write_table(examples_to_table(examples), tmp_path / "d.parquet", row_group_size=1_000)
    assert list(Parquet(path="d.parquet").read("hin", tmp_path)) == examples
    few = Parquet(path="d.parquet", limit=3).read("hin", tmp_path)
    assert [e.id for e in few] == ["e0", "e1", "e2"]


def test_no_rows(tmp_path: Path) -> None:
    write_parquet([], tmp_path / "d.parquet")
    assert list(Parquet(path="d.parquet").read("hin", tmp_path)) == []


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"id": None}, "Column id must hold no null"),
    ({"texts": None}, "Column texts must hold no null"),
    ({"texts": ["a", None]}, "Column texts must hold no null"),
    ({"spans": None}, "Column spans must hold no null"),
    ({"spans": [{"start": 0, "end": None, "label": "X", "text": 0}]}, "Column spans must hold no"),
    ({"spans": [{"start": 0, "end": 99, "label": "X", "text": 0}]}, "Span must lie inside"),
    ({"spans": [{"start": 2, "end": 2, "label": "X", "text": 0}]}, "Span must satisfy"),
    ({"spans": [{"start": 2**40, "end": 2**41, "label": "X", "text": 0}]}, "not in range"),
    ({"tokens": [{"start": 5, "end": 99}]}, "Tokens must ascend"),
    ({"lang": "eng"}, "Language must be the recipe's"),
    ({"id": "a0"}, "'a0' at .*row 1 and again at .*row 3"),
]


@pytest.mark.parametrize(("fault", "message"), REFUSED)
def test_refused_rows_are_named(tmp_path: Path, fault: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path, ROW | {"id": "a0"}, ROW | {"id": "a1"}, ROW | fault, ROW | {"id": "a3"})
    assert "d.parquet, row 3" in str(error.value)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    bad = pa.array([b"ok", b"\xff\xfe"], pa.binary()).view(pa.string())
    table = examples_to_table([Example("a", "hin", ("x",)), Example("b", "hin", ("y",))])
    texts = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), bad)
    table = table.set_column(2, EXAMPLES.field("texts"), texts.cast(EXAMPLES.field("texts").type))
    pq.write_table(table, tmp_path / "d.parquet")
    with pytest.raises(DataError, match=r"(?i)utf-?8.*d\.parquet, row 2"):
        list(Parquet(path="d.parquet").read("hin", tmp_path))


def test_masked_texts_may_be_told(tmp_path: Path) -> None:
    assert ROW.keys() == set(EXAMPLES.names) - set(OPTIONAL)  # columns that may be missing
    (got,) = read(tmp_path, ROW | {"masked": [0]})
    assert got.masked == (0,)


def test_links_and_meta_may_be_told(tmp_path: Path) -> None:
    link = {"head": 0, "tail": 0, "label": "self"}
    (got,) = read(tmp_path, ROW | {"links": [link], "meta": '{"n": 1.0}', "verbatim": [0]})
    assert (got.links, got.meta, got.verbatim) == ((Link(0, 0, "self"),), '{"n": 1.0}', (0,))
    for fault, message in (
        ({"links": [link | {"tail": 9}]}, "Link must join two spans"),
        ({"meta": "[1]"}, r"meta must be a JSON object, was: '\[1\]'"),
        ({"verbatim": [7]}, "verbatim must list numbers of texts"),
    ):
        with pytest.raises(DataError, match=message):
            read(tmp_path, ROW | fault)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"was without spans.*kind = \"hub\""):
        read(tmp_path, {key: value for key, value in ROW.items() if key != "spans"})
    (tmp_path / "d.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="must be whole and Parquet"):
        list(Parquet(path="d.parquet").read("hin", tmp_path))


def test_names_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(examples_to_table([Example("a", "eng", ("x",))]), path, store_schema=False)
    whole = path.read_bytes()
    assert whole.count(b"label") > 1
    path.write_bytes(whole.replace(b"label", b"\xecabel"))
    with pytest.raises(DataError, match=r"File must be whole and Parquet.*d\.parquet"):
        list(Parquet(path="d.parquet").read("eng", tmp_path))
