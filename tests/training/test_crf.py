from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.toy import phrase, toy
from xltpipe import progress
from xltpipe.errors import DataError
from xltpipe.schemes import Scheme
from xltpipe.training import Crf
from xltpipe.types import Example, Span


def trained(home: Path, examples: list[Example] | None = None, **spec: object) -> Path:
    Crf.model_validate(spec).build(1).train(iter(toy() if examples is None else examples), [], home)
    return home


UNSEEN = [
    phrase("{} lives in {} .", "eng", "Hassan", "Accra"),
    phrase("{} anaishi {} .", "swa", "Zawadi", "Arusha"),
    phrase("{} يسكن في {} .", "arb", "ليلى", "بغداد"),
    phrase("{} {} में रहती है ।", "hin", "लता", "पटना"),
]


@pytest.mark.parametrize("scheme", ["bio", "bilou", "io"])
def test_learns_and_tags_the_unseen(tmp_path: Path, scheme: Scheme) -> None:
    tagger = Crf().load(trained(tmp_path / "model", scheme=scheme))
    bare = [replace(example, spans=()) for example in UNSEEN]
    assert tagger.predict(bare) == UNSEEN
    assert tagger.predict([]) == []


def test_two_trainings_give_the_same_bytes(tmp_path: Path) -> None:
    a, b = trained(tmp_path / "a"), trained(tmp_path / "b")
    names = sorted(path.name for path in a.iterdir())
    assert names == ["model.crfsuite", "report.json", "settings.json"]
    for name in names:
        assert (a / name).read_bytes() == (b / name).read_bytes()


def test_report_counts_what_was_left_out(tmp_path: Path) -> None:
    nested = Example(
        "1", "eng", ("Bank of Kano 🎉",), (Span(0, 12, "ORG"), Span(8, 12, "LOC"), Span(9, 12, "X"))
    )
    inside = Example("2", "eng", ("Kanobound",), (Span(0, 4, "LOC"),))
    home = trained(tmp_path / "model", [nested, inside, Example("3", "eng", ("",))])
    report = json.loads((home / "report.json").read_text("utf-8"))
    assert report == {
        "examples": 3,
        "sentences": 2,
        "words": 5,
        "spans": 4,
        "dropped_spans": 2,
        "widened_spans": 1,
        "masked_sentences": 0,
        "labels": ["LOC", "ORG"],
    }


def test_words_of_the_data_are_used(tmp_path: Path) -> None:
    tagger = Crf().load(trained(tmp_path / "model"))
    text = "Hassan lives in Accra."
    tokens = ((0, 6), (7, 12), (13, 15), (16, 22))
    (given,) = tagger.predict([Example("1", "eng", (text,), tokens=tokens)])
    assert {(span.start, span.end) for span in given.spans} <= set(tokens)
    assert given.tokens == tokens


def test_every_text_is_tagged(tmp_path: Path) -> None:
    tagger = Crf().load(trained(tmp_path / "model"))
    (both,) = tagger.predict(
        [Example("1", "eng", ("Asha lives in Kano .", "", "Musa anaishi Kano ."))]
    )
    assert [(s.text, both.covered(s), s.label) for s in both.spans] == [
        (0, "Asha", "PER"),
        (0, "Kano", "LOC"),
        (2, "Musa", "PER"),
        (2, "Kano", "LOC"),
    ]


@pytest.mark.parametrize(
    ("examples", "match"),
    [
        ([], "must hold at least one sentence, was: 0 examples"),
        ([Example("1", "eng", (" ",))], "was: 1 examples without a word"),
        ([Example("1", "eng", ("No names here.",))], "must hold at least one span, was: none in 1"),
    ],
)
def test_nothing_to_learn(tmp_path: Path, examples: list[Example], match: str) -> None:
    with pytest.raises(DataError, match=match):
        trained(tmp_path / "model", examples)
    assert not (tmp_path / "model").exists()


def test_home_must_be_empty(tmp_path: Path) -> None:
    trained(tmp_path)  # an empty folder is fine: the store makes one
    with pytest.raises(DataError, match="must be new or empty"):
        trained(tmp_path)


def test_model_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must hold a settings\.json.*train the model again"):
        Crf().load(tmp_path)
    (tmp_path / "settings.json").write_text('{"kind": "transformers"}')
    with pytest.raises(DataError, match='must be of kind "crf", was: "transformers"'):
        Crf().load(tmp_path)
    (tmp_path / "settings.json").write_text('{"kind": "crf"}')
    with pytest.raises(DataError, match="file that CRFsuite wrote"):
        Crf().load(tmp_path)
    (tmp_path / "model.crfsuite").write_text("no model")
    with pytest.raises(DataError, match="file that CRFsuite wrote"):
        Crf().load(tmp_path)


def test_a_model_that_was_cut_off_is_told(tmp_path: Path) -> None:
    trained(tmp_path)
    model = tmp_path / "model.crfsuite"
    whole = model.read_bytes()
    for size in (0, 7, len(whole) // 3, len(whole) - 1):  # CRFsuite itself crashes on some
        model.write_bytes(whole[:size])
        with pytest.raises(DataError, match="file that CRFsuite wrote"):
            Crf().load(tmp_path)


def test_a_model_that_does_not_fit_on_the_disk_is_not_taken_for_whole(tmp_path: Path) -> None:
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(OSError, match="No space left to write the model whole"):
            trained(tmp_path / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))


def test_training_can_be_stopped(tmp_path: Path) -> None:
    progress.stop()
    try:
        with pytest.raises(progress.Stopped):
            trained(tmp_path / "model")
    finally:
        progress.resume()
