"""The client against a server that runs: XLTPIPE_SERVER=http://localhost:8000/v1 and its model.

Any vLLM will do, with any model: asserted is what follows from the protocol, not from the weights.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.examples import SCRIPTS, unit
from tests.projection.toy_tools import ToyTools
from xltpipe.projection.llm import Llm
from xltpipe.translation import Vllm
from xltpipe.translation.server import Server
from xltpipe.translation.server_answers import Question
from xltpipe.translation.server_scorer import PromptScorer

URL = os.environ.get("XLTPIPE_SERVER", "")
MODEL = os.environ.get("XLTPIPE_SERVER_MODEL", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (URL and MODEL), reason="XLTPIPE_SERVER, XLTPIPE_SERVER_MODEL not set"),
]


def test_answers_are_held_to_choices_and_their_probability_is_their_share() -> None:
    client = Server(url=URL, model=MODEL).client()
    choices, draws = ("Ana", "Eva", "el Reino Unido", 'a "b" [c] \\ d'), 300
    question = Question("Which?", 64, choice=choices)
    drawn = [Question("Which?", 64, choice=choices, temperature=1.0, seed=k) for k in range(draws)]
    answers = client.chat([question, *drawn])
    assert {answer.text for answer in answers} <= set(choices)
    shares = Counter(answer.text for answer in answers[1:])
    for answer in answers:
        assert answer.whole and answer.probability is not None
        # 4 standard deviations; one text may be cut in several ways, each with its own share
        assert answer.probability <= shares[answer.text] / draws + 4 * (0.25 / draws) ** 0.5


@pytest.mark.parametrize("mode", ["choice", "regex"])
def test_every_script_can_be_asked_for(mode: str) -> None:
    units = [unit(example, example.texts[0]) for example in SCRIPTS]
    done = Llm(url=URL, model=MODEL, mode=mode).build(ToyTools()).project(units)
    placements = [p for one in done for p in one.placements]
    assert {p.reason for p in placements} <= {None, "overlap"}
    assert any(p.target is not None for p in placements)


@pytest.mark.parametrize("prompt", ["English: {source}\nSpanish:\n", "English: {source} Spanish: "])
def test_scores_are_sums_over_the_targets_tokens(prompt: str) -> None:
    client = Server(url=URL, model=MODEL).client()
    scorer = PromptScorer(client, prompt=prompt, ending="\n")
    pairs = [("hello", "hola"), ("hello", "buenos días"), ("北京", "Pekín")]
    scores = scorer.score(pairs)
    assert all(score < 0 for score in scores)
    if scorer.straddled == 0:
        whole = client.prompt_log_probs(
            [prompt.replace("{source}", s) + t + "\n" for s, t in pairs]
        )
        before = client.prompt_log_probs([prompt.replace("{source}", s) for s, _ in pairs])
        sums = [sum(w.log_probs) - sum(b.log_probs) for w, b in zip(whole, before, strict=True)]
        assert scores == pytest.approx(sums, abs=1e-2)


@pytest.mark.parametrize("mode", ["json", "free"])
def test_texts_are_translated_each_by_its_own_request(mode: str) -> None:
    """With any weights: every text has a translation or a fault, and answers bear our ids."""
    texts = [f"Ana lives in house number {n}." for n in range(100)]
    spec = Vllm(
        url=URL, model=MODEL, prompt={"kind": "chat", "mode": mode}, retries=0, max_output_tokens=24
    )
    translator = spec.build("eng", "spa")
    done = translator.translate(texts, "eng", "spa")
    counts = translator.counts
    assert all(one.text or one.fault for one in done)
    assert counts["requests"] == len(texts)
    assert counts["prompt_tokens"] > 100 * 20
    assert not {name for name in counts if name.startswith("server:")}
    # an answer held to JSON may be cut off by the limit, but is never of another form
    words = {str(one.fault).partition(":")[0] for one in done if one.fault}
    assert mode == "free" or "not_json" not in words


def test_a_text_too_long_for_the_server_is_a_fault_with_both_numbers() -> None:
    spec = Vllm(url=URL, model=MODEL, retries=0)
    texts = ["Ana lives here.", "word " * 200_000]
    done = spec.build("eng", "spa").translate(texts, "eng", "spa")
    assert "context" not in str(done[0].fault)
    assert str(done[1].fault).startswith("context: text needs ")
    assert len([n for n in str(done[1].fault).split() if n.isdigit()]) == 2
