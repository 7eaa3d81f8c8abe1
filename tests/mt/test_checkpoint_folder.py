"""A model trained here, opened by transformers: the same pieces, the same translations."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sentencepiece
import torch
import transformers

from tests.mt.toy_runs import prepared
from tests.mt.toy_text import write_recipe, write_text
from xltpipe.cli import OK, WRONG, _main
from xltpipe.errors import DataError, RecipeError
from xltpipe.mt.checkpoint_folder import export_checkpoint, size_of
from xltpipe.mt.exporting import import_weights
from xltpipe.mt.network import Network
from xltpipe.mt.recipe import load
from xltpipe.mt.tokenizing import fast_tokenizer
from xltpipe.store import Store
from xltpipe.translation import CTranslate2, Transformers

MODELS = Path(__file__).parents[2] / "data" / "models"
TEXTS = (
    "The prime minister visited Berlin on Tuesday.",
    "Where is the station?",
    "She bought three books and a lamp in Oslo.",
)
STRANGE = (
    "",
    "  two  spaces ",
    "日本語 😀 text",
    "ﬁne ½ …",
    "a\u00a0b\tc\nd",
    "▁ under",
    "e\u0301 é",
    "Hello [A] world [/A], [B]you[/B].",
    "¿Qué? ¡Ñandú! Straße, l'été; etxea, ng'ombe",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    transformers.utils.logging.disable_progress_bar()
    home = tmp_path_factory.mktemp("checkpoint") / "en-es"
    export_checkpoint(MODELS / "en-es", home)
    yield home
    shutil.rmtree(home)


@pytest.mark.parametrize("name", ["en-es", "en-multi"])
def test_pieces_are_those_of_sentencepiece(name: str) -> None:
    ours = fast_tokenizer(MODELS / name / "spm.model")
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(MODELS / name / "spm.model"))
    sample = (MODELS.parent / "samples" / "parallel.eng-spa.tsv").read_text("utf-8")
    texts = [*TEXTS, *STRANGE, *(text for row in sample.splitlines() for text in row.split("\t"))]
    assert len(texts) > 100
    for text in texts:
        assert ours(text)["input_ids"] == [*theirs.encode(text), 0], text


def test_a_target_token_in_front_is_its_piece() -> None:
    told = fast_tokenizer(MODELS / "en-multi" / "spm.model")
    ids = told("<2es> Hello")["input_ids"]
    assert ids[0] == told.convert_tokens_to_ids("<2es>") != told.unk_token_id
    assert ids[1:] == told("Hello")["input_ids"]


def test_offsets_cover_the_words() -> None:
    text = "Hello  Zürich, you."
    told = fast_tokenizer(MODELS / "en-multi" / "spm.model")(text, return_offsets_mapping=True)
    covered = {i for start, end in told["offset_mapping"] for i in range(start, end)}
    assert {i for i, sign in enumerate(text) if not sign.isspace()} <= covered


def test_states_are_those_of_the_network(checkpoint: Path) -> None:
    """Logits of the decoder, weight for weight."""
    size = size_of(MODELS / "en-es")
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoint).eval()
    pieces = model.config.vocab_size - 1
    network = Network(size, pieces).eval()
    network.load_state_dict(import_weights(MODELS / "en-es", size, pieces))
    source, target = torch.tensor([[40, 700, 9, 0]]), torch.tensor([[90, 12, 7]])
    with torch.no_grad():
        states, _ = network(source, None, target)
        start = torch.tensor([[pieces, 90, 12]])
        theirs = model(input_ids=source, decoder_input_ids=start).logits[..., :pieces]
    assert torch.allclose(states @ network.embedding.T, theirs, atol=2e-3)


def test_it_translates_as_the_engine(checkpoint: Path) -> None:
    """By generate, by our engine `transformers`, and by CTranslate2 on the same weights."""
    settings = {"beam": 2, "repetition_penalty": 1.0}
    model = CTranslate2(model=str(MODELS / "en-es"), compute_type="float32", **settings)
    wanted = [one.text for one in model.build("eng", "spa").translate(TEXTS, "eng", "spa")]
    engine = Transformers(model=str(checkpoint), beam=2).build("eng", "spa")
    assert [one.text for one in engine.translate(TEXTS, "eng", "spa")] == wanted
    told = transformers.AutoTokenizer.from_pretrained(checkpoint)
    found = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoint)
    batch = told([f"<2es> {text}" for text in TEXTS], return_tensors="pt", padding=True)
    out = found.generate(**batch, num_beams=2)
    decoded = told.batch_decode(out, skip_special_tokens=True)
    assert decoded[0] == wanted[0]


def test_the_card_goes_with_it(checkpoint: Path) -> None:
    assert "library_name: transformers" in (checkpoint / "README.md").read_text("utf-8")
    assert json.loads((checkpoint / "xltpipe.json").read_text())["family"] == "xltpipe"
    assert (checkpoint / "SHA256SUMS").is_file()


def test_a_folder_in_use_and_a_strange_model_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="new or empty"):
        export_checkpoint(MODELS / "en-es", checkpoint)
    with pytest.raises(DataError, match=r"new or empty, was: .*config\.json; name another"):
        export_checkpoint(MODELS / "en-es", checkpoint / "config.json")
    with pytest.raises(RecipeError, match="xltpipe models train"):
        export_checkpoint(checkpoint, tmp_path / "again")


def test_a_toy_vocabulary_too(tmp_path: Path) -> None:
    """A small vocabulary has few merges and many bytes."""
    write_text(tmp_path, 100)
    learnt, _ = prepared(load(write_recipe(tmp_path)), store := Store(tmp_path / "store"))
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(store.path(learnt)))
    ours = fast_tokenizer(store.path(learnt))
    for text in (*TEXTS, *STRANGE):
        assert ours(text)["input_ids"] == [*theirs.encode(text), 0], text


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _main(["models", "export", "en-es", str(tmp_path / "out")]) == OK
    assert "parameters" in capsys.readouterr().out
    assert _main(["models", "export", "en-es", str(tmp_path / "out")]) == WRONG
    assert "new or empty" in capsys.readouterr().err
