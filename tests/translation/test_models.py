"""Model directories: found from anywhere, named by content, described or guessed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from xltpipe.errors import RecipeError
from xltpipe.languages import Family, resolve
from xltpipe.translation import CTranslate2
from xltpipe.translation.codec import Frame, frame
from xltpipe.translation.description import Description, Tokenizer, describe
from xltpipe.translation.models import find_model, model_digest


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded model that tests may spoil."""
    return Path(shutil.copytree(find_model("embedded"), tmp_path / "model"))


def many(home: Path, codes: list[str], tokenizer: str) -> Path:
    home.mkdir()
    for name in ("model.bin", tokenizer):
        (home / name).touch()
    (home / "shared_vocabulary.json").write_text(json.dumps(["<unk>", "</s>", *codes]))
    return home


def test_embedded_is_found_from_any_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (find_model("embedded") / "model.bin").is_file()


def test_a_missing_model_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=f"was: .*nowhere.*looked in {tmp_path}"):
        find_model(str(tmp_path / "nowhere"))


def test_the_digest_follows_content_not_place_or_card(model: Path) -> None:
    first = model_digest(find_model("embedded"))
    assert model_digest(model) == first
    (model / "MODEL_CARD.md").write_text("other words")
    os.utime(model / "model.bin", (1, 1))
    assert model_digest(model) == first
    with (model / "model.bin").open("ab") as weights:
        weights.write(b"x")
    assert model_digest(model) != first


def test_identity_is_by_content(model: Path) -> None:
    assert CTranslate2(model=str(model)).identity() == CTranslate2().identity()
    (model / "xltpipe.json").write_text("{}")
    assert CTranslate2(model=str(model)).identity() != CTranslate2().identity()


def test_the_embedded_model_describes_itself() -> None:
    description = describe(find_model("embedded"))
    assert description.directions == (("eng", "spa"), ("spa", "eng"))
    assert description.max_positions == 256


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "xltpipe.json must describe the model"), ('{"famly": 1}', "famly")],
)
def test_a_wrong_description_names_the_field(model: Path, content: str, message: str) -> None:
    (model / "xltpipe.json").write_text(content)
    with pytest.raises(RecipeError, match=message):
        describe(model)


def test_an_opus_directory_is_told_by_its_files_and_name(model: Path) -> None:
    opus = model.rename(model.with_name("opus-mt-en-es"))
    (opus / "xltpipe.json").unlink()
    for side in ("source.spm", "target.spm"):
        shutil.copy(opus / "spm.model", opus / side)
    assert describe(opus).directions == (("eng", "spa"),)
    [got] = CTranslate2(model=str(opus)).build("en", "es").translate(["Yes."], "en", "es")
    assert got.text  # the weights want a <2es> that OPUS has not: only the way through is tested


def test_an_opus_directory_that_does_not_tell_its_languages(model: Path) -> None:
    (model / "xltpipe.json").unlink()
    for side in ("source.spm", "target.spm"):
        (model / side).touch()
    with pytest.raises(RecipeError, match=r"must tell its languages.*write a xltpipe\.json"):
        describe(model)


def test_many_to_many_models_are_told_by_their_vocabulary(tmp_path: Path) -> None:
    nllb = describe(many(tmp_path / "a", ["eng_Latn", "swh_Latn"], "tokenizer.json"))
    assert (nllb.family, nllb.languages, nllb.tokenizer.kind) == ("nllb", ("eng", "swa"), "hf")
    m2m = describe(many(tmp_path / "b", ["__en__", "__ns__"], "sentencepiece.bpe.model"))
    assert (m2m.family, m2m.languages) == ("m2m100", ("eng", "nso"))


def test_an_unknown_directory_asks_for_a_description(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"family xltpipe can tell.*write a xltpipe\.json"):
        describe(many(tmp_path / "a", ["x"], "tokenizer.json"))


def test_a_missing_tokenizer_is_named(model: Path) -> None:
    (model / "spm.model").unlink()
    with pytest.raises(RecipeError, match=r"Tokenizer file must lie .*spm\.model \(missing\)"):
        CTranslate2(model=str(model)).build("eng", "spa")


def test_a_language_token_that_the_vocabulary_lacks_is_named(model: Path) -> None:
    said = json.loads((model / "xltpipe.json").read_text())
    said |= {"family": "nllb", "directions": [], "languages": ["eng", "spa"]}
    (model / "xltpipe.json").write_text(json.dumps(said))
    with pytest.raises(RecipeError, match="must be in the model's vocabulary, was: eng_Latn"):
        CTranslate2(model=str(model)).build("eng", "spa")


@pytest.mark.parametrize(
    ("family", "target", "pieces", "expected"),
    [
        ("xltpipe", "es", set(), Frame(("<2es>",), (), ())),
        ("nllb", "zh-Hant", set(), Frame(("eng_Latn",), (), ("zho_Hant",))),
        ("m2m100", "nb", set(), Frame(("__en__",), (), ("__no__",))),
        ("opus", "es", set(), Frame((), (), ())),
        ("opus", "es", {">>spa<<"}, Frame((">>spa<<",), (), ())),
        ("opus", "zh-Hant", {">>zho_Hant<<"}, Frame((">>zho_Hant<<",), (), ())),
        ("opus", "fr", {">>fr<<"}, Frame((">>fr<<",), (), ())),
    ],
)
def test_language_tokens_by_family(
    family: Family, target: str, pieces: set[str], expected: Frame
) -> None:
    tokenizer = Tokenizer(kind="sentencepiece", source="spm.model")
    description = Description(family=family, tokenizer=tokenizer, max_positions=512)
    assert frame(description, resolve("eng"), resolve(target), frozenset(pieces)) == expected
