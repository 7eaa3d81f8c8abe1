"""Prices, budgets, waits between tries, and what servers say of texts that are too long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from threading import Thread

import pytest

from xltpipe.translation.chat_answers import Answers
from xltpipe.translation.chat_request import Reply, Sampling, request
from xltpipe.translation.chat_retries import overlong, pause, retry_after
from xltpipe.translation.prices import Budget, Price, listed


def test_a_listed_price_is_of_the_longest_name_that_fits() -> None:
    found = {name: listed(name) for name in ("gpt-4o-mini-2024-07-18", "openai/gpt-4o", "gpt-4ou")}
    assert found["gpt-4o-mini-2024-07-18"] == Price(input=0.15, output=0.6)
    assert found["openai/gpt-4o"] == Price(input=2.5, output=10.0)
    assert found["gpt-4ou"] is None
    assert Price(input=2.0, output=8.0).of(500_000, 250_000) == pytest.approx(3.0)


def test_a_budget_counts_what_is_under_way(tmp_path: Path) -> None:
    one = request([{"role": "user", "content": "x" * 72}], Sampling(0, 1, 1, 100), {}, {})
    with Answers(tmp_path, "me") as mine, Answers(tmp_path, "other") as theirs:
        budget = Budget(700, None, None)  # each takes 72 + 128 + 100 at worst
        assert [budget.take(one, mine) for _ in range(3)] == [True, True, False]
        assert budget.take(one, theirs)  # another's budget
        budget.give_back(one, mine)
        assert budget.take(one, mine)
        mine.put("key", Reply("", tokens_in=50, tokens_out=60), bytes_in=72, seconds=0.1)
        budget.give_back(one, mine)
        assert not budget.take(one, mine)
        budget.give_back(one, mine)
        assert budget.take(one, mine)
        budget.give_back(one, mine)
        budget.give_back(one, theirs)


def test_answers_are_shared_by_processes_and_threads(tmp_path: Path) -> None:
    def write(number: int) -> None:
        with Answers(tmp_path, "me") as answers:
            for n in range(25):
                answers.put(f"{number}-{n}", Reply("x", tokens_in=1), bytes_in=1, seconds=0.0)

    threads = [Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Answers(tmp_path, "me") as answers:
        assert answers.spent().tokens_in == 100
        assert answers.get("3-24") == Reply("x", tokens_in=1)
        assert answers.get("no") is None


def test_waits_grow_and_are_spread_and_heed_the_server() -> None:
    random = Random(1)
    for attempt, most in [(0, 0.5), (3, 4.0), (10, 60.0)]:
        drawn = [pause(attempt, 0.5, None, random) for _ in range(200)]
        assert max(drawn) <= most
        assert min(drawn) < most / 5
        assert max(drawn) > most / 2
    assert all(2.0 <= pause(0, 0.5, 2.0, random) <= 4.0 for _ in range(50))
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert retry_after({"Retry-After": later}) == pytest.approx(30, abs=2)
    assert retry_after({"retry-after": "1.5"}) == 1.5
    for said in ("soon", "nan", "inf", ""):
        assert retry_after({"Retry-After": said}) is None


NEWER = (
    "'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum context "
    "length is 512 tokens and your request has 100 input tokens (1024 > 512 - 100)."
)
OLDER = (
    "This model's maximum context length is 16384 tokens. However, you requested 122946 tokens "
    "(112946 in the messages, 10000 in the completion). Please reduce the length of the messages"
)
PROMPT_ALONE = (
    "This model's maximum context length is 2048 tokens. However, your request has 3000 input "
    "tokens. Please reduce the length of the input messages."
)


@pytest.mark.parametrize(
    ("said", "holds", "prompt", "limit"),
    [
        (NEWER, 512, 100, 412),
        (OLDER, 16384, 112946, None),
        (PROMPT_ALONE, 2048, 3000, None),
        ("the request exceeds the available context size", None, None, None),
    ],
)
def test_what_servers_say_of_texts_that_are_too_long(
    said: str, holds: int | None, prompt: int | None, limit: int | None
) -> None:
    found = overlong(said)
    assert (found.holds, found.prompt, found.limit) == (holds, prompt, limit)
    fault = found.fault("m", said)
    assert fault.startswith("context: ")
    assert holds is None or (str(holds) in fault and str(prompt) in fault)
