"""Readers of data: what a stranger's file may hold."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from tests.examples import SCRIPTS
from tests.fuzz.mutation import bent, json_text, noise
from tests.fuzz.target import Target, scratch
from tests.toy_recipe import TRAIN
from xltpipe import tables
from xltpipe.alignment.bitext import read_bitext
from xltpipe.datasets import (
    Choice,
    Conll,
    Events,
    Instructions,
    Iob2,
    Jsonl,
    Parquet,
    Squad,
    Table,
)
from xltpipe.datasets.label_studio_reader import read_reviews
from xltpipe.deciding.labelled import read as read_labelled
from xltpipe.mt.pairs import rows
from xltpipe.translation.prompt_files import pairs

CONLL = [
    TRAIN.encode(),
    b"# sent_id = a\n# text = Ana lives\n1\tAna\tB-PER\t_\t_\n2\tlives\tO\t_\t_\n\n# sent_id = b\n",
    b"-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\n# O\n",
    "北 B-LOC\n京 I-LOC\n\nالقاهرة S-LOC\n".encode(),
]
JSONL = [
    {"id": "a", "text": "Ana lives in Łódź.", "spans": [{"start": 0, "end": 3, "label": "PER"}]},
    {"id": "b", "texts": ["It rains.", "Dry 👩"], "label": "no", "lang": "en", "masked": [1]},
    {"id": "c", "text": "Ana", "tokens": [[0, 3]], "spans": [], "meta": {"a": [1, {"b": 2}]}},
    {
        "id": "d",
        "texts": ["Ana met Bob", "x"],
        "spans": [{"start": 4, "end": 7, "label": "Meet"}, {"start": 0, "end": 3, "label": "PER"}],
        "links": [{"head": 0, "tail": 1, "label": "agent"}],
        "verbatim": [1],
    },
]
TABLE = [
    b'id\ttext\tlabel\n1\tAna lives\tx\n2\t"Bob" left\ty\n',
    b'a,b,c\n1,"Ana, who\nlives",x\n2,Bob,\n',
]
INSTRUCTIONS = [
    {
        "id": 1,
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "Who?"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"x": 1.0}]},
        ],
    },
    {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
    {"instruction": "Add.", "input": "1 2", "output": "3", "source": {"a": [1e5]}},
]
CHOICE = [
    {"question": "Who?", "options": ["Ana", "Bob"], "answer": "B", "more": None},
    {"question": "?", "options": {"text": ["x", "y"], "label": ["A", "B"]}, "answer": 1},
    {"question": "?", "options": [{"text": "x", "label": 1}, {"text": "y"}], "answer": "y"},
]
EVENTS = [
    {
        "tokens": ["Ana", "met", "Bob"],
        "entity_mentions": [{"id": "e1", "start": 0, "end": 1, "entity_type": "PER"}],
        "event_mentions": [
            {
                "event_type": "Meet",
                "trigger": {"text": "met", "start": 1, "end": 2},
                "arguments": [
                    {"entity_id": "e1", "role": "Agent", "text": "Ana"},
                    {"start": 2, "end": 3, "role": "Other"},
                ],
            }
        ],
    },
    {"text": "Ana met", "event_mentions": [{"event_type": "M", "trigger": {"start": 4, "end": 7}}]},
]
SQUAD = [
    {
        "version": "2.0",
        "data": [
            {
                "title": "x",
                "paragraphs": [
                    {
                        "context": "Ana lives in Łódź.",
                        "qas": [
                            {
                                "id": "1",
                                "question": "Who?",
                                "answers": [{"text": "Ana", "answer_start": 0}],
                            },
                            {"id": "2", "question": "Why?", "answers": [], "is_impossible": True},
                        ],
                    }
                ],
            }
        ],
    }
]
_RESULT = [
    {
        "id": "0-0",
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "value": {"start": 0, "end": 3, "text": "Ana", "labels": ["PER"]},
    },
    {
        "from_name": "verdict",
        "to_name": "text",
        "type": "choices",
        "value": {"choices": ["accept"]},
    },
]
REVIEWS = [
    [
        {
            "id": 1,
            "data": {
                "run": "toy-1",
                "row": "a",
                "lang": "spa",
                "split": "train",
                "text": "Ana vive 👩",
            },
            "annotations": [
                {"result": _RESULT, "completed_by": {"id": 1}, "updated_at": "2026-01-01"},
                {"result": _RESULT, "was_cancelled": False, "ground_truth": True},
            ],
            "drafts": [],
        }
    ]
]


def _all(source: Any, name: str) -> Any:
    def parse(data: bytes) -> int:
        path = scratch(name, data)
        return len(list(source(path=path.name).read("eng", path.parent)))

    return parse


def _conll(given: tuple[bytes, dict[str, Any]]) -> int:
    data, settings = given
    path = scratch("x.conll", data)
    return len(list(Conll(path=path.name, **settings).read("eng", path.parent)))


def _table(given: tuple[bytes, dict[str, Any]]) -> int:
    data, settings = given
    path = scratch("x.tsv", data)
    return len(list(Table(path=path.name, **settings).read("eng", path.parent)))


_columns = st.fixed_dictionaries(
    {"texts": st.sampled_from([[0], [1], ["text"], [0, -1], ["b", "c"], [2**70]])},
    optional={
        "label": st.sampled_from([None, 0, 2, -9]),
        "id": st.sampled_from([None, 0, -1]),
        "label_names": st.sampled_from([{}, {"x": "X"}]),
        "separator": st.sampled_from(["\t", ",", ";", " "]),
        "quoting": st.sampled_from([None, True, False]),
        "keep_texts": st.sampled_from([[], [0], [-1], [7]]),
        "limit": st.sampled_from([None, 1]),
    },
)


_settings = st.fixed_dictionaries(
    {},
    optional={
        "token": st.sampled_from([None, 0, 1, -1, 7, -9, 2**70]),
        "tag": st.sampled_from([None, 0, 1, -1, 7, -9]),
        "scheme": st.sampled_from(["bio", "io", "iob1", "bilou", "bioes"]),
        "strict": st.booleans(),
        "join": st.sampled_from(["natural", "space"]),
        "limit": st.sampled_from([None, 1]),
        "encoding": st.sampled_from(
            [
                "utf-8",
                "latin-1",
                "utf-16",
                "utf-7",
                "cp1252",
                "utf-8-sig",
                "gb18030",
                "shift-jis",
                "utf-32",
            ]
        ),
    },
)


def _parquet_seeds() -> list[bytes]:
    out = []
    table = tables.examples_to_table(SCRIPTS)
    for settings in ({"compression": "zstd"}, {"compression": "snappy"}, {"compression": "none"}):
        stream = io.BytesIO()
        pq.write_table(table, stream, **settings)
        out.append(stream.getvalue())
    return out


def _bent_parquet(rows: list[dict[str, Any]]) -> int:
    """Any table that Arrow can make of the rows, as a file."""
    try:
        table = pa.Table.from_pylist(rows)
        stream = io.BytesIO()
        pq.write_table(table, stream)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError, KeyError):
        return 0  # no file can hold them
    return int(_all(Parquet, "y.parquet")(stream.getvalue()))


_ROWS = [tables.examples_to_table(SCRIPTS[:3]).to_pylist()]


def _lines(reader: Any, name: str) -> Any:
    return lambda data: sum(1 for _ in reader(scratch(name, data)))


_TSV = ["Ana lives in Rome\tAna vive en Roma\n北京\tPekín\textra\n".encode()]
_GZ = [gzip.compress(seed, mtime=0) for seed in (*CONLL, *_TSV)]
_LABELLED = [{"id": "a", "ok": True}, {"id": "b", "ok": False, "lang": "spa"}]


def lines_of(documents: list[Any]) -> st.SearchStrategy[bytes]:
    return st.lists(json_text(documents), max_size=3).map(b"\n".join)


TARGETS = [
    Target("conll", st.tuples(noise(CONLL), _settings), _conll, 2.0),
    Target("conll.gz", noise(_GZ), _all(Conll, "x.conll.gz")),
    Target("iob2", noise(CONLL[1:2]), _all(Iob2, "x.iob2")),
    Target("jsonl", lines_of(JSONL), _all(Jsonl, "x.jsonl"), 2.0),
    Target("table", st.tuples(noise(TABLE), _columns), _table, 2.0),
    Target("instructions", lines_of(INSTRUCTIONS), _all(Instructions, "i.jsonl"), 2.0),
    Target("choice", lines_of(CHOICE), _all(Choice, "c.jsonl"), 2.0),
    Target("events", lines_of(EVENTS), _all(Events, "e.jsonl"), 2.0),
    Target("squad", json_text(SQUAD), _all(Squad, "x.json"), 2.0),
    Target(
        "squad.gz", noise([gzip.compress(b'{"data": []}', mtime=0)]), _all(Squad, "x.json.gz"), 0.5
    ),
    Target("parquet bytes", noise(_parquet_seeds(), 3), _all(Parquet, "x.parquet")),
    Target("parquet rows", bent(_ROWS), _bent_parquet),
    Target("label studio", json_text(REVIEWS), lambda d: read_reviews(scratch("r.json", d)), 2.0),
    Target("bitext", noise(_TSV), _lines(read_bitext, "b.tsv")),
    Target("bitext.gz", noise(_GZ), _lines(read_bitext, "b.tsv.gz"), 0.5),
    Target("training text", noise(_TSV), _lines(rows, "t.tsv")),
    Target("training text.gz", noise(_GZ), _lines(rows, "t.tsv.gz"), 0.5),
    Target("prompt examples", noise(_TSV), lambda d: pairs(scratch("p.tsv", d))),
    Target("labelled rows", lines_of(_LABELLED), lambda d: read_labelled(scratch("l.jsonl", d))),
]
