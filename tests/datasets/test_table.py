"""Tables: columns by name and number, quotes or none, and what is refused."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from xltpipe.datasets import Table
from xltpipe.errors import DataError
from xltpipe.types import Example

TSV = 'id\ttext\tclass\tnote\r\n7\tÉl dijo "sí\t1\ta\r\n\r\n8\tNo.\t\t\r\n'
CSV = 'text,class\n"Ana, who\n""lives""",1\nBob,0\n'


def read(folder: Path, content: str, **settings: Any) -> list[Example]:
    (folder / "t.tsv").write_bytes(content.encode())
    return list(Table(path="t.tsv", **settings).read("spa", folder))


def test_columns_by_name_and_the_rest_is_meta(tmp_path: Path) -> None:
    names = {"0": "no", "1": "yes"}
    given = {"texts": ["text"], "label": "class", "id": "id", "label_names": names}
    assert read(tmp_path, TSV, **given) == [
        Example("7", "spa", ('Él dijo "sí',), label="yes", meta='{"note": "a"}'),
        Example("8", "spa", ("No.",), meta='{"note": ""}'),
    ]
    assert [e.id for e in read(tmp_path, TSV, **given, where={"note": "a"})] == ["7"]


def test_rows_without_id_are_numbered_and_columns_may_be(tmp_path: Path) -> None:
    rows = read(tmp_path, "Go.\tVe.\nRun!\t¡Corre!\n", texts=[0, -1], header=False)
    assert rows == [
        Example("t-1", "spa", ("Go.", "Ve.")),
        Example("t-2", "spa", ("Run!", "¡Corre!")),
    ]
    only = read(tmp_path, "a\tx\nb\ty\n", texts=[0], header=False, where={"1": "y"})
    assert only == [Example("t-2", "spa", ("b",), meta='{"1": "y"}')]  # numbers are the file's


def test_quotes_hold_separators_and_line_breaks(tmp_path: Path) -> None:
    rows = read(tmp_path, CSV, texts=["text"], label="class", separator=",")
    assert [(e.texts[0], e.label) for e in rows] == [('Ana, who\n"lives"', "1"), ("Bob", "0")]
    plain = read(tmp_path, 'text\tclass\n"a" b\t1\n', texts=["text"], label="class")
    assert plain[0].texts == ('"a" b',)


def test_packed_tables_are_unpacked(tmp_path: Path) -> None:
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress(TSV.encode()))
    rows = Table(path="t.tsv.gz", texts=("text",), id="id").read("spa", tmp_path)
    assert [e.id for e in rows] == ["7", "8"]


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        (TSV, {"texts": ["txt"]}, r"Column must be one of id, text, class, note \(4\), was: 'txt'"),
        (TSV, {"texts": [4]}, r"Column must be one of .*, was: 4 .*t.tsv:1"),
        ("a\ta\n1\t2\n", {"texts": [0]}, "Columns must have different names, was: 'a' twice"),
        ("a\tb\n1\t2\n3\n", {"texts": [0]}, r"Row must have 2 columns.*was: 1 .*t.tsv:3.*quoting"),
        (
            TSV,
            {"texts": ["text"], "label": "class", "label_names": {"0": "no"}},
            r"Label must be one of label_names, 0, was: '1' .*t.tsv:2",
        ),
        (
            'a,b\n1,2\n"3,4\n',
            {"texts": [0], "separator": ","},
            r"Row must be well quoted.*:3.*false",
        ),
        ("a\tb\n1\t2\n1\t2\n", {"texts": [1], "id": "a"}, "Ids must differ.*t.tsv:2 and again"),
        ("a\tb\n\t2\n", {"texts": [1], "id": "a"}, "Id must not be empty"),
    ],
)
def test_refused(tmp_path: Path, content: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content, **settings)


def test_names_need_a_header() -> None:
    with pytest.raises(ValidationError, match=r"must be numbers \(from 0\) .*, was: 'text'"):
        Table(path="x", texts=("text",), header=False)
    with pytest.raises(ValidationError, match="separator must be no quote"):
        Table(path="x", texts=(0,), separator='"')


NLI = {"0": "entailment", "1": "neutral", "2": "contradiction"}
# rows and labels as MANIFEST.md tells them, or counted by an awk program
SHARED: list[tuple[dict[str, Any], int, int]] = [
    ({"path": "nli/sib200/eng_Latn.train.tsv", "texts": ["text"], "label": "category"}, 701, 7),
    ({"path": "nli/sib200/swh_Latn.test.tsv", "texts": ["text"], "label": "category"}, 204, 7),
    (
        {"path": "nli/xnli_en_sw/xnli.en.test.tsv.gz", "texts": [2, 3], "label": "label"},
        *(5010, 3),
    ),
    (
        {
            "path": "nli/xnlivar/xnli.es.test.tsv.gz",
            "texts": [0, 1],
            "label": 2,
            "label_names": NLI,
        },
        *(5010, 3),
    ),
    (
        {
            "path": "nli/sick_br/SICK_BR.txt.gz",
            "texts": ["sentence_A_original", "sentence_B_original"],
            "label": "entailment_label",
            "id": "pair_ID",
        },
        *(9840, 3),
    ),
    ({"path": "parallel/tatoeba.en-es.tsv.gz", "texts": [0, 1], "header": False}, 118_964, 0),
    ({"path": "parallel/mafand/en-swa.dev.tsv.gz", "texts": [0, 1], "header": False}, 1791, 0),
    ({"path": "qa/mgsm/mgsm_es.tsv", "texts": [0, 1], "header": False}, 250, 0),
]


@pytest.mark.parametrize(("settings", "count", "labels"), SHARED, ids=lambda v: str(v)[:48])
def test_shared_tables_hold_what_their_manifest_says(
    settings: dict[str, Any], count: int, labels: int
) -> None:
    data = Path(os.environ.get("XLTPIPE_SHARED", "../shared")) / "data"
    if not (data / "MANIFEST.md").is_file():
        pytest.skip("the shared data is not here")
    seen, found = 0, set()
    for example in Table.model_validate(settings).read("und", data):
        seen += 1
        found.add(example.label)
    assert (seen, len(found - {None})) == (count, labels)
