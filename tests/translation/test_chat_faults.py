"""Servers that fail in every way a network knows: no row lost, doubled or in another's place."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.chat_server import serving, turned
from xltpipe import progress
from xltpipe.errors import TransientError
from xltpipe.translation import Vllm
from xltpipe.translation.chat_answers import FILE, Answers
from xltpipe.translation.chat_translator import owner

TEXTS = [f"Sentence {n} of many is here." for n in range(150)]
ROOT = Path(__file__).parents[2]


def patient(url: str, **settings: Any) -> Vllm:
    given = {"backoff": 0.01, "timeout": 1.0, "attempts": 40, "concurrency": 16, **settings}
    return Vllm.model_validate({"url": url, "model": "toy", **given})


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        (429, "429"),
        (500, "500"),
        (503, "503"),
        ("close", "connection"),
        ("half", "connection"),
        ("garbage", "garbled"),
        ("list", "garbled"),
        ("empty", "garbled"),
        ("twice", "misdelivered"),
        ("swap", "misdelivered"),
    ],
)
def test_a_server_that_fails_a_third_of_the_time(kind: str | int, counted: str) -> None:
    with serving(latency=0.001) as server:
        server.fault_rate, server.fault_kinds = 0.3, [kind]
        translator = patient(server.url).build("eng", "spa")
        done = translator.translate(TEXTS, "eng", "spa")
    assert [one.text for one in done] == list(map(turned, TEXTS))
    counts = translator.counts  # type: ignore[attr-defined]
    assert counts[f"server:{counted}"] > 10
    assert counts["requests"] == len(TEXTS)


def test_all_at_once_and_a_hang() -> None:
    kinds: list[int | str] = [429, 500, "close", "half", "garbage", "twice", "swap"]
    with serving(latency=0.001) as server:
        server.fault_rate, server.fault_kinds = 0.4, kinds
        server.faults.extend(["hang"] * 4)
        done = patient(server.url).build("eng", "spa").translate(TEXTS, "eng", "spa")
    assert [one.text for one in done] == list(map(turned, TEXTS))


def test_answers_doubled_by_a_server_that_tells_no_ids() -> None:
    """Nothing but a connection of its own then tells whose answer it is."""
    with serving() as server:
        server.echoes = False
        server.fault_rate, server.fault_kinds = 0.5, ["twice"]
        done = patient(server.url).build("eng", "spa").translate(TEXTS, "eng", "spa")
    assert [one.text for one in done] == list(map(turned, TEXTS))


def test_a_storm_of_429_is_waited_out_as_the_server_asks() -> None:
    with serving() as server:
        server.retry_after = "0.4"
        server.faults.extend([429] * 16)
        started = time.monotonic()
        done = patient(server.url).build("eng", "spa").translate(TEXTS[:16], "eng", "spa")
        assert time.monotonic() - started >= 0.4
        assert len(server.bodies) == 32
    assert [one.text for one in done] == list(map(turned, TEXTS[:16]))


def test_many_requests_are_under_way_at_once() -> None:
    with serving(latency=0.5) as server:
        patient(server.url, concurrency=96, timeout=20.0).build("eng", "spa").translate(
            TEXTS, "eng", "spa"
        )
        assert server.most_at_once == 96
    assert Vllm(url="http://localhost:1/v1", model="toy").concurrency == 64


def test_what_was_answered_before_the_server_died_is_kept(tmp_path: Path) -> None:
    with serving() as server:
        spec = patient(server.url, attempts=3, cache=tmp_path, concurrency=4)
        good = 40
        inner = server.rule

        def dies(body: dict[str, Any]) -> Any:
            if len(server.answered) >= good:
                server.fault_rate, server.fault_kinds = 1.0, ["close"]
            return inner(body)

        server.rule = dies
        with pytest.raises(TransientError, match="what it answered is kept"):
            spec.build("eng", "spa").translate(TEXTS, "eng", "spa")
        first = Counter(server.answered)
        server.rule, server.fault_rate = inner, 0.0
        done = spec.build("eng", "spa").translate(TEXTS, "eng", "spa")
        assert [one.text for one in done] == list(map(turned, TEXTS))
        assert good <= len(first) < len(TEXTS)
        assert set(server.answered.values()) == {1}


def test_a_run_that_is_stopped_ends_at_once_and_keeps_its_answers(tmp_path: Path) -> None:
    class Stopper:
        def expect(self, step: str, rows: int) -> None: ...

        def tick(self, step: str, rows: int) -> None:
            if len(server.answered) > 20:
                progress.stop()

    with serving(latency=0.02) as server:
        spec = patient(server.url, cache=tmp_path, concurrency=4)
        progress.listen(Stopper())
        try:
            with pytest.raises(progress.Stopped):
                spec.build("eng", "spa").translate(TEXTS, "eng", "spa")
        finally:
            progress.listen(None)
            progress.resume()
        with Answers(tmp_path, owner(spec.identity())) as answers:
            kept = answers.spent().requests
        assert kept >= 20
        time.sleep(0.2)  # what was given up may still reach the server
        sent = len(server.bodies)
        spec.build("eng", "spa").translate(TEXTS, "eng", "spa")
        assert len(server.bodies) - sent == len(TEXTS) - kept


# Processes that are killed


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def started(port: int, log: Path, latency: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.chat_server", str(port), str(log), str(latency)]
    server = subprocess.Popen(command, cwd=ROOT)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return server
    raise AssertionError("server must start in 30 s")


def test_a_server_killed_and_started_again_in_the_middle(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    server = started(port, log, 0.02)

    class Killer:
        done = 0

        def expect(self, step: str, rows: int) -> None: ...

        def tick(self, step: str, rows: int) -> None:
            nonlocal server
            self.done += rows
            if self.done >= 50 and server.poll() is None and not self.again:
                server.kill()
                server.wait()
                self.again = True
                server = started(port, log, 0.02)

        again = False

    killer = Killer()
    progress.listen(killer)
    try:
        spec = patient(f"http://127.0.0.1:{port}/v1", concurrency=8, cache=tmp_path)
        translator = spec.build("eng", "spa")
        done = translator.translate(TEXTS, "eng", "spa")
    finally:
        progress.listen(None)
        server.kill()
        server.wait()
    assert killer.again
    assert translator.counts["server:connection"] > 0  # type: ignore[attr-defined]
    assert [one.text for one in done] == list(map(turned, TEXTS))
    assert len(log.read_text().splitlines()) <= len(TEXTS) + 8  # those under way at the kill


WORK = """
import json, sys
from pathlib import Path
from xltpipe.translation import Vllm
url, cache, texts, out = sys.argv[1:]
spec = Vllm(url=url, model="toy", cache=Path(cache), concurrency=8, backoff=0.01)
texts = json.loads(Path(texts).read_text())
done = spec.build("eng", "spa").translate(texts, "eng", "spa")
Path(out).write_text(json.dumps([one.text for one in done]))
"""


def kept_keys(cache: Path) -> set[str]:
    import sqlite3

    if not (cache / FILE).is_file():
        return set()
    base = sqlite3.connect(cache / FILE)
    try:
        return {key for (key,) in base.execute("SELECT key FROM answers")}
    except sqlite3.OperationalError:  # killed before the table was made
        return set()
    finally:
        base.close()


@pytest.mark.parametrize("wanted", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_our_own_process_killed_at_random_asks_for_nothing_twice(
    wanted: int, tmp_path: Path
) -> None:
    from xltpipe.durable import digest_json

    port, log = free_port(), tmp_path / "log"
    texts, out = tmp_path / "texts.json", tmp_path / "out.json"
    every = [f"Sentence {n} of a great many is here." for n in range(75 * wanted)]
    texts.write_text(json.dumps(every))
    server = started(port, log, 0.04)
    chance = random.Random(3)
    kills, known, lines = 0, set[str](), 0
    found: list[int] = []
    try:
        for _ in range(40):
            log.touch()
            command = [sys.executable, "-c", WORK, f"http://127.0.0.1:{port}/v1", str(tmp_path)]
            work = subprocess.Popen([*command, str(texts), str(out)], cwd=ROOT)
            end = time.monotonic() + chance.uniform(0.05, 0.4)
            while work.poll() is None and (
                kills == wanted
                or time.monotonic() < end
                or len(log.read_text().splitlines()) == lines
            ):
                if len(log.read_text().splitlines()) == lines:
                    end = time.monotonic() + chance.uniform(0.05, 0.4)  # from its first answer
                time.sleep(0.01)
            if work.poll() is None:
                os.kill(work.pid, signal.SIGKILL)
                work.wait()
                kills += 1
            time.sleep(0.1)  # the server finishes what it was doing
            sent = [
                digest_json([json.loads(one), {"root": "weights-1"}])
                for one in log.read_text().splitlines()
            ]
            assert not known & set(sent[lines:])  # what we had on disk was not asked for again
            known, lines = kept_keys(tmp_path), len(sent)
            found.append(len(known))
            if out.exists():
                break
    finally:
        server.kill()
        server.wait()
    assert kills == wanted
    assert any(0 < number < len(every) for number in found)  # at least one kill in the middle
    assert json.loads(out.read_text()) == list(map(turned, every))
    assert len(known) == len(every)
    assert max(Counter(sent).values()) <= 1 + kills
    assert lines <= len(every) + kills * 8  # at most what was under way at each kill
