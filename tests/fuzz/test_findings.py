"""What fuzzing found, each held by an example: it raised something else, or took what it must not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.examples import SCRIPTS
from tests.toy_recipe import settings, toy_recipe, write_data
from tests.toy_run import run
from xltpipe import front_matter, tables
from xltpipe.alignment import hmm_parameters
from xltpipe.datasets import Conll, Jsonl, Parquet, Squad
from xltpipe.datasets.label_studio_reader import read_reviews
from xltpipe.deciding.labelled import read as read_labelled
from xltpipe.durable import seal, unseal
from xltpipe.errors import DataError, RecipeError
from xltpipe.languages import resolve
from xltpipe.manifests import manifest
from xltpipe.mt import recipe as training
from xltpipe.quality.combination import read as read_combination
from xltpipe.recipe_file import load, parse
from xltpipe.store import Store
from xltpipe.translation import tags
from xltpipe.translation.apertium_stream import decode
from xltpipe.translation.chat_request import GarbledError, replied
from xltpipe.translation.chat_retries import overlong
from xltpipe.translation.codec import frame
from xltpipe.translation.description import Description, describe
from xltpipe.translation.server_answers import chatted, completed, prompt_tokens
from xltpipe.translation.server_faults import message
from xltpipe.translation.tokenisers import HuggingFace, SentencePiece

DEEP, DIGITS = "[" * 3000 + "]" * 3000, "9" * 5000
ROOT = Path(__file__).parents[2]


def _source(kind: Any, path: Path) -> int:
    return len(list(kind(path=path.name).read("eng", path.parent)))


JSON_READERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "jsonl": (lambda p: _source(Jsonl, p), '{"id": "a", "text": %s}'),
    "squad": (lambda p: _source(Squad, p), '{"data": %s}'),
    "label studio": (read_reviews, '[{"id": %s}]'),
    "labelled rows": (read_labelled, '{"id": "a", "ok": %s}'),
    "combined model": (read_combination, '{"format": %s}'),
}


@pytest.mark.parametrize("raw", [DEEP, DIGITS, "[" * 100_000], ids=["deep", "digits", "open"])
@pytest.mark.parametrize("name", JSON_READERS)
def test_json_that_nests_or_counts_too_far(name: str, raw: str, tmp_path: Path) -> None:
    """RecursionError, and ValueError that is no JSONDecodeError."""
    read, form = JSON_READERS[name]
    path = tmp_path / "x"
    path.write_text(form % raw)
    with pytest.raises((DataError, RecipeError)):
        read(path)


@pytest.mark.parametrize("raw", [DEEP, DIGITS])
def test_toml_that_nests_or_counts_too_far(raw: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(f"name = {raw}")
    for read in (load, training.load):
        with pytest.raises(RecipeError, match="Recipe must be TOML"):
            read(path)


def test_a_files_name_that_no_file_can_have(tmp_path: Path) -> None:
    """OSError (name too long)."""
    write_data(tmp_path)
    given = parse(settings(train={"kind": "conll", "path": "a" * 5000}), tmp_path / "toy.toml")
    with pytest.raises(DataError, match="Path must name a file"):
        given.run  # noqa: B018
    model = {"kind": "ctranslate2", "model": "a" * 5000}
    given = parse(
        settings(translation=model, projection={"kind": "aligned"}), tmp_path / "toy.toml"
    )
    with pytest.raises(RecipeError, match="Model must be"):
        given.translation.build("eng", "spa")


def test_utf_16_without_its_mark(tmp_path: Path) -> None:
    """UnicodeError that is no UnicodeDecodeError."""
    (tmp_path / "x.conll").write_bytes(b"Ana B-PER\n\n")
    spec = Conll(path="x.conll", encoding="utf-16")
    with pytest.raises(DataError, match="File must be utf-16 text"):
        list(spec.read("eng", tmp_path))


def test_a_parquet_page_of_another_size(tmp_path: Path) -> None:
    """OSError out of Arrow, wherever a byte is another."""
    path = tmp_path / "x.parquet"
    pq.write_table(tables.examples_to_table(SCRIPTS), path, compression="none")
    whole = path.read_bytes()
    refused = 0
    for at in range(4, len(whole) - 8, 97):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            _source(Parquet, path)
        except DataError:
            refused += 1
    assert refused > 5


def test_annotations_whose_results_are_no_lists(tmp_path: Path) -> None:
    """TypeError, where several annotations were compared."""
    data = {"run": "r", "row": "a", "lang": "spa", "split": "train", "text": "Ana"}
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"data": data, "annotations": [{"result": 1}, {"result": []}]}]))
    with pytest.raises(DataError, match="result must be an array, was: 1"):
        read_reviews(path)


def test_a_tag_with_a_number_of_a_book() -> None:
    """ValueError: more than 4,300 digits."""
    marked = f"\ufdd0{DIGITS}\ufdd2x\ufdd1{DIGITS}\ufdd2"
    assert tags.read(marked) == tags.Tagged(marked)
    assert decode(f"[[t:s:{DIGITS}]]x[[/]][<1>]".encode(), 1) == tags.Tagged("x")
    assert overlong(f"maximum context length is {DIGITS} tokens").wanted is None


_CHOICE: dict[str, Any] = {"message": {"content": "x"}, "text": "x", "prompt_token_ids": [1, 2]}


@pytest.mark.parametrize(
    ("read", "change"),
    [
        (prompt_tokens, {"prompt_token_ids": [1, {}]}),
        (prompt_tokens, {"prompt_token_ids": "N"}),
        (prompt_tokens, {"prompt_logprobs": {"a": 1, "b": 2}}),
        (chatted, {"message": {"content": ["x"]}}),
        (completed, {"text": 1}),
    ],
)
def test_replies_of_another_form(read: Callable[[Any], object], change: dict[str, Any]) -> None:
    """ValueError and TypeError; texts that were none went on."""
    with pytest.raises(DataError, match="Server's reply must hold"):
        read({"choices": [{**_CHOICE, **change}]})


def test_a_servers_fault_that_nests() -> None:
    assert message(f'{{"message": {DEEP}}}'.encode()).startswith('{"message": [[[')


T5 = {
    "family": "t5",
    "tokenizer": {"kind": "hf", "source": "t.json"},
    "directions": [["eng", "spa"]],
}


@pytest.mark.parametrize(
    "prompt",
    ["{source:9999999999}", "{source.__class__}", "{0}", "{x}", "}", "{source!r}", "{{source}}"],
)
def test_a_models_prompt_is_no_format(prompt: str, tmp_path: Path) -> None:
    """ValueError and AttributeError; or as many gigabytes as it says."""
    (tmp_path / "xltpipe.json").write_text(json.dumps({**T5, "max_positions": 8, "prompt": prompt}))
    with pytest.raises(RecipeError, match="must hold no other braces"):
        describe(tmp_path)


def test_a_prompt_is_filled() -> None:
    said = Description.model_validate(
        {**T5, "max_positions": 8, "prompt": "{source} to {target}: "}
    )
    framed = frame(said, resolve("eng"), resolve("spa"), frozenset())
    assert framed.prompt == "English to Spanish: "


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b", ""])
def test_a_models_tokenizer_lies_in_its_folder(name: str, tmp_path: Path) -> None:
    told = {**T5, "tokenizer": {"kind": "sentencepiece", "source": name}, "max_positions": 8}
    (tmp_path / "xltpipe.json").write_text(json.dumps(told))
    with pytest.raises(RecipeError, match="must name a file in the model's folder"):
        describe(tmp_path)


def test_pieces_that_are_no_text(tmp_path: Path) -> None:
    """UnicodeDecodeError out of SentencePiece."""
    whole = (ROOT / "data/models/en-es-tatoeba/spm.model").read_bytes()
    path = tmp_path / "x.model"
    path.write_bytes(whole.replace(b"<2es>", b"<2e\x9c>"))
    with pytest.raises(RecipeError, match="must be UTF-8"):
        SentencePiece(path, path).pieces("source")


def test_a_tokenizer_without_the_piece_that_it_needs(tmp_path: Path) -> None:
    """Exception of the package's own, at the first text."""
    model = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "[UNK]"}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model}))
    with pytest.raises(RecipeError, match="Tokenizer must cut every text"):
        HuggingFace(path).encode(["b"])


def test_an_aligner_that_is_no_archive(tmp_path: Path) -> None:
    """BadZipFile."""
    home = ROOT / "data/models/en-es-tatoeba-hmm"
    for name in ("settings.json", "vocabulary.json"):
        (tmp_path / name).write_bytes((home / name).read_bytes())
    whole = (home / "parameters.npz").read_bytes()
    for data in (
        b"PK\x03\x04",
        b"",
        b"x" * 100,
        whole[:5000],
        whole[:2000] + b"\0" * 4000 + whole[6000:],
    ):
        (tmp_path / "parameters.npz").write_bytes(data)
        with pytest.raises(DataError, match="HMM artefact must be readable"):
            hmm_parameters.load(tmp_path)


def test_a_reply_of_infinitely_many_tokens() -> None:
    """OverflowError."""
    choice = {"message": {"content": "Hola"}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice], "usage": {"completion_tokens": float("inf")}})
    with pytest.raises(GarbledError, match="no chat completion"):
        replied(body.encode())


def test_a_card_that_nests() -> None:
    """RecursionError."""
    assert front_matter.read(f"---\n{'[' * 5000}\n---\n") == {}


@pytest.mark.parametrize("rows", [-1, 1 << 63, True])
def test_a_manifest_of_rows_that_no_index_can_hold(rows: int, tmp_path: Path) -> None:
    """OverflowError in SQLite."""
    store = Store(tmp_path / "store")
    run(toy_recipe(tmp_path), store)
    path = next((store.root / "judge").rglob("manifest.json"))
    told = unseal(path.read_bytes())
    assert told is not None
    assert manifest(seal(told).encode()) is not None
    assert manifest(seal(told | {"rows": rows}).encode()) is None
