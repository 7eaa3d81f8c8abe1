"""The engine against a real server of the protocol: `transformers serve` with a tiny Llama."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.translation import served_llama
from xltpipe.errors import RecipeError
from xltpipe.translation import Vllm

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

TEXTS = [
    *("Where is Bob?", "Ana lives in Rome.", "", "Rome is far <|end|> away.", "Ana [A] came [/A]."),
    *(f"Text {n} is here." for n in range(12)),
]
# What random weights say is in no language: only what follows from the protocol is asserted.
OFF = {"language": False, "lines": False, "longest": None, "shortest": None, "repeats": None}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with served_llama.serving(tmp_path_factory.mktemp("served")) as running:
        yield running


def engine(server: tuple[str, str], **settings: Any) -> Vllm:
    url, model = server
    given = {
        "prompt": {"kind": "chat", "mode": "free"},
        "checks": {**OFF, "markers": False, "preamble": False, "refusal": False},
        "dialect": "openai",
        "retries": 0,
        "max_output_tokens": 10,
        "concurrency": 8,
        **settings,
    }
    return Vllm.model_validate({"url": url, "model": model, **given})


def alone(server: tuple[str, str], spec: Vllm, text: str) -> dict[str, Any]:
    """What the server says to the same messages, asked without our client."""
    url, model = server
    messages = spec.prompter("eng", "spa").ask(text).messages
    body = {"model": model, "messages": messages, "max_completion_tokens": 10, "temperature": 0.0}
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(  # noqa: S310
        f"{url}/chat/completions", json.dumps(body).encode(), headers
    )
    reply: dict[str, Any] = json.loads(urllib.request.urlopen(asked).read())  # noqa: S310
    return reply


def test_each_text_gets_what_the_server_says_to_it(server: tuple[str, str], tmp_path: Path) -> None:
    spec = engine(server, cache=tmp_path)
    translator = spec.build("eng", "spa")
    done = translator.translate(TEXTS, "eng", "spa")
    assert len(done) == len(TEXTS)
    for text, one in list(zip(TEXTS, done, strict=True))[:6]:
        if not text:
            assert one.text == ""
            continue
        reply = alone(server, spec, text)
        said, usage = reply["choices"][0], reply["usage"]
        plain = said["message"]["content"].replace("\u200b", "").strip()
        assert one.text == plain if one.fault is None else one.fault.startswith("empty")
        assert one.truncated == (said["finish_reason"] == "length")
        assert (one.tokens_in, one.tokens_out) == (
            usage["prompt_tokens"],
            usage["completion_tokens"],
        )
    assert len({one.text for one in done}) > 5
    counts = translator.counts  # type: ignore[attr-defined]
    assert counts["requests"] == len(TEXTS) - 1
    assert counts["prompt_tokens"] == sum(one.tokens_in for one in done) > 0
    again = spec.build("eng", "spa")
    assert again.translate(TEXTS, "eng", "spa") == done
    assert "requests" not in again.counts  # type: ignore[attr-defined]


def test_faults_of_nonsense_are_told_row_by_row(server: tuple[str, str]) -> None:
    spec = engine(server, checks={}, retries=1, prompt={"kind": "chat"})
    done = spec.build("eng", "spa").translate(TEXTS, "eng", "spa")
    for text, one in zip(TEXTS, done, strict=True):
        assert (one.fault is None) == (not text)
        assert text == "" or str(one.fault).startswith(("not_json", "cut_off"))
    # this server ignores response_format: that it does is seen, not believed


def test_what_the_server_refuses_is_told(server: tuple[str, str]) -> None:
    with pytest.raises(RecipeError, match=r"Model must be one that .* serves, was: 'nope'; it"):
        engine((server[0], "nope")).build("eng", "spa").translate(["Hello."], "eng", "spa")
    with pytest.raises(RecipeError, match=r'repetition_penalty.*dialect = "openai"'):
        engine(server, dialect="vllm").build("eng", "spa").translate(["Hello."], "eng", "spa")
