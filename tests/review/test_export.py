"""Export: what is written is read back, and what a format cannot hold is said."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.toy_shelf import RUN, relang, row, rows, shelve
from xltpipe.datasets import Conll, Jsonl, Parquet, Squad
from xltpipe.datasets.write import write_conll
from xltpipe.errors import DataError, RecipeError
from xltpipe.review.export import Exported, Format, Wanted, _flat, export
from xltpipe.review.rows import find
from xltpipe.store import Store
from xltpipe.types import Example, Link, Span, Unit

KEPT = [u.target for u in rows() if u.kept]


def written(
    store: Store, path: Path, format: Format, state: Wanted = "kept", **more: Any
) -> Exported:
    options = {"lang": None, "split": None, "limit": None} | more
    return export(store, find(store, RUN), path, format=format, state=state, **options)


@pytest.mark.parametrize(
    ("format", "source"),
    [
        ("conll", Conll(path="x", strict=True)),
        ("jsonl", Jsonl(path="x")),
        ("parquet", Parquet(path="x")),
    ],
    ids=["conll", "jsonl", "parquet"],
)
def test_round_trip(tmp_path: Path, format: Format, source: Conll | Jsonl | Parquet) -> None:
    found = written(shelve(tmp_path), tmp_path / "x", format)
    assert (found.written.rows, found.written.spans, found.written.dropped) == (5, 7, 0)
    assert not +found.counts
    back = list(source.read("spa", tmp_path))
    assert [(e.id, e.texts, e.spans) for e in back] == [(e.id, e.texts, e.spans) for e in KEPT]


def test_conll_keeps_every_place_also_inside_words(tmp_path: Path) -> None:
    spans = [("Ankara", "LOC", "Ankara"), ("Bank", "ORG", "bank")]
    unit = row("1", ("Ankara Bank",), ("Ankaralı\r\nOsmanlıbankası",), spans)
    found = written(shelve(tmp_path, {("spa", "train"): [[unit]]}), tmp_path / "x", "conll")
    (back,) = Conll(path="x", strict=True).read("spa", tmp_path)
    assert back.spans == unit.target.spans
    assert back.texts == ("Ankaralı  Osmanlıbankası",)
    assert +found.counts == {"line_breaks": 1}


LETTERS = "aZé \t\n\r\u00a0\u200d،ليلىम्北京😀👩.'#-_0O\u2028"


@st.composite
def labelled(draw: st.DrawFn) -> Example:
    """A text of any script with flat spans that begin and end at something visible."""
    text = draw(st.text(LETTERS, max_size=30))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    spans = [
        Span(a, b, draw(st.sampled_from(["PER", "LOC"])))
        for a, b in zip(cuts[::2], cuts[1::2], strict=False)
        if not text[a].isspace() and not text[b - 1].isspace()
    ]
    return Example("1", "spa", (text,), tuple(spans))


@given(labelled())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_conll_gives_every_flat_span_back(tmp_path: Path, example: Example) -> None:
    flat = _flat(example, Counter())
    written = write_conll([flat], tmp_path / "x", scheme="bio", comments=True)
    (back,) = Conll(path="x", strict=True).read("spa", tmp_path)
    assert (back.spans, written.dropped) == (example.spans, 0)
    assert [back.covered(s) for s in back.spans] == [flat.covered(s) for s in flat.spans]


def test_conll_counts_nested_spans_labels_and_masks(tmp_path: Path) -> None:
    spans = [("Bank of Cuba", "ORG", "Banco de Cuba"), ("Cuba", "LOC", "Cuba")]
    unit = row("1", ("Bank of Cuba",), ("Banco de Cuba",), spans, label="topic")
    more = {"masked": (0,), "links": (Link(1, 0, "of"),), "meta": "{}"}
    unit = replace(unit, target=replace(unit.target, **more))
    found = written(shelve(tmp_path, {("spa", "train"): [[unit]]}), tmp_path / "x", "conll")
    assert (found.written.spans, found.written.dropped) == (1, 1)
    assert +found.counts == {"labels": 1, "masked": 1, "links": 1, "meta": 1}


TWO = row("q1", ("Who?", "Ana ran"), ("¿Quién?", "Ana corrió"), [("Ana", "answer", "Ana")], text=1)


@pytest.mark.parametrize(
    ("format", "unit", "message"),
    [
        ("conll", TWO, r"Example must have one text to be written as CoNLL, was: 2 \(id 'q1'\)"),
        ("squad", rows()[0], r"Example must have two texts, .* was: 1 \(id 'r1'\)"),
        ("conll", replace(rows()[0], target=Example("a\nb", "spa", ("x",))), r"Id must be printable .* was: 'a\\nb'"),
    ],
)  # fmt: skip
def test_a_row_that_a_format_cannot_express_is_named_and_no_file_is_left(
    tmp_path: Path, format: Format, unit: Unit, message: str
) -> None:
    store = shelve(
        tmp_path / "s", {("spa", "train"): [[rows()[5] if format == "conll" else TWO, unit]]}
    )
    with pytest.raises(DataError, match=message):
        written(store, tmp_path / "x", format)
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_squad_leaves_out_questions_whose_answer_was_lost(tmp_path: Path) -> None:
    lost = row("q2", ("Who?", "Bob ran"), ("¿Quién?", "Corrió"), [("Bob", "answer", None)], text=1)
    lost = replace(lost, target=replace(lost.target, masked=(1,)))
    none = row("q3", ("Why?", "Bob ran"), ("¿Por qué?", "Corrió"))
    found = written(
        shelve(tmp_path, {("spa", "train"): [[TWO, lost, none]]}), tmp_path / "x", "squad"
    )
    assert (found.written.rows, +found.counts) == (2, {"answer_lost": 1})
    back = list(Squad(path="x").read("spa", tmp_path))
    assert [(e.id, e.spans) for e in back] == [("q1", (Span(0, 3, "answer", 1),)), ("q3", ())]


def test_rows_that_are_not_kept_are_told_and_what_they_lost_is_not_claimed(tmp_path: Path) -> None:
    spans = [("Bob", "answer", None)]
    lost = row("q2", ("Who?", "Bob ran"), ("¿Quién?", "Corrió"), spans, text=1)
    lost = replace(lost, reasons=("span_lost",))  # incomplete = "drop" masks nothing
    broken = row("q4", ("Who?", "Bob ran"), ("", ""), spans, text=1, error="translate: boom")
    broken = replace(broken, placements=())
    none = row("q3", ("Why?", "Bob ran"), ("¿Por qué?", "Corrió"), reasons=("copied",))
    store = shelve(tmp_path, {("spa", "train"): [[TWO, lost, broken, none]]})
    found = written(store, tmp_path / "x", "squad", "all")
    assert (found.written.rows, +found.counts) == (2, {"answer_lost": 2, "not_kept": 3})
    back = Squad(path="x").read("spa", tmp_path)
    assert [(e.id, len(e.spans)) for e in back] == [("q1", 1), ("q3", 0)]


def test_conll_and_parquet_of_all_states_tell_of_lost_spans(tmp_path: Path) -> None:
    store = shelve(tmp_path)
    told = {"line_breaks": 1, "masked": 2, "not_kept": 2}
    assert +written(store, tmp_path / "x", "conll", "all").counts == told
    written(store, tmp_path / "y", "parquet", "all")
    back = {e.id: e.masked for e in Parquet(path="y").read("spa", tmp_path)}
    assert [id for id, masked in back.items() if masked] == ["r4", "r7"]


@pytest.mark.parametrize(
    ("state", "ids"),
    [
        ("kept", ["r1", "r2", "r3", "r5", "r6"]),
        ("rejected", ["r4"]),
        ("quarantined", ["r7"]),
        ("all", [f"r{n}" for n in range(1, 8)]),
    ],
)
def test_states(tmp_path: Path, state: Wanted, ids: list[str]) -> None:
    store = shelve(tmp_path)
    written(store, tmp_path / "x", "jsonl", state)
    lines = [json.loads(line) for line in (tmp_path / "x").read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines] == ids
    assert [e.id for e in Jsonl(path="x").read("spa", tmp_path)] == ids  # meta is not in the way
    written(store, tmp_path / "y", "label-studio", state)
    assert [t["data"]["row"] for t in json.loads((tmp_path / "y").read_text("utf-8"))] == ids
    if state == "rejected":
        assert lines[0]["meta"] == {
            "run": RUN, "split": "train", "state": "rejected", "error": None,
            "reasons": ["span_lost", "length_ratio"], "source": ["Bob left\nParis"],
        }  # fmt: skip


def test_limit_and_pieces(tmp_path: Path) -> None:
    places = {
        ("spa", "train"): [rows()],
        ("fra", "train"): [relang(rows(), "fra")],
        ("fra", "dev"): [relang(rows()[:1], "fra")],
    }
    store = shelve(tmp_path, places)
    with pytest.raises(
        RecipeError, match="must hold one language, was: fra, spa; choose one with --lang"
    ):
        written(store, tmp_path / "x", "jsonl")
    with pytest.raises(
        RecipeError, match="must hold one split, was: dev, train; choose one with --split"
    ):
        written(store, tmp_path / "x", "conll", lang="fra")
    with pytest.raises(
        RecipeError, match="Language must be one of the run's, spa, fra, was: 'deu'"
    ):
        written(store, tmp_path / "x", "jsonl", lang="deu")
    with pytest.raises(
        RecipeError, match="Split must be one of the run's, train, dev, was: 'test'"
    ):
        written(store, tmp_path / "x", "jsonl", split="test")
    found = written(store, tmp_path / "x", "jsonl", lang="fra", split="train", limit=2)
    assert found.written.rows == 2
    assert written(store, tmp_path / "y", "label-studio", "all").written.rows == 15
    assert written(store, tmp_path / "y", "label-studio", limit=3).written.rows == 3


def test_the_interface_offers_all_labels_of_the_run(tmp_path: Path) -> None:
    store = shelve(tmp_path)
    found = written(store, tmp_path / "x.json", "label-studio", limit=1, lang="spa")
    assert found.config == tmp_path / "x.config.xml"
    text = found.config.read_text("utf-8")
    assert 'value="LOC"' in text
    assert 'value="PER"' in text


def test_a_shared_shard_counts_once_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    store = shelve(tmp_path)
    path = store.root / "runs" / f"{RUN}.json"
    record = json.loads(path.read_text("utf-8"))
    record["outcomes"].append(record["outcomes"][0] | {"strategy": "corpus"})
    path.write_text(json.dumps(record), encoding="utf-8")
    assert written(store, tmp_path / "x", "jsonl", "all").written.rows == 7
    damaged = next((store.root / "judge").rglob("part-*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    (tmp_path / "x").unlink()
    with pytest.raises(DataError, match=r"Shard judge/.* must be a readable Parquet file"):
        written(store, tmp_path / "x", "jsonl", "all")
    assert not (tmp_path / "x").exists()


def test_runs_are_found_by_what_names_one(tmp_path: Path) -> None:
    store = shelve(tmp_path)
    shelve(tmp_path, run=f"{RUN}-review-00000000")
    assert find(store, RUN)["run"] == RUN  # exactly, though it begins another
    assert find(store, f"{RUN}-r")["run"] == f"{RUN}-review-00000000"
    with pytest.raises(RecipeError, match=f"so that it is one, was: 'toy', of {RUN}, {RUN}-review"):
        find(store, "toy")
    with pytest.raises(
        RecipeError, match=f"one of the store's, was: 'boy' \\(newest: {RUN}-review.*, {RUN}\\)"
    ):
        find(store, "boy")


def test_a_run_without_judged_rows_says_so(tmp_path: Path) -> None:
    store = shelve(tmp_path, {("spa", "train"): [[]]})
    path = store.root / "runs" / f"{RUN}.json"
    record = json.loads(path.read_text("utf-8")) | {"outcomes": []}
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(
        DataError, match=f"must have judged rows, was: none in {RUN} .*translate_train"
    ):
        written(store, tmp_path / "x", "jsonl")


@pytest.mark.parametrize("format", ["conll", "jsonl", "label-studio"])
def test_memory_does_not_grow_with_the_run(tmp_path: Path, format: Format) -> None:
    def peak(shards: int) -> int:
        many = [
            [
                row(
                    f"{k}-{n}",
                    ("Ana lives in Rome " * 8,),
                    ("Ana vive en Roma " * 8,),
                    [("Ana", "PER", "Ana")],
                )
                for n in range(120)
            ]
            for k in range(shards)
        ]
        store = shelve(tmp_path / str(shards), {("spa", "train"): many})
        tracemalloc.start()
        written(store, tmp_path / "x", format, "all")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(6) < 1.3 * peak(2)


def test_records_are_exported_in_the_shape_they_were_read_in(tmp_path: Path) -> None:
    unit = row("1", ("Hi", "Yes"), ("Hola", "Sí"))
    meta = '{"prompt": {"$text": 0}, "completion": {"$text": 1}, "n": 1.00}'
    unit = replace(unit, target=replace(unit.target, meta=meta))
    store = shelve(tmp_path, {("spa", "train"): [[unit]]})
    written(store, tmp_path / "x.jsonl", "original")
    assert (tmp_path / "x.jsonl").read_text("utf-8") == (
        '{"prompt": "Hola", "completion": "Sí", "n": 1.00}\n'
    )
    written(store, tmp_path / "y.jsonl", "jsonl")
    assert f'"meta": {meta}}}' in (tmp_path / "y.jsonl").read_text("utf-8")
    written(store, tmp_path / "z.jsonl", "jsonl", state="all")
    told = (tmp_path / "z.jsonl").read_text("utf-8")
    assert f'"meta": {meta}}}}}' in told  # the row's own, inside what is told of its state
    assert json.loads(told)["meta"]["state"] == "kept"
