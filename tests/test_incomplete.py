"""Rows that lost a span: dropped, kept as they are, or masked, as the recipe says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.toy_recipe import toy_recipe
from tests.toy_run import materialise
from tests.training.toy import toy
from xltpipe import steps
from xltpipe.datasets.jsonl import example_from_json
from xltpipe.errors import DataError
from xltpipe.rows import of_corpus
from xltpipe.runs import Outcome
from xltpipe.stages import masked
from xltpipe.store import Store
from xltpipe.training import Crf, TextToText, Transformers
from xltpipe.training.sentences import Reading
from xltpipe.training.transformers import TransformersTrainer
from xltpipe.types import Example, Placement, Span, Unit

NESTED = {
    "id": "nested",
    "text": "Bank of Rome pays Ana",
    "spans": [
        {"start": 0, "end": 12, "label": "ORG"},
        {"start": 8, "end": 12, "label": "LOC"},
        {"start": 18, "end": 21, "label": "PER"},
    ],
}
FLAT = {"id": "flat", "text": "Ana sings", "spans": [{"start": 0, "end": 3, "label": "PER"}]}


def examples(tmp_path: Path, policy: str) -> tuple[list[list[str]], dict[str, Example]]:
    """The corpus under a policy: its tags and its examples. Brackets cannot mark nested spans."""
    lines = [json.dumps(row) + "\n" for row in (NESTED, FLAT)]
    (tmp_path / "train.jsonl").write_text("".join(lines), encoding="utf-8")
    recipe = toy_recipe(
        tmp_path,
        train={"kind": "jsonl", "path": "train.jsonl"},
        projection={"kind": "markers", "style": "brackets"},
        incomplete=policy,
        tests=None,
        strategies=["corpus"],
    )
    store = Store(tmp_path / "store")
    shard = materialise(recipe, store, "spa", Outcome("corpus", "spa"))
    (part,) = steps.parts(store, shard)
    table = store.read(part)
    found = of_corpus(table, "spa")
    return table["tags"].to_pylist(), {e.id: e for e in found}


def test_drop_leaves_the_row_out(tmp_path: Path) -> None:
    tags, found = examples(tmp_path, "drop")
    assert (tags, list(found)) == ([["B-PER", "O"]], ["flat"])


def test_keep_takes_the_words_for_unlabelled(tmp_path: Path) -> None:
    tags, found = examples(tmp_path, "keep")
    assert tags[0] == ["B-ORG", "I-ORG", "I-ORG", "O", "B-PER"]
    assert found["nested"].masked == ()


def test_mask_claims_nothing_about_words_without_a_label(tmp_path: Path) -> None:
    tags, found = examples(tmp_path, "mask")
    assert tags == [["B-ORG", "I-ORG", "I-ORG", "_", "B-PER"], ["B-PER", "O"]]
    assert (found["nested"].masked, found["flat"].masked) == ((0,), ())


def test_only_the_text_that_lost_a_span_is_masked() -> None:
    source = Example("1", "eng", ("Ana", "Bob"), (Span(0, 3, "PER"), Span(0, 3, "PER", 1)))
    target = Example("1", "spa", ("Ana", "Roberto"), (Span(0, 3, "PER"),))
    unit = Unit(
        source,
        target,
        placements=(Placement(0, 0, "m"), Placement(1, None, "m", None, "no_alignment")),
    )
    assert masked(unit).target.masked == (1,)


LOST = Example("lost", "eng", ("Amina met Bello",), (Span(0, 5, "PER"),), masked=(0,))


def test_a_crf_leaves_masked_texts_out_and_counts_them(tmp_path: Path) -> None:
    Crf(max_iterations=3).build(1).train([*toy(), LOST], [], tmp_path / "crf")
    report = json.loads((tmp_path / "crf" / "report.json").read_text("utf-8"))
    assert report["masked_sentences"] == 1
    assert report["sentences"] == len(toy())


@pytest.mark.parametrize("kind", ["crf", "text_to_text"])
def test_where_all_texts_are_masked_that_is_told(tmp_path: Path, kind: str) -> None:
    if kind == "text_to_text":
        pytest.importorskip("transformers")
    spec = Crf() if kind == "crf" else TextToText.model_validate({"config": {}})
    blank = Example("blank", "eng", ("",))
    with pytest.raises(DataError, match=r"not masked, was: 2 examples, 1 of their texts masked"):
        spec.build(1).train([LOST, blank], [], tmp_path / "home")
    with pytest.raises(DataError, match=r"was: 1 examples without a word; look at the rejected"):
        spec.build(1).train([blank], [], tmp_path / "other")


def test_transformers_learn_the_labelled_words_only(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    config = {"layers": 1, "width": 32, "heads": 2, "vocabulary": 400}
    spec = Transformers(config=config, epochs=1, max_tokens=24, overlap=6, device="cpu")
    reading = Reading("bio", partial=True)
    sentences = list(reading.sentences([LOST]))
    assert sentences[0].tags == ("B-PER", "_", "_")
    trainer = TransformersTrainer(spec, 1)
    (row,), _ = trainer._rows(sentences, trainer._learner(sentences, ["PER"]))
    assert [label for label in row["labels"] if label != -100] == [1]


def test_masked_texts_travel_in_jsonl() -> None:
    row = {"id": "1", "texts": ["a", "b"], "masked": [1]}
    assert example_from_json(row, "eng").masked == (1,)
    with pytest.raises(DataError, match=r"masked must list numbers of texts \(0\.\.1\)"):
        example_from_json(row | {"masked": [2]}, "eng")
