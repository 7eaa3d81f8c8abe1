"""The hub source on datasets built here: no network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from xltpipe.datasets import Hub, hub_load
from xltpipe.errors import DataError, TransientError
from xltpipe.types import Example, Span

datasets = pytest.importorskip("datasets")

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TOKENS = [["नरेन्द्र", "मोदी", "दिल्ली", "में"], [], ["👩‍👩‍👧", "東京"]]
NUMBERS = [[1, 2, 3, 0], [], [0, 4]]
EXPECTED = [
    Example(
        "train-1",
        "hin",
        ("नरेन्द्र मोदी दिल्ली में",),
        (Span(0, 13, "PER"), Span(14, 20, "LOC")),
        tokens=((0, 8), (9, 13), (14, 20), (21, 24)),
    ),
    Example("train-2", "hin", ("",)),
    Example("train-3", "hin", ("👩‍👩‍👧 東京",), (Span(6, 8, "LOC"),), tokens=((0, 5), (6, 8))),
]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets.config, "HF_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def save(folder: Path) -> None:
    """A folder `ner` with one split, whose column knows the names of its numbers."""
    features = datasets.Features(
        {
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(datasets.ClassLabel(names=TAGS)),
        }
    )
    data = datasets.Dataset.from_dict({"tokens": TOKENS, "ner_tags": NUMBERS}, features=features)
    datasets.DatasetDict(train=data).save_to_disk(str(folder / "ner"))


def test_a_saved_dataset_with_tag_numbers(tmp_path: Path) -> None:
    save(tmp_path)
    source = Hub(name="ner", split="train")
    reader = source.read("hin", tmp_path)
    assert list(reader) == EXPECTED
    assert reader.repairs == 1
    assert list(Hub(name="ner", split="train", limit=1).read("hin", tmp_path)) == EXPECTED[:1]
    before = source.digest(tmp_path)
    (tmp_path / "ner" / "train" / "cache-1.arrow").write_bytes(b"of datasets itself")
    assert source.digest(tmp_path) == before
    (tmp_path / "ner" / "train" / "state.json").write_text("{}")
    assert source.digest(tmp_path) != before


@pytest.mark.parametrize("streaming", [False, True])
def test_a_builder_with_data_files(tmp_path: Path, streaming: bool) -> None:  # noqa: FBT001
    rows = [
        {"tokens": tokens, "ner_tags": [TAGS[n] for n in numbers], "other": 1}
        for tokens, numbers in zip(TOKENS, NUMBERS, strict=True)
    ]
    (tmp_path / "d.json").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    source = Hub(name="json", data_files=("d.json",), split="train", streaming=streaming)
    assert list(source.read("hin", tmp_path)) == EXPECTED
    assert len(source.digest(tmp_path)) == 64
    assert "streaming" not in source.identity()


@pytest.mark.parametrize("streaming", [False, True])
def test_numbers_without_names_take_them_from_the_source(tmp_path: Path, streaming: bool) -> None:  # noqa: FBT001
    rows = [{"tokens": TOKENS[0], "ner_tags": NUMBERS[0]}]
    (tmp_path / "d.json").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    source = Hub(name="json", data_files=("d.json",), split="train", streaming=streaming)
    with pytest.raises(DataError, match=r"ner_tags must hold names.*was: 1; set tag_names.*row 1"):
        list(source.read("hin", tmp_path))
    named = source.model_copy(update={"tag_names": tuple(TAGS)})
    assert list(named.read("hin", tmp_path)) == EXPECTED[:1]
    short = source.model_copy(update={"tag_names": ("O", "B-PER")})
    with pytest.raises(DataError, match="must hold numbers from 0 to 1, was: 2"):
        list(short.read("hin", tmp_path))


def test_texts_with_a_label(tmp_path: Path) -> None:
    names = ["entailment", "neutral", "contradiction"]
    features = datasets.Features(
        {
            "uid": datasets.Value("int64"),
            "premise": datasets.Value("string"),
            "hypothesis": datasets.Value("string"),
            "label": datasets.ClassLabel(names=names),
        }
    )
    rows = {
        "uid": [7, 8],
        "premise": ["Él lee.", ""],
        "hypothesis": ["No lee.", "b"],
        "label": [2, -1],
    }
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "nli"))
    source = Hub(
        name="./nli", split="test", id="uid", texts=("premise", "hypothesis"), label="label"
    )
    assert list(source.read("spa", tmp_path)) == [
        Example("7", "spa", ("Él lee.", "No lee."), label="contradiction"),
        Example("8", "spa", ("", "b")),
    ]


def test_refused(tmp_path: Path) -> None:
    save(tmp_path)
    with pytest.raises(DataError, match=r"relative to the recipe's folder: /.*/no"):
        Hub(name="./no", split="train").digest(tmp_path)
    with pytest.raises(DataError, match="must have split 'test'"):
        list(Hub(name="ner", split="test").read("hin", tmp_path))
    with pytest.raises(DataError, match="must have the columns text, was: tokens, ner_tags"):
        list(Hub(name="ner", split="train", texts=("text",)).read("hin", tmp_path))
    with pytest.raises(DataError, match=r"data_files must name files, was: 'no.json'"):
        Hub(name="json", split="train", data_files=("no.json",)).digest(tmp_path)
    strict = Hub(name="ner", split="train", strict=True)
    with pytest.raises(DataError, match=r"'I-LOC' after 'O'.*ner, split train, row 3"):
        list(strict.read("hin", tmp_path))
    with pytest.raises(DataError, match=r"Column tokens must hold text, was: None .*row 1"):
        datasets.Dataset.from_dict({"tokens": [[None]], "ner_tags": [["O"]]}).save_to_disk(
            str(tmp_path / "null")
        )
        list(Hub(name="null", split="train").read("hin", tmp_path))


def test_a_whole_commit_is_its_own_digest() -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert Hub(name="some/set", split="train", revision=commit).digest(Path()) == commit


ERRORS = pytest.importorskip("huggingface_hub.errors")


@dataclass
class FakeHub:
    """Answers like `huggingface_hub.HfApi`: with a commit, or with an error."""

    answer: str | Exception

    def __call__(self) -> FakeHub:
        return self

    def dataset_info(self, name: str, revision: str | None) -> SimpleNamespace:
        if isinstance(self.answer, Exception):
            raise self.answer
        return SimpleNamespace(sha=f"{self.answer}:{name}:{revision}")


def digest_when(monkeypatch: pytest.MonkeyPatch, answer: str | Exception) -> str:
    monkeypatch.setattr("huggingface_hub.HfApi", FakeHub(answer))
    hub_load._commit.cache_clear()
    return Hub(name="some/set", split="train", revision="main").digest(Path("/nowhere"))


def test_a_branch_is_resolved_to_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert digest_when(monkeypatch, "c0ffee") == "c0ffee:some/set:main"


@pytest.mark.parametrize("kind", [OSError, ERRORS.HfHubHTTPError.__bases__[0]])
def test_an_unreachable_hub_may_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    with pytest.raises(TransientError, match=r"must be reachable for \"some/set\", was: refused"):
        digest_when(monkeypatch, kind("refused"))


@pytest.mark.parametrize("name", ["RepositoryNotFoundError", "RevisionNotFoundError"])
def test_what_is_not_on_the_hub_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind = getattr(ERRORS, name)
    error = kind.__new__(kind)  # its constructor wants the whole response
    with pytest.raises(DataError, match='"some/set" must be on the hub'):
        digest_when(monkeypatch, error)
