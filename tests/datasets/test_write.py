"""Writers: whole files or none, and what comes back when they are read again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xltpipe.datasets import Conll, Jsonl, Parquet
from xltpipe.datasets.jsonl import SCHEMA
from xltpipe.datasets.write import Written, write_conll, write_jsonl, write_parquet
from xltpipe.errors import DataError
from xltpipe.schemes import Scheme
from xltpipe.types import Example, Span

SAMPLES = [
    Example("1", "und", ("Ìbàdàn wà.",), (Span(0, 6, "LOC"),)),
    Example(
        "2", "und", ("ذهب إلى الرباط",), (Span(8, 14, "LOC"),), tokens=((0, 3), (4, 7), (8, 14))
    ),
    Example("3", "und", ("東京は２０２４年",), (Span(0, 2, "LOC"), Span(3, 8, "DATE"))),
    Example("4", "und", ("नई दिल्ली",), (Span(0, 9, "LOC"), Span(3, 9, "LOC"))),
    Example("5", "und", ("👩‍👩‍👧 in 🇪🇸",), (Span(9, 11, "LOC"),)),
    Example("6", "und", ("10\u00a0000 km",), (Span(0, 6, "NUM"),), tokens=((0, 6), (7, 9))),
    Example("7", "und", ("",)),
]
Writer = Callable[[Iterable[Example], Path], Written]


def conll(examples: Iterable[Example], path: Path) -> Written:
    return write_conll(examples, path, scheme="bio", comments=True)


@pytest.mark.parametrize("scheme", ["bio", "io", "iob1", "bilou", "bioes"])
@pytest.mark.parametrize("name", ["x.conll", "x.conll.gz"])
def test_conll_round_trip(tmp_path: Path, scheme: Scheme, name: str) -> None:
    written = write_conll(SAMPLES, tmp_path / name, scheme=scheme, comments=True)
    assert written == Written(rows=7, spans=7, dropped=1)  # of 4, the inner span
    back = list(Conll(path=name, scheme=scheme, strict=True).read("und", tmp_path))
    assert [(e.id, e.texts) for e in back] == [(e.id, e.texts) for e in SAMPLES]
    assert [e.spans for e in back] == [e.spans[:1] if e.id == "4" else e.spans for e in SAMPLES]


def test_conll_without_comments_is_tokens_and_tags_alone(tmp_path: Path) -> None:
    write_conll(SAMPLES[:2], tmp_path / "x.conll", scheme="bilou", comments=False)
    assert (tmp_path / "x.conll").read_text("utf-8") == (
        "Ìbàdàn\tU-LOC\nwà\tO\n.\tO\n\nذهب\tO\nإلى\tO\nالرباط\tU-LOC\n\n"
    )


def test_jsonl_and_parquet_hold_everything(tmp_path: Path) -> None:
    more = [*SAMPLES, Example("8", "und", ("a", "bc"), (Span(0, 2, "X", 1),), "no")]
    assert write_jsonl(more, tmp_path / "x.jsonl") == Written(8, 9, 0)
    assert write_parquet(more, tmp_path / "x.parquet") == Written(8, 9, 0)
    assert list(Jsonl(path="x.jsonl").read("und", tmp_path)) == more
    assert list(Parquet(path="x.parquet").read("und", tmp_path)) == more
    jsonschema = pytest.importorskip("jsonschema")
    for line in (tmp_path / "x.jsonl").read_text("utf-8").splitlines():
        jsonschema.validate(json.loads(line), json.loads(SCHEMA.read_text("utf-8")))


words = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs", "Cc", "Z"]),
        st.sampled_from(["\u00a0", "\u200d", "\u0301", "ﷺ", "🇪", "#", "\u2028"]),
    ),
    min_size=1,
    max_size=5,
)


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """Words between spaces, one of them labelled, its id any printable text."""
    tokens = draw(st.lists(words.filter(str.strip), min_size=1, max_size=6))
    bounds, end = [], -1
    for token in tokens:
        bounds.append((end + 1, end + 1 + len(token)))
        end = bounds[-1][1]
    start, stop = draw(st.sampled_from(bounds))
    span = Span(start, stop, draw(st.sampled_from(["PER", "人", "a b"])))
    return Example("i", "und", (" ".join(tokens),), (span,), tokens=tuple(bounds))


@pytest.mark.parametrize(
    ("write", "spec"),
    [
        (conll, Conll(path="x", token=0, tag=1)),
        (write_jsonl, Jsonl(path="x")),
        (write_parquet, Parquet(path="x")),
    ],
)
@given(example=examples())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_example_comes_back(
    tmp_path: Path, write: Writer, spec: Conll | Jsonl | Parquet, example: Example
) -> None:
    assert write([example], tmp_path / "x").dropped == 0
    assert list(spec.read("und", tmp_path)) == [example]


@pytest.mark.parametrize("write", [conll, write_jsonl, write_parquet])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, write: Writer) -> None:
    def broken() -> Iterator[Example]:
        yield SAMPLES[0]
        raise RuntimeError("the source broke")

    (tmp_path / "x").write_text("old")
    with pytest.raises(RuntimeError, match="the source broke"):
        write(broken(), tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"


@pytest.mark.parametrize("write", [conll, write_jsonl, write_parquet])
def test_no_examples_make_an_empty_file(tmp_path: Path, write: Writer) -> None:
    assert write([], tmp_path / "new" / "x") == Written(0, 0, 0)
    assert (tmp_path / "new" / "x").exists()


def test_equal_data_is_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_jsonl(SAMPLES, tmp_path / name)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (Example("p", "und", ("a", "b")), r"must have one text .* was: 2 \(id 'p'\)"),
        (Example("t", "und", ("a\tb",), tokens=((0, 3),)), r"no tab or line break.*id 't'"),
        (Example("n", "und", ("a",), (Span(0, 1, "X\nY"),)), r"no tab or line break.*id 'n'"),
    ],
)
def test_conll_refuses_what_it_cannot_hold(tmp_path: Path, example: Example, message: str) -> None:
    with pytest.raises(DataError, match=message):
        conll([example], tmp_path / "x")
