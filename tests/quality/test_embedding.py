"""Embedding similarity with a tiny encoder of random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.alignment.tiny_encoder import TEXTS, write_encoder
from tests.examples import example, unit
from xltpipe import progress
from xltpipe.errors import DataError, RecipeError
from xltpipe.quality.batch import Batch
from xltpipe.quality.embedding import COLUMN, Embedding
from xltpipe.quality.text_pairs import Texts

PAIRS = [(a, b) for a in TEXTS[:5] for b in TEXTS[4:9]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"))


def batch(pairs: Sequence[Texts]) -> Batch:
    return Batch.of([unit(example(s, id=f"row {n}"), t) for n, (s, t) in enumerate(pairs)])


def scores(folder: Path, pairs: Sequence[Texts], **settings: Any) -> Any:
    spec = Embedding(model=str(folder), **settings)
    spec.check()
    return spec.build("eng", "spa").score(batch(pairs))[0]


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_the_score_is_the_cosine_of_what_the_model_says_by_itself(
    folder: Path, pooling: str
) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()

    def vector(text: str) -> Any:
        with torch.inference_mode():
            read = tokenizer(text, return_tensors="pt", truncation=True, max_length=20)
            out = model(**read)
        if pooling == "pooler":
            return out.pooler_output[0]
        return out.last_hidden_state[0, 0] if pooling == "cls" else out.last_hidden_state[0].mean(0)

    expected = [
        float(torch.nn.functional.cosine_similarity(vector(a), vector(b), dim=0)) for a, b in PAIRS
    ]
    found = scores(folder, PAIRS, pooling=pooling)
    assert found == pytest.approx(expected, abs=1e-4)
    assert np.ptp(found) > 0.05  # they differ, so that a mix-up of rows would show
    assert COLUMN.low <= found.min() <= found.max() <= COLUMN.high


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_padding_and_batches_do_not_count(folder: Path, pooling: str) -> None:
    pairs = [*PAIRS, ("a", "the red house is big " * 3)]
    whole = scores(folder, pairs, pooling=pooling)
    for size in (1, 3):
        assert np.abs(scores(folder, pairs, pooling=pooling, batch_size=size) - whole).max() <= 1e-4
    alone = [scores(folder, [pair], pooling=pooling)[0] for pair in pairs]
    assert np.abs(whole - alone).max() <= 1e-4


def test_a_text_is_most_like_itself(folder: Path) -> None:
    assert list(scores(folder, [("the red house", "the red house")])) == [1.0]


def test_blank_sides_have_no_score_and_no_rows_are_none(folder: Path) -> None:
    assert np.isnan(scores(folder, [("", "casa"), ("house", " "), ("", "")])).all()
    assert len(scores(folder, [])) == 0


def test_long_texts_are_compared_by_their_beginnings_and_counted(folder: Path) -> None:
    progress.notes.clear()
    scorer = Embedding(model=str(folder)).build("eng", "spa")
    head = "the red house is big " * 4
    (found,) = scorer.score(batch([(head + "red " * 40, head + "big " * 50), ("a", "b")]))
    assert found[0] == 1.0  # the first 20 pieces are the same
    assert scorer.counts == {"embedding_cut": 1}
    (note,) = progress.notes
    assert note.startswith("embedding: texts longer than the 20 tokens of")
    progress.notes.clear()


def test_fewer_tokens_can_be_asked_for_but_not_more(folder: Path) -> None:
    scorer = Embedding(model=str(folder), max_tokens=8).build("eng", "spa")
    scorer.score(batch([("the red house is big " * 2, "a")]))
    assert scorer.counts == {"embedding_cut": 1}
    progress.notes.clear()
    with pytest.raises(RecipeError, match=r"max_tokens must be at most 20 for .*, was: 21"):
        Embedding(model=str(folder), max_tokens=21).build("eng", "spa")


def test_a_prefix_is_put_before_each_text(folder: Path) -> None:
    plain = scores(folder, [("house", "casa")])
    assert scores(folder, [("house", "casa")], prefix="query: ") != plain
    assert scores(folder, [("query: house", "query: casa")]) == scores(
        folder, [("house", "casa")], prefix="query: "
    )


def test_a_model_that_gives_no_number_names_the_row(folder: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModel.from_pretrained(folder)
    with torch.no_grad():
        model.pooler.dense.bias.fill_(float("nan"))
    model.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    with pytest.raises(DataError, match=r"embedding must be a finite number, was: nan .*'row 0'"):
        scores(tmp_path, [("house", "casa")])


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "a/b/c"])
def test_a_model_that_is_not_there(name: str) -> None:
    with pytest.raises(RecipeError, match="Model of embedding must be a folder or a hub name"):
        Embedding(model=name).check()


def test_a_model_without_the_layer(folder: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    size = {"d_model": 16, "d_ff": 16, "num_layers": 1, "num_heads": 2, "d_kv": 8}
    transformers.T5Model(transformers.T5Config(vocab_size=300, **size)).save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    with pytest.raises(RecipeError, match='pooling must be "mean" or "cls"'):
        Embedding(model=str(tmp_path)).build("eng", "spa")
    found = scores(tmp_path, [("house", "casa")], pooling="mean")
    assert -1 <= found[0] <= 1


def test_identity_goes_by_content(folder: Path) -> None:
    here = Embedding(model=str(folder))
    assert "model" not in here.identity() and len(here.identity()["model!"]) == 64
    assert Embedding(model=str(folder), batch_size=3).identity() == here.identity()
    assert Embedding(model=str(folder), pooling="cls").identity() != here.identity()
    assert Embedding().identity()["model!"] == "sentence-transformers/LaBSE"
