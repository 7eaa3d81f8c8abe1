"""The client of a language model's server, over real HTTP."""

from __future__ import annotations

import json
import math
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.llm_server import LOG_PROB, LlmServer, cut, ids, log_prob, serving
from xltpipe.errors import DataError, RecipeError, TransientError
from xltpipe.translation.server import Server
from xltpipe.translation.server_answers import Answer, Question, chatted
from xltpipe.translation.server_client import ServerClient
from xltpipe.translation.server_faults import message, wait
from xltpipe.translation.server_scorer import PromptScorer

PROMPT = "English: {source}\nSpanish:\n"
ASK = Question("Say it.", limit=8)


def client(server: LlmServer, waits: list[float] | None = None, **settings: object) -> ServerClient:
    given: dict = {
        "url": server.url,
        "model": "toy",
        "key": None,
        "concurrency": 8,
        "timeout": 5.0,
        "attempts": 3,
        "dialect": "vllm",
        "template_arguments": {},
        **settings,
    }
    return ServerClient(**given, pause=([] if waits is None else waits).append)


def say(text: str):
    return lambda prompt, body: text


# What is sent


def test_sends_a_chat_as_vllm_reads_it() -> None:
    with serving(say("Ana")) as server:
        asked = Question("Who?", 9, choice=("Ana", "Eva"), temperature=0.5, seed=3)
        asker = client(server, template_arguments={"enable_thinking": False})
        assert asker.chat([asked]) == [Answer("Ana", whole=True, log_probs=(LOG_PROB,))]
        assert server.requests == [
            (
                "/v1/chat/completions",
                {
                    "model": "toy",
                    "messages": [{"role": "user", "content": "Who?"}],
                    "max_completion_tokens": 9,
                    "logprobs": True,
                    "temperature": 0.5,
                    "top_p": 1.0,
                    "repetition_penalty": 1.0,
                    "presence_penalty": 0.0,
                    "frequency_penalty": 0.0,
                    "seed": 3,
                    "structured_outputs": {"choice": ["Ana", "Eva"]},
                    "chat_template_kwargs": {"enable_thinking": False},
                },
            )
        ]
        asker.chat([Question("Who?", 9, regex="An?a"), Question("Who?", 9)])
        regex, free = sorted(server.bodies("/chat/completions")[1:], key=str, reverse=True)
        assert regex["structured_outputs"] == {"regex": "An?a"}
        assert "structured_outputs" not in free


def test_sends_completions_and_prompts_to_score() -> None:
    with serving(say("go on")) as server:
        asker = client(server)
        assert asker.complete([Question("Once", 4)]) == [Answer("go on", True, (LOG_PROB,) * 3)]
        asker.prompt_log_probs(["one two"])
        asker.prompt_log_probs([[1, 2, 3]])
        asker.token_ids(["one"], special=False)
        first, text, tokens, bare = server.bodies("/completions")
        assert (first["prompt"], first["max_tokens"], first["logprobs"]) == ("Once", 4, 0)
        scored = {"model": "toy", "prompt_logprobs": 1, "return_token_ids": True}
        assert text == {**scored, "prompt": "one two", "max_tokens": 1, "temperature": 0.0}
        assert tokens == {**text, "prompt": [1, 2, 3]}
        assert (bare["prompt"], bare["add_special_tokens"]) == ("one", False)


@pytest.mark.parametrize("text", ["", "naïve 北京 👩‍👩‍👧 \u0000", 'quote " back \\ line\n'])
def test_any_text_can_be_sent(text: str) -> None:
    with serving(say("x")) as server:
        client(server).chat([Question(text, 4)])
        assert server.bodies("/chat/completions")[0]["messages"][0]["content"] == text


def test_empty_batches_ask_nothing() -> None:
    with serving() as server:
        asker = client(server)
        assert asker.chat([]) == asker.complete([]) == asker.prompt_log_probs([]) == []
        assert PromptScorer(asker, prompt=PROMPT, ending="\n").score([]) == []
        assert server.requests == []


def test_a_strict_server_gets_no_fields_of_vllms() -> None:
    with serving(say("x")) as server:
        strict = client(server, dialect="openai")
        assert strict.chat([ASK])[0].text == strict.complete([ASK])[0].text == "x"
        standard = {"model", "temperature", "top_p", "presence_penalty", "frequency_penalty"}
        standard |= {
            "seed",
            "logprobs",
            "messages",
            "max_completion_tokens",
            "prompt",
            "max_tokens",
        }
        assert all(body.keys() <= standard for _, body in server.requests)
        with pytest.raises(RecipeError, match='Dialect must be "vllm" where answers are held'):
            strict.chat([Question("Who?", 4, choice=("Ana",))])


# Batches


def test_keeps_order_bounds_what_is_under_way_and_reuses_connections() -> None:
    def slower_first(prompt: str, body: dict) -> str:
        time.sleep(0.03 if prompt == "0" else 0.0)
        return prompt

    with serving(slower_first) as server:
        server.pace = 0.005
        asker = client(server, concurrency=4)
        questions = [Question(str(n), 4) for n in range(40)]
        assert [a.text for a in asker.chat(questions)] == [q.prompt for q in questions]
        assert asker.chat(questions[:1]) + asker.chat(questions[1:2]) == asker.chat(questions[:2])
        assert 2 <= server.most_at_once <= 4
        assert server.connections <= 4


def test_a_connection_that_went_stale_is_replaced_without_a_retry() -> None:
    waits: list[float] = []
    with serving(say("x")) as server:
        asker = client(server, waits)
        asker.chat([ASK])
        server.faults.append("close")
        assert asker.chat([ASK])[0].text == "x"
        assert waits == [] and len(server.requests) == 3


# Trouble


@pytest.mark.parametrize("fault", [500, 502, 503, 429, "close", "half"])
def test_asks_again_while_the_server_is_busy(fault: int | str) -> None:
    waits: list[float] = []
    with serving(say("x")) as server:
        server.faults.extend([fault, fault])
        assert client(server, waits).chat([ASK])[0].text == "x"
        assert waits == [0.5, 1.0] and len(server.requests) == 3


def test_waits_as_long_as_the_server_asks() -> None:
    waits: list[float] = []
    with serving(say("x")) as server:
        server.retry_after = "7"
        server.faults.append(429)
        client(server, waits).chat([ASK])
        assert waits == [7.0]
        server.retry_after = "3600"
        server.faults.append(429)
        with pytest.raises(TransientError, match=r"429 \(told to say 429\), to be asked again aft"):
            client(server, waits).chat([ASK])
        assert waits == [7.0]


def test_reads_retry_after_as_seconds_or_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 <= wait(0, {"retry-after": soon}) <= 30
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert wait(0, {"retry-after": past}) == 0
    assert [wait(n, {"retry-after": "soon"}) for n in (0, 1, 2, 20)] == [0.5, 1.0, 2.0, 60.0]


def test_a_server_that_stays_busy_or_away_is_transient() -> None:
    waits: list[float] = []
    with serving() as server:
        server.faults.extend([503] * 3)
        with pytest.raises(TransientError, match=r"must answer, was: 503 .*told.*see that it runs"):
            client(server, waits).chat([ASK])
        assert len(server.requests) == 3 and waits == [0.5, 1.0]
        server.faults.append("slow")
        with pytest.raises(TransientError, match=r"timed out.*slow: timeout"):
            client(server, timeout=0.1, attempts=1).chat([ASK])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(TransientError, match="ConnectionRefusedError"):
            client(server, url=nobody).chat([ASK])


def test_what_is_refused_is_not_asked_again() -> None:
    with serving() as server:
        server.faults.append(400)
        with pytest.raises(RecipeError, match=r"must accept the request, was: 400 \(told to say 4"):
            client(server).chat([ASK])
        with pytest.raises(RecipeError, match=r"Model must be one .* was: 'gpt'; it serves 'toy'"):
            client(server, model="gpt").chat([ASK])
        with pytest.raises(RecipeError, match=r"must be the base of an OpenAI-compatible API"):
            client(server, url=server.url.removesuffix("/v1")).chat([ASK])
        server.faults.append(307)
        with pytest.raises(RecipeError, match=r"must be the base .* was: 307"):
            client(server).chat([ASK])
        server.context = 10
        with pytest.raises(DataError, match=r"must fit into the context of 'toy'.*max-model-len"):
            client(server).chat([Question("many words " * 9, 8)])
        assert [path for path, _ in server.requests].count("/v1/chat/completions") == 4


@pytest.mark.parametrize(
    ("fault", "told"), [("garbage", r"JSON object, was: '<html>proxy"), ("list", r"was: '\[\]'")]
)
def test_what_is_no_json_is_a_data_error(fault: str, told: str) -> None:
    with serving() as server:
        server.faults.append(fault)
        with pytest.raises(DataError, match=told):
            client(server).chat([ASK])


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"choices": []},
        {"choices": [{"message": {}}]},
        {"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"token": "x"}]}}]},
        {"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"logprob": None}]}}]},
    ],
)
def test_replies_of_another_shape_are_data_errors(reply: dict) -> None:
    with pytest.raises(DataError, match=r"must (hold a chat completion|be a finite number), was"):
        chatted(reply)


def test_an_answer_may_lack_text_and_log_probabilities() -> None:
    choice = {"message": {"content": None}, "finish_reason": "length"}
    assert chatted({"choices": [choice]}) == Answer("", whole=False, log_probs=None)


def test_an_answers_probabilities() -> None:
    for none in (None, ()):
        assert Answer("", True, none).probability is Answer("", True, none).mean_probability is None
    answer = Answer("a b", True, (-0.5, 0.0))
    assert answer.probability == pytest.approx(math.exp(-0.5))
    assert answer.mean_probability == pytest.approx(math.exp(-0.25))
    assert Answer("x", True, (1e-7,)).probability == 1.0  # vLLM's rounding


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "no room", "code": 400}}', "no room"),
        (b'{"object": "error", "message": "old form"}', "old form"),
        (b'{"error": "not served"}', "not served"),
        (b"nginx", "nginx"),
        (b"\xff" + b"x" * 999, "\ufffd" + "x" * 499 + " …"),
    ],
)
def test_finds_the_servers_own_words(body: bytes, said: str) -> None:
    assert message(body) == said


# Settings and the key


def test_the_key_is_sent_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("s3cret-key\n")
    with serving(say("x"), key="s3cret-key") as server:
        spec = Server(url=server.url, model="toy", api_key_file=file)
        spec.check()
        assert spec.client().chat([ASK])[0].text == "x"
        assert server.headers[0]["Authorization"] == "Bearer s3cret-key"
        assert "s3cret" not in json.dumps(spec.identity()) + repr(spec) + repr(spec.client())
        file.write_text("wr0ng-key")
        with pytest.raises(RecipeError, match="must accept our key, was: 401") as caught:
            spec.client().chat([ASK])
        assert "Bearer ***" in str(caught.value)  # this server repeats what it was given


@pytest.mark.parametrize("content", ["", "two words", "näh", "a\nb"])
def test_a_file_without_a_key_is_refused_unseen(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    spec = Server(url="http://localhost/v1", model="toy", api_key_file=file)
    with pytest.raises(RecipeError, match="must hold one key and nothing else") as caught:
        spec.check()
    assert not content or content not in str(caught.value)


def test_a_missing_key_file_is_met_before_the_run(tmp_path: Path) -> None:
    spec = Server(url="http://localhost/v1", model="toy", api_key_file=tmp_path / "none")
    with pytest.raises(RecipeError, match=r"must be a file to read, was: .*none.*FileNotFound"):
        spec.check()


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://x", "http://", "http://a b/", "http://h/v1?x"]
)
def test_the_address_must_be_one(url: str) -> None:
    with pytest.raises(ValidationError, match="must be an address such as"):
        Server(url=url, model="toy")


def test_a_password_does_not_belong_into_the_address() -> None:
    with pytest.raises(ValidationError, match="must not hold a password") as caught:
        Server(url="http://me:secret@host/v1", model="toy")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("port", ["99999999", "eighty"])
def test_a_wrong_port_is_met_in_the_settings(port: str) -> None:
    with pytest.raises(ValidationError, match=r"must be an address such as .*[Pp]ort"):
        Server(url=f"http://host:{port}/v1", model="toy")


def test_only_what_decides_the_answers_is_the_identity() -> None:
    here = Server(url="http://localhost:8000/v1/", model="toy", timeout=3, concurrency=1)
    there = Server(url="https://elsewhere/v1", model="toy")
    known = {"model": "toy", "dialect": "vllm", "template_arguments": {}}
    assert here.identity() == there.identity() == known
    assert here.url == "http://localhost:8000/v1"


# Scoring


def by_hand(source: str, target: str) -> float:
    """The sum over the target's own tokens, one after the other."""
    read = ids(PROMPT.replace("{source}", source))
    total = 0.0
    for token in ids(target, special=False):
        total += log_prob(read[-1], token)
        read.append(token)
    return total


def test_scores_the_targets_tokens_and_no_others() -> None:
    pairs = [("Hello", "Hola"), ("Hello", "Buenos días"), ("北京 {source}", "Pekín"), ("Hello", "")]
    with serving() as server:
        scorer = PromptScorer(client(server), prompt=PROMPT, ending=" end")
        scores = scorer.score(pairs)
        assert scores == pytest.approx([by_hand(s, f"{t} end") for s, t in pairs])
        assert len(set(scores)) == 4 and scorer.straddled == 0
        assert scores == [scorer.score([pair])[0] for pair in pairs]
        # each different prompt is cut once
        assert (
            len([b for b in server.bodies("/completions")[:6] if "prompt_logprobs" not in b]) == 2
        )


def test_a_token_over_the_border_is_counted_and_scored_apart() -> None:
    assert cut("a\n" + "\nb") != cut("a\n") + cut("\nb")
    with serving() as server:
        scorer = PromptScorer(client(server), prompt=PROMPT, ending="\n")
        assert scorer.score([("x", "\nHola"), ("x", "Hola")]) == pytest.approx(
            [by_hand("x", "\nHola\n"), by_hand("x", "Hola\n")]
        )
        assert scorer.straddled == 1
        assert server.bodies("/completions")[-1]["prompt"] == ids("English: x\nSpanish:\n") + ids(
            "\nHola\n", special=False
        )


@pytest.mark.parametrize(
    ("field", "told"), [("prompt_logprobs", "log-probabilities"), ("prompt_token_ids", "tokens of")]
)
def test_a_server_that_cannot_score_is_told_of(field: str, told: str) -> None:
    class Silent(LlmServer):
        def complete(self, body: dict) -> dict:
            reply = super().complete(body)
            reply["choices"][0].pop(field, None)
            return reply

    server = Silent()
    try:
        scorer = PromptScorer(client(server), prompt=PROMPT, ending="\n")
        with pytest.raises(RecipeError, match=rf"must tell the {told}.*vLLM"):
            scorer.score([("a", "b")])
    finally:
        server.stop()


def test_a_scorers_prompt_must_hold_the_source() -> None:
    with serving() as server, pytest.raises(RecipeError, match=r"must hold \{source\}"):
        PromptScorer(client(server), prompt="Spanish:", ending="\n")
