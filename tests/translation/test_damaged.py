"""Models and answers whose files are damaged: told by name, never a traceback."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.translation.tiny_checkpoint import write_marian, write_other
from xltpipe.alignment import HMM
from xltpipe.alignment.priors import find_prior
from xltpipe.errors import DataError, RecipeError
from xltpipe.translation import CTranslate2, Transformers
from xltpipe.translation.chat_answers import FILE, Answers, spent
from xltpipe.translation.chat_request import Reply
from xltpipe.translation.models import find_model
from xltpipe.translation.verification import verify

CONVERTED = [
    ("config.json", b"{", r"config\.json must be whole JSON, was: "),
    ("config.json", b"[]", r"config\.json must hold a JSON dict, was: list"),
    ("config.json", b"{}", r"config\.json must name eos_token and unk_token, was: without eos_"),
    ("config.json", None, r"config\.json must be whole JSON, was: .*No such file"),
    ("shared_vocabulary.json", b'{"a', r"shared_vocabulary\.json must be whole JSON"),
    ("shared_vocabulary.json", None, r"must have a shared or source vocabulary"),
    ("spm.model", b"xx", r"must be a SentencePiece model"),
    ("model.bin", b"xx", r"Model must load with .*may be damaged"),
]


def damaged(model: Path, home: Path, file: str, content: bytes | None) -> Path:
    copied = Path(shutil.copytree(model, home))
    (copied / file).unlink()
    if content is not None:
        (copied / file).write_bytes(content)
    return copied


@pytest.mark.parametrize(("file", "content", "message"), CONVERTED)
def test_a_converted_model(tmp_path: Path, file: str, content: bytes | None, message: str) -> None:
    model = damaged(find_model("embedded"), tmp_path / "model", file, content)
    with pytest.raises(RecipeError, match=message):
        CTranslate2(model=str(model)).build("eng", "spa").translate(["a dog"], "eng", "spa")
    assert "failed" in {check.state for check in verify(model, sample=1)}


@pytest.mark.parametrize(
    "file", ["config.json", "model.bin", "shared_vocabulary.json", "spm.model", "xltpipe.json"]
)
def test_a_bit_that_flipped_is_met_before_the_run(tmp_path: Path, file: str) -> None:
    """Most bits of a model change a translation here and there, and nothing else would tell."""
    model = Path(shutil.copytree(find_model("embedded"), tmp_path / "model"))
    spec = CTranslate2(model=str(model))
    spec.check()
    content = bytearray((model / file).read_bytes())
    content[len(content) // 2] ^= 4
    (model / file).write_bytes(content)
    with pytest.raises(RecipeError, match=rf"SHA256SUMS says, was: .*{file} was changed"):
        spec.check()
    (model / "SHA256SUMS").unlink()  # changed on purpose
    spec.check()


def test_a_prior_of_an_aligner_too(tmp_path: Path) -> None:
    prior = find_prior("eng", "spa")
    assert prior is not None
    copied = Path(shutil.copytree(prior, tmp_path / "prior"))
    HMM(prior=copied).check()
    words = (copied / "vocabulary.json").read_text("utf-8")
    (copied / "vocabulary.json").write_text(words.replace("house", "mouse", 1), "utf-8")
    with pytest.raises(RecipeError, match=r"vocabulary\.json was changed"):
        HMM(prior=copied).check()


def test_checksums_that_are_no_text_fail(tmp_path: Path) -> None:
    model = Path(shutil.copytree(find_model("embedded"), tmp_path / "model"))
    (model / "SHA256SUMS").write_bytes(b"\xff\xfe")
    assert verify(model, sample=1)[0].state == "failed"


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_marian(tmp_path_factory.mktemp("damaged") / "marian")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", b"{", r"config\.json must be whole JSON"),
        ("config.json", b"[]", r"config\.json must hold a JSON dict"),
        ("vocab.json", b"{", r"Tokenizer must lie in the checkpoint's folder"),
        ("model.safetensors", b"xx", r"that transformers can open .*deserializing"),
    ],
)
def test_a_checkpoint(
    tmp_path: Path, marian: Path, file: str, content: bytes, message: str
) -> None:
    model = damaged(marian, tmp_path / "model", file, content)
    spec = Transformers(model=str(model), max_input_tokens=64, max_output_tokens=32)
    with pytest.raises(RecipeError, match=message):
        spec.build("eng", "spa").translate(["a dog"], "eng", "spa")


def test_positions_hold_the_language_of_an_output_too(tmp_path: Path) -> None:
    model = write_other(tmp_path / "model", "mbart", ["en_XX", "es_XX", "gl_ES"])

    def spec(most: int) -> Transformers:
        return Transformers(model=str(model), max_input_tokens=64, max_output_tokens=most)

    with pytest.raises(RecipeError, match=r"128 positions of model beside 1 of its language"):
        spec(128).build("eng", "spa")
    spec(127).build("eng", "spa")


def test_answers_of_a_server(tmp_path: Path) -> None:
    with Answers(tmp_path, "o") as answers:
        for number in range(300):
            answers.put(f"k{number}", Reply("x" * 500), bytes_in=1, seconds=0)
    whole = bytearray((tmp_path / FILE).read_bytes())
    whole[8192:-100] = b"\7" * (len(whole) - 8292)
    (tmp_path / FILE).write_bytes(whole)
    with Answers(tmp_path, "o") as answers, pytest.raises(DataError, match="must be readable"):
        answers.get("k7")
    with pytest.raises(DataError, match="must be readable"):
        spent(tmp_path, "o")
