"""`xltpipe models`: what is listed, converted and verified; exit codes; JSON for programs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import transformers

from tests.translation.converted import made, source
from xltpipe import progress
from xltpipe.cli import FAILED, OK, WRONG, _main
from xltpipe.translation.inventory import entry
from xltpipe.translation.models import find_model
from xltpipe.translation.verification import Check, samples, verify

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


class Terminal:
    """Runs verbs with a data folder of their own."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.capsys = home, capsys

    def __call__(self, *arguments: str, store: bool = True) -> tuple[int, str, str]:
        more = ["--store", str(self.home)] if store else []
        self.capsys.readouterr()
        code = _main(["models", *arguments, *more])
        progress.notes.clear()
        return code, *self.capsys.readouterr()

    def json(self, *arguments: str, store: bool = True) -> Any:
        _, out, _ = self(*arguments, "--json", store=store)
        return json.loads(out)


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path / "data", capsys)


def installed(terminal: Terminal, family: str, folder: str = "models") -> Path:
    """A copy of a converted model in the data folder, that a test may spoil."""
    home = terminal.home / folder / f"my-{family}"
    return Path(shutil.copytree(made(family).model, home))


def states(found: list[dict[str, str]]) -> dict[str, str]:
    return {one["what"]: one["state"] for one in found}


def test_models_are_listed_from_everywhere(terminal: Terminal, tmp_path: Path) -> None:
    installed(terminal, "nllb")
    other = installed(terminal, "t5", "other").parent
    code, out, _ = terminal("list", "--models", str(other))
    assert code == OK
    for shown in ("en-es-tatoeba", "my-nllb", "my-t5", "int8", "float32", "cc-by-2.0", "embedded"):
        assert shown in out
    assert "ace acm acq aeb afr ajp and 190 more" in out
    found = {one["name"]: one for one in terminal.json("list", "--models", str(other))}
    assert set(found) >= {"en-es-tatoeba", "my-nllb", "my-t5"}
    assert (found["my-t5"]["family"], found["my-t5"]["directions"]) == ("t5", 2)
    assert found["my-nllb"]["directions"] == 196 * 195
    assert found["en-es"]["embedded"]
    assert not found["en-es-tatoeba"]["embedded"]
    assert found["my-nllb"]["licence"] == "cc0-1.0"
    assert terminal("list", "--models", str(tmp_path / "nowhere"))[0] == WRONG


def test_a_model_that_cannot_be_used_is_listed_with_the_reason(terminal: Terminal) -> None:
    model = installed(terminal, "nllb")
    (model / "xltpipe.json").write_text("{}")
    code, out, _ = terminal("list")
    assert code == OK
    assert "my-nllb cannot be used: " in out
    (one,) = [one for one in terminal.json("list") if one["name"] == "my-nllb"]
    assert one["family"] is None
    assert "must describe the model" in one["fault"]


@pytest.mark.parametrize(
    ("quantization", "expected"),
    [("int8", "int8"), ("float16", "float16"), ("bfloat16", "bfloat16"), ("float32", "float32")],
)
def test_convert_then_info(
    terminal: Terminal, tmp_path: Path, quantization: str, expected: str
) -> None:
    output = tmp_path / "model"
    code, out, err = terminal(
        *("convert", str(source("m2m100")), str(output), "--quantization", quantization),
        *("--languages", "eng,spa", "swa", "--licence", "mit"),
        store=False,
    )
    assert (code, err) == (OK, "")
    assert f"wrote {output}" in out
    assert "m2m100: any pair of eng, spa, swa" in out
    assert "log-probabilities differ from the original's by" in out
    found = terminal.json("info", str(output))
    assert found["quantization"] == expected
    assert found["languages"] == ["eng", "spa", "swa"]
    assert (found["licence"], found["directions"], found["checksums"]) == ("mit", 6, True)
    assert set(found["files"]) == {file.name for file in output.iterdir()}
    code, out, _ = terminal("info", str(output))
    assert code == OK
    assert "sentencepiece.bpe.model" in out
    assert "m2m100-source" in out
    assert found["card"]["pipeline_tag"] == "translation"


def test_convert_says_what_is_wrong(terminal: Terminal, tmp_path: Path) -> None:
    def convert(*arguments: str) -> tuple[int, str]:
        code, _, err = terminal("convert", *arguments, store=False)
        return code, err

    code, err = convert(str(tmp_path), str(tmp_path / "out"))
    assert (code, "no config.json" in err) == (WRONG, True)
    code, err = convert(str(source("opus")), str(tmp_path / "out"), "--quantization", "int3")
    assert (code, "int3" in err) == (WRONG, True)
    (tmp_path / "there").mkdir()
    code, err = convert(str(source("opus")), str(tmp_path / "there"))
    assert (code, "--force" in err) == (WRONG, True)
    done = terminal.json(
        "convert", str(source("opus")), str(tmp_path / "x"), "--no-check", store=False
    )
    assert (done["fidelity"], done["licence"]) == (None, "unknown")
    assert done["description"]["family"] == "opus"


def test_the_embedded_model_verifies(terminal: Terminal) -> None:
    code, out, _ = terminal("verify", "embedded")
    assert code == OK
    assert "2 of 2 in the target language" in out
    found = terminal.json("verify", "embedded")
    assert states(found["checks"]) == {
        "checksums": "ok",
        "description": "ok",
        "tokenizer": "ok",
        "languages": "ok",
        "translation": "ok",
        "output language": "ok",
        "markers": "ok",
    }


def test_a_name_finds_a_model_in_the_data_folder(terminal: Terminal) -> None:
    installed(terminal, "mbart50")
    code, out, _ = terminal("verify", "my-mbart50", "--sample", "3")
    assert code == OK  # random weights: warnings, but nothing that is broken
    assert "every file is as it was written" in out
    assert "52 languages have their tokens" in out


@pytest.mark.parametrize(
    ("spoil", "failing", "message"),
    [
        ("weights", "checksums", "model.bin was changed or damaged"),
        ("missing", "checksums", "shared_vocabulary.json is missing"),
        ("tokenizer", "tokenizer", "must be the one that the model was trained with"),
        ("language", "languages", "1 of 3 directions: Language token must be in"),
        ("sums", "checksums", "must be lines of a sum and a name"),
        ("description", "description", "must describe the model"),
    ],
)
def test_what_is_wrong_with_a_model_fails(
    terminal: Terminal, spoil: str, failing: str, message: str
) -> None:
    model = installed(terminal, "m2m100")
    sums = model / "SHA256SUMS"
    if spoil == "weights":
        with (model / "model.bin").open("r+b") as file:
            file.truncate(1000)
    elif spoil == "missing":
        (model / "shared_vocabulary.json").rename(model / "source_vocabulary.json")
    elif spoil == "sums":
        sums.write_text("nonsense\n")
    else:
        sums.unlink()
    if spoil == "tokenizer":
        shutil.copyfile(made("madlad").model / "spiece.model", model / "sentencepiece.bpe.model")
        words = json.loads((model / "shared_vocabulary.json").read_bytes())
        words = [word if word.startswith(("_", "<")) else f"x{word}" for word in words]
        (model / "shared_vocabulary.json").write_text(json.dumps(words))
    if spoil == "language":
        said = json.loads((model / "xltpipe.json").read_bytes())
        said |= {"languages": [], "directions": [["eng", "spa"], ["spa", "eng"], ["eng", "bre"]]}
        (model / "xltpipe.json").write_text(json.dumps(said))
        words = (model / "shared_vocabulary.json").read_text().replace("__br__", "__no_br__")
        (model / "shared_vocabulary.json").write_text(words)
    if spoil == "description":
        (model / "xltpipe.json").write_text("{")
    code, out, _ = terminal("verify", "my-m2m100")
    assert code == FAILED
    assert message in " ".join(out.split())
    found = {one["what"]: one for one in terminal.json("verify", "my-m2m100")["checks"]}
    assert found[failing]["state"] == "failed"
    assert message in found[failing]["detail"]


@pytest.mark.parametrize("verb", ["info", "verify"])
def test_no_such_model(terminal: Terminal, verb: str) -> None:
    code, _, err = terminal(verb, "nowhere")
    assert code == WRONG
    assert "was: 'nowhere' (looked in" in err
    assert "xltpipe models list" in err


def test_an_output_in_another_language_is_a_warning() -> None:
    model = find_model("embedded")

    def output(judged: bool | None) -> Check:  # noqa: FBT001 - what a recogniser gives
        found = verify(model, sample=2, recognise=lambda *_: judged)
        return next(one for one in found if one.what == "output language")

    assert [output(said).state for said in (True, False, None)] == ["ok", "warning", "skipped"]


def test_a_shipped_model_is_found_by_its_name() -> None:
    assert find_model("en-es") == find_model("embedded")
    assert not entry(find_model("en-es-tatoeba")).embedded
    assert entry(find_model("embedded")).embedded


def test_samples_are_in_the_languages_of_the_registry() -> None:
    from xltpipe.languages import resolve
    from xltpipe.quality.language_guess import rather

    assert len(samples()) == 25
    for code, text in samples().items():
        assert resolve(code).id == code
        assert text == text.strip()
        assert rather(text, code, "eng" if code != "eng" else "spa") in {True, None}
