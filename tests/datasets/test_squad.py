"""SQuAD: answers by their place in the context, and what its writer cannot hold."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from xltpipe.datasets import Squad
from xltpipe.datasets.squad import write_squad
from xltpipe.datasets.write import Written
from xltpipe.errors import DataError
from xltpipe.types import Example, Span

CONTEXT = "🏛 Layla visited Cairo. Later ليلى left."
DOCUMENT = {
    "version": "v2.0",
    "data": [
        {
            "title": "trip",
            "paragraphs": [
                {
                    "context": CONTEXT,
                    "qas": [
                        {
                            "id": "a",
                            "question": "Who visited Cairo?",
                            "answers": [
                                {"text": "Layla", "answer_start": 2},
                                {"text": "Layla", "answer_start": 2},
                                {"text": "ليلى", "answer_start": 29},
                            ],
                        },
                        {
                            "id": "b",
                            "question": "Why?",
                            "is_impossible": True,
                            "answers": [],
                            "plausible_answers": [{"text": "Later", "answer_start": 23}],
                        },
                    ],
                }
            ],
        }
    ],
}
EXAMPLES = [
    Example("a", "eng", ("Who visited Cairo?", CONTEXT), (Span(2, 7, "answer", 1), Span(29, 33, "answer", 1))),
    Example("b", "eng", ("Why?", CONTEXT)),
]  # fmt: skip


def read(folder: Path, document: object, name: str = "x.json") -> list[Example]:
    text = json.dumps(document).encode()
    (folder / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    return list(Squad(path=name).read("eng", folder))


@pytest.mark.parametrize("name", ["x.json", "x.json.gz"])
def test_questions_have_their_contexts_and_answers(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, DOCUMENT, name) == EXAMPLES


def test_round_trip_shares_contexts_of_neighbours(tmp_path: Path) -> None:
    other = Example("c", "eng", ("Where?", "In Rome."), (Span(3, 7, "Answer", 1),))
    written = write_squad([*EXAMPLES, other], tmp_path / "x.json")
    assert written == Written(rows=3, spans=3, dropped=0)
    document = json.loads((tmp_path / "x.json").read_text("utf-8"))
    assert document["version"] == "v2.0"
    assert [len(p["qas"]) for p in document["data"][0]["paragraphs"]] == [2, 1]
    back = list(Squad(path="x.json").read("eng", tmp_path))
    assert back[:2] == EXAMPLES
    assert back[2].spans == (Span(3, 7, "answer", 1),)


def test_without_unanswerable_questions_it_is_version_1(tmp_path: Path) -> None:
    write_squad(EXAMPLES[:1], tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text("utf-8"))["version"] == "1.1"
    assert write_squad([], tmp_path / "y.json") == Written(0, 0, 0)
    assert list(Squad(path="y.json").read("eng", tmp_path)) == []


def test_spans_that_are_no_answers_are_counted(tmp_path: Path) -> None:
    spans = (Span(0, 3, "answer", 0), Span(0, 3, "LOC", 1), Span(3, 7, "answer", 1))
    one = Example("c", "eng", ("Who?", "In Rome."), spans)
    assert write_squad([one], tmp_path / "x.json") == Written(rows=1, spans=1, dropped=2)


def test_one_text_is_refused_by_name_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"two texts, question and context, .* was: 1 \(id 'x'\)"):
        write_squad([*EXAMPLES, Example("x", "eng", ("Ana",))], tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_datasets_reads_what_we_write(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    write_squad(EXAMPLES, tmp_path / "x.json")
    found = datasets.load_dataset(
        "json", data_files=str(tmp_path / "x.json"), field="data", cache_dir=str(tmp_path / "c")
    )
    (paragraph,) = found["train"][0]["paragraphs"]
    assert paragraph["qas"][0]["answers"][0] == {"text": "Layla", "answer_start": 2}


def question(**fields: Any) -> dict[str, Any]:
    item = {"id": "a", "question": "Who?", "answers": []} | fields
    return {"data": [{"paragraphs": [{"context": "In Rome.", "qas": [item]}]}]}


FAULTS: list[tuple[object, str]] = [
    ([], r'File must hold an object with "data", was: []'),
    ({}, r"data must be an array, was: null"),
    ({"data": [{}]}, r"paragraphs must be an array, was: null (x.json, data[0])"),
    ({"data": [{"paragraphs": [{"qas": []}]}]}, r"context must be a string, was: null"),
    (question(question=3), r"question must be a string, was: 3"),
    (question(answers=[{"text": "Rome", "answer_start": 4}]), r"must stand at answer_start in its context, was: 'Rome' at 4, where 'ome.' stands (x.json, question 'a')"),
    (question(answers=[{"text": "Rome"}]), r"answer_start >= 0 in code points, was: "),
    (question(answers=[{"text": "Rome", "answer_start": -5}]), r"answer_start >= 0"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "message"), FAULTS, ids=range(len(FAULTS)))
def test_faults_name_the_question(tmp_path: Path, document: object, message: str) -> None:
    with pytest.raises(DataError) as fault:
        read(tmp_path, document)
    assert message in str(fault.value).replace(f"{tmp_path}/", "")


def test_ids_differ_also_within_a_paragraph(tmp_path: Path) -> None:
    item = {"id": "a", "question": "Who?", "answers": []}
    paragraph = {"context": CONTEXT, "qas": [item, item | {"id": "b"}, item]}
    document = {"data": [{"title": "t", "paragraphs": [paragraph]}]}
    with pytest.raises(DataError, match=r"Ids must differ .*qas\[0\] and again at .*qas\[2\]"):
        read(tmp_path, document)


def test_files_that_are_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=re.escape("File must be JSON, was: ")):
        list(Squad(path="x.json").read("eng", tmp_path))
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(b"{}")[:-4])
    with pytest.raises(DataError, match="File must be a whole gzip archive"):
        list(Squad(path="x.json.gz").read("eng", tmp_path))
