"""The engine over a real socket: what is asked, what comes back, and what it says about itself."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.chat_server import ChatServer, said, sent_text, serving, translate, turned
from xltpipe.errors import DataError, MissingExtraError, RecipeError, TransientError
from xltpipe.translation import Vllm
from xltpipe.translation.caching import with_cache
from xltpipe.translation.chat_answers import FILE

MANY = [f"Sentence {n} is here." for n in range(300)]


def vllm(server: ChatServer, **settings: Any) -> Vllm:
    given = {"url": server.url, "model": "toy", "backoff": 0.01, "timeout": 5.0, **settings}
    return Vllm.model_validate(given)


def run(spec: Vllm, texts: list[str]) -> tuple[list[Any], dict[str, Any]]:
    translator = spec.build("eng", "spa")
    done = translator.translate(texts, "eng", "spa")
    return done, translator.counts  # type: ignore[attr-defined]


# What is asked


@pytest.mark.parametrize(
    "prompt", [{"kind": "chat"}, {"kind": "chat", "mode": "free"}, {"kind": "lmt"}]
)
def test_every_text_gets_its_own_translation(prompt: dict[str, str]) -> None:
    texts = [*MANY, "", " ", MANY[0], "他说：“你好”。", "👩‍👩‍👧", "مرحبا يا عالم"]
    with serving() as server:
        done, counts = run(vllm(server, prompt=prompt), texts)
    assert [one.text for one in done] == [turned(text).strip() for text in texts]
    assert not any(one.fault or one.truncated for one in done)
    assert counts["requests"] == len(set(map(str.strip, texts))) - 1  # blank, and one twice
    assert counts["texts_asked_once_for_several"] == 1


def test_the_first_try_is_greedy_and_later_ones_are_drawn_by_seed() -> None:
    with serving(lambda body: said(body, "I'm sorry, but I can't help with that.")) as server:
        done, counts = run(vllm(server, seed=5, retries=2, log_probs=True), ["Where is Bob?"])
    seen = [(b["temperature"], b["seed"], b["logprobs"]) for b in server.bodies]
    assert seen == [(0.0, 5, True), (0.7, 6, True), (0.7, 7, True)]
    assert done[0].text == ""
    assert done[0].fault.startswith("refusal: ")
    assert done[0].fault.endswith("(3 attempts)")
    assert counts["retried:refusal"] == 2
    assert counts["fault:refusal"] == 1


def test_an_answer_of_a_later_try_is_taken() -> None:
    def moody(body: dict[str, Any]) -> str:
        return translate(body) if body["seed"] == 3 else said(body, "")

    with serving(moody) as server:
        done, counts = run(vllm(server, seed=1), ["Where is Bob?", "Here."])
    assert [one.text for one in done] == ["erehW si boB?", "ereH."]
    assert counts["retried:empty"] == 4
    assert not [name for name in counts if name.startswith("fault:")]


def test_tokens_and_scores_are_those_the_server_tells() -> None:
    with serving() as server:
        price = {"input": 10.0, "output": 20.0}
        done, counts = run(vllm(server, log_probs=True, price=price), ["Where is Bob?"])
    assert (done[0].score, done[0].tokens_out) == (-0.5, 4)
    assert done[0].tokens_in == counts["prompt_tokens"] > 20
    expected = (counts["prompt_tokens"] * 10 + counts["completion_tokens"] * 20) / 1e6
    assert counts["price_usd"] == pytest.approx(expected)


# What cannot be translated


def test_a_text_too_long_for_the_model_is_that_rows_fault_alone() -> None:
    with serving() as server:
        server.context = 150
        long = " ".join(["word"] * 400)
        done, counts = run(vllm(server), ["Where is Bob?", long, "Here."])
    assert [one.text for one in done] == ["erehW si boB?", "", "ereH."]
    assert done[1].fault.startswith("context: text needs 4")
    assert done[1].fault.endswith("tokens, 'toy' holds 150 with the answer")
    assert counts["fault:context"] == 1
    assert counts["shorter_limits"] >= 1  # for those whose limit alone was too high


def test_markers_that_stay_lost_are_told_and_the_best_answer_is_kept() -> None:
    def loses(body: dict[str, Any]) -> str:
        text = turned(sent_text(body))
        return said(body, text.replace("[/A]", "") if body["seed"] > 1 else "anA emac.")

    with serving(loses) as server:
        done, counts = run(vllm(server), ["[A] Ana [/A] came."])
    assert done[0].text == "[A] anA  emac."
    assert done[0].fault is None
    assert counts["kept_without_markers"] == 1
    system = server.bodies[0]["messages"][0]["content"]
    assert "markers [A] [/A] ." in system


def test_an_answer_that_met_the_limit_is_told_as_truncated() -> None:
    def cut(body: dict[str, Any]) -> dict[str, Any]:
        return {"content": turned(sent_text(body))[:12], "finish_reason": "length"}

    with serving(cut) as server:
        prompt = {"kind": "chat", "mode": "free"}
        done, counts = run(vllm(server, prompt=prompt, retries=1), ["Where is Bob today?"])
    assert (done[0].text, done[0].truncated, done[0].fault) == ("erehW si boB", True, None)
    assert counts["kept_truncated"] == 1


# Errors


def test_a_server_that_is_not_there() -> None:
    with serving() as server:
        pass
    with pytest.raises(TransientError, match=r"Server http.* must answer, was: .*see that it runs"):
        run(vllm(server, attempts=5), ["Here."])


def test_a_model_that_is_not_served() -> None:
    with serving() as server:
        expected = r"Model must be one that .* serves, was: 'other'; it serves 'toy'"
        with pytest.raises(RecipeError, match=expected):
            run(vllm(server, model="other"), ["Here."])


def test_a_wrong_key_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sesame-17\n")
    with serving() as server:
        server.key = "another"
        with pytest.raises(RecipeError, match="must accept our key, was: 401") as caught:
            run(vllm(server, api_key_file=tmp_path / "key"), ["Here."])
        assert "sesame" not in str(caught.value)
        server.key = "sesame-17"
        done, _ = run(vllm(server, api_key_file=tmp_path / "key"), ["Here."])
        assert done[0].text == "ereH."


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sesame-1")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sesame-2")
    monkeypatch.setenv("OPENAI_ORG_ID", "sesame-3")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "sesame-4")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-More: sesame-5")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1")
    monkeypatch.setenv("HTTP_PROXY", "http://localhost:1")
    with serving() as server:
        done, _ = run(vllm(server), ["Here."])
    assert done[0].text == "ereH."
    assert "sesame" not in str(server.headers)


def test_a_wrong_address() -> None:
    with serving() as server:
        base = server.url.removesuffix("/v1")
        with pytest.raises(RecipeError, match=r"must be the base of an OpenAI-compatible API"):
            run(vllm(server, url=base), ["Here."])
    with pytest.raises(ValidationError, match="must be an address such as"):
        Vllm(url="localhost:8000", model="toy")


def test_a_server_that_never_gets_ready_is_given_up_at_the_deadline() -> None:
    with serving() as server:
        server.fault_rate, server.fault_kinds = 1.0, [503]
        started = time.monotonic()
        with pytest.raises(TransientError, match=r"was: (503 |no answer).*for 1 s \(deadline\)"):
            run(vllm(server, attempts=1000, deadline=1.0, backoff=0.05), MANY)
    assert time.monotonic() - started < 5
    with serving() as server:
        server.retry_after = "3600"
        server.faults.append(429)
        with pytest.raises(TransientError, match=r"was: 429 .*to be asked again after 3600 s"):
            run(vllm(server), ["Here."])


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    spec = Vllm(url="http://localhost:1/v1", model="toy")
    for call in (spec.check, lambda: spec.build("eng", "spa")):
        with pytest.raises(MissingExtraError, match=r'pip install "xltpipe\[openai\]"'):
            call()
    with pytest.raises(MissingExtraError, match=r'pip install "xltpipe\[vllm\]"'):
        Vllm(model="toy").build("eng", "spa")


# Budgets and what is kept


def test_a_budget_stops_before_it_is_overspent_and_loses_nothing(tmp_path: Path) -> None:
    with serving(latency=0.005) as server:
        spec = vllm(server, cache=tmp_path, budget_tokens=9_000)
        with pytest.raises(
            RecipeError, match=r"Budget must cover.*budget_tokens 9,000 with"
        ) as why:
            run(spec, MANY)
        sent = len(server.bodies)
        assert 50 < sent < len(MANY)
        spent = spec.spent(tmp_path)
        assert spent is not None
        assert spent.requests == sent
        assert spent.tokens_in + spent.tokens_out <= 9_000
        assert f"in {sent} requests" in str(why.value)
        richer = spec.model_copy(update={"budget_tokens": 10**6})
        done, counts = run(richer, MANY)
        assert [one.text for one in done] == list(map(turned, MANY))
        assert len(server.bodies) == len(MANY)
        assert (counts["answers_reused"], counts["requests"]) == (sent, len(MANY) - sent)
        whole = run(vllm(server), MANY)[1]
    assert counts["prompt_tokens"] == whole["prompt_tokens"]  # what was kept was paid for, too


def test_a_budget_in_money_needs_a_price() -> None:
    with pytest.raises(ValidationError, match=r"budget_price needs the price of 'toy'"):
        Vllm(url="http://localhost:1/v1", model="toy", budget_price=1.0)
    with serving() as server:
        price = {"input": 1e6, "output": 1e6, "currency": "EUR"}
        with pytest.raises(RecipeError, match=r"budget_price 1\.5 with 0 tokens, 0\.0000 EUR"):
            run(vllm(server, price=price, budget_price=1.5), ["Here."])
        assert not server.bodies


def test_answers_belong_to_the_whole_request_and_the_weights(tmp_path: Path) -> None:
    with serving() as server:
        for expected, settings in [
            (1, {}),
            (1, {"concurrency": 3, "timeout": 4.0}),
            (2, {"seed": 9}),
            (3, {"prompt": {"kind": "lmt"}}),
        ]:
            run(vllm(server, cache=tmp_path, **settings), ["Here."])
            assert len(server.bodies) == expected
        assert server.models is not None
        server.models[0]["root"] = "weights-2"  # the same name, other weights
        run(vllm(server, cache=tmp_path), ["Here."])
        assert len(server.bodies) == 4


def test_answers_that_cannot_be_kept_stop_the_run(tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("in the way")
    with serving() as server:
        with pytest.raises(DataError, match="must be kept in a folder that can be written"):
            run(vllm(server, cache=tmp_path / "answers"), ["Here."])
        assert not server.bodies


def test_every_engine_that_wants_one_gets_a_folder_at_any_depth(tmp_path: Path) -> None:
    spec = Vllm(url="http://localhost:1/v1", model="toy")
    given = with_cache(spec, tmp_path)
    assert given.cache == tmp_path / "answers"
    assert given.identity() == spec.identity()
    named = spec.model_copy(update={"cache": Path("mine")})
    assert with_cache(named, tmp_path).cache == Path("mine")


def test_answers_are_a_plain_file(tmp_path: Path) -> None:
    with serving() as server:
        run(vllm(server, cache=tmp_path), ["Here."])
    rows = sqlite3.connect(tmp_path / FILE).execute("SELECT text FROM answers").fetchall()
    assert [json.loads(text) for (text,) in rows] == [{"translation": "ereH."}]
