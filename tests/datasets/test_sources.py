"""What holds for all sources: settings, missing files, digests, memory, and the shared data."""

from __future__ import annotations

import json
import os
import re
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from xltpipe.datasets import Conll, Iob2, Jsonl, Parquet, SourceSpec
from xltpipe.datasets.checks import checked
from xltpipe.datasets.conll import ConllReader
from xltpipe.errors import DataError
from xltpipe.protocols import Reader

SOURCES = TypeAdapter(SourceSpec)
FILES = [Conll(path="d/x"), Iob2(path="d/x"), Jsonl(path="d/x"), Parquet(path="d/x")]


def test_a_wrong_kind_lists_the_right_ones() -> None:
    with pytest.raises(ValidationError, match="'conll', 'iob2', 'jsonl', 'parquet', 'hub'"):
        SOURCES.validate_python({"kind": "conl", "path": "x"})
    with pytest.raises(ValidationError, match="colums"):
        SOURCES.validate_python({"kind": "conll", "path": "x", "colums": 2})


@pytest.mark.parametrize("spec", FILES, ids=lambda spec: spec.kind)
def test_a_missing_file_names_where_it_was_looked_for(tmp_path: Path, spec: Conll) -> None:
    message = r"'d/x', relative to the recipe's folder /.*: /.*/d/x"
    with pytest.raises(DataError, match=message):
        spec.read("eng", tmp_path)
    with pytest.raises(DataError, match=message):
        spec.digest(tmp_path)


@pytest.mark.parametrize("spec", FILES[:3], ids=lambda spec: spec.kind)
def test_an_empty_file_has_no_examples(tmp_path: Path, spec: Conll) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").touch()
    assert list(spec.read("eng", tmp_path)) == []


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    spec = Jsonl(path="x")
    (tmp_path / "x").write_text("abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert spec.digest(tmp_path) == known
    (tmp_path / "x").write_text("abcd")
    assert spec.digest(tmp_path) != known
    (tmp_path / "y").write_text("abc")
    assert Jsonl(path=str(tmp_path / "y")).digest(tmp_path) == known


def test_a_pattern_takes_files_by_name_as_one_source(tmp_path: Path) -> None:
    folder = tmp_path / "incoming"
    folder.mkdir()
    for name, ids in (("b", "34"), ("a", "12"), (".half", "9")):
        rows = "".join(json.dumps({"id": id, "text": f"Text {id}."}) + "\n" for id in ids)
        (folder / f"{name}.jsonl").write_text(rows)
    spec = Jsonl(path="incoming/*.jsonl", limit=3)
    assert [e.id for e in spec.read("eng", tmp_path)] == ["1", "2", "3"]
    assert spec.title == "incoming"
    before = spec.digest(tmp_path)
    (folder / "c.jsonl").write_text(json.dumps({"id": "1", "text": "Again."}) + "\n")
    assert spec.digest(tmp_path) != before
    with pytest.raises(DataError, match=r"Ids must differ.*'1' at .*a.jsonl:1 and again at .*c.js"):
        list(Jsonl(path="incoming/*.jsonl").read("eng", tmp_path))
    with pytest.raises(DataError, match=r"Path must match some file, was: 'none/\*.jsonl'"):
        Jsonl(path="none/*.jsonl").read("eng", tmp_path)


def test_repairs_of_several_files_add_up(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.conll").write_text("Rome I-LOC\nis O\n\nOslo I-LOC\n")
    reader = Conll(path="*.conll").read("eng", tmp_path)
    assert [e.id for e in reader] == ["a-1", "a-2", "b-1", "b-2"]
    assert reader.repairs == 4


def test_ids_whose_hashes_meet_are_not_taken_for_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xltpipe.datasets.checks.hash", lambda _: 1, raising=False)
    (tmp_path / "x").write_text('{"id": "a", "text": ""}\n{"id": "b", "text": ""}\n')
    assert len(list(Jsonl(path="x").read("eng", tmp_path))) == 2


def peak_of(reader: Reader) -> int:
    """The most memory in use while reading, in bytes."""
    tracemalloc.start()
    try:
        for _ in reader:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_twice_the_file_takes_the_same_memory(tmp_path: Path) -> None:
    readers = {}
    for count in (20_000, 40_000):
        path = tmp_path / f"{count}.conll"
        path.write_text("Ana\tB-PER\nsings\tO\nin\tO\nŁódź\tB-LOC\n\n" * count, "utf-8")
        readers[count] = ConllReader(
            path,
            "eng",
            token=0,
            tag=1,
            scheme="bio",
            strict=False,
            encoding="utf-8",
            join="natural",
        )
    peaks = {count: peak_of(reader) for count, reader in readers.items()}
    assert peaks[40_000] < 1.05 * peaks[20_000] < 8_000_000
    # what is checked remembers ids, as their hashes
    assert peak_of(checked(readers[40_000], "eng")) < peaks[40_000] + 110 * 40_000


# MANIFEST.md counts `# O` as a comment and -DOCSTART- as a sentence of one token; the readers
# do neither: (file, sentences less, tokens more).
_DIFFERENT = {
    "swa.train.txt": (0, 4),
    "hau.train.txt": (0, 23),
    "hau.dev.txt": (0, 8),
    "hau.test.txt": (0, 3),
    "yor.train.txt": (0, 4),
    "yor.dev.txt": (0, 1),
    "yor.test.txt": (0, 1),
    "wikigold.conll.txt": (145, 39 - 145),
}
# Counted by an awk program of its own: I- tags whose label is not that of the tag before.
_REPAIRS = {
    "es.DeepL.auto_awesome.train.tsv": 1,
    "es.DeepL.auto_mgiza.test.tsv": 4,
    "es.DeepL.auto_mgiza.train.tsv": 1,
    "es.DeepL.auto_simalign.test.tsv": 5,
    "es.DeepL.auto_simalign.train.tsv": 2,
    "en.neoplasm.train.tsv": 1,
    "hau.test.txt": 1,
    "hau.train.txt": 1,
    "swa.test.txt": 1,
    "yor.test.txt": 1,
    "yor.train.txt": 1,
    "en.val.conllu": 439,
}


def test_shared_files_hold_what_their_manifest_says() -> None:
    data = Path(os.environ.get("XLTPIPE_SHARED", "../shared")) / "data"
    if not (data / "MANIFEST.md").is_file():
        pytest.skip("the shared data is not here")
    rows = re.findall(
        r"^- (ner/\S+): (\d+) / (\d+) / (\{.*\}) / 0$",
        (data / "MANIFEST.md").read_text(),
        re.MULTILINE,
    )
    assert len(rows) > 50
    for name, sentences, tokens, spans in rows:
        path = name if (data / name).is_file() else f"{name}.gz"
        kind = "iob2" if ".iob2" in name else "conll"
        scheme = "io" if "wikigold" in name else "bio"
        spec = SOURCES.validate_python({"kind": kind, "path": path, "scheme": scheme})
        reader = spec.read("und", data)
        counts, labels = Counter[str](), Counter[str]()
        for example in reader:
            counts.update(sentences=1, tokens=len(example.tokens))
            labels.update(span.label for span in example.spans)
        less, more = _DIFFERENT.get(Path(name).name, (0, 0))
        expected = {"sentences": int(sentences) - less, "tokens": int(tokens) + more}
        assert (name, dict(counts), dict(labels)) == (name, expected, json.loads(spans))
        assert reader.repairs == _REPAIRS.get(Path(name).name, 0), name
