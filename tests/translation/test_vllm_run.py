"""A run with a language model: rows, counts, costs, the plan before and the words after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chat_server import ChatServer, said, sent_text, serving, turned
from tests.toy_recipe import toy_recipe
from tests.toy_run import read, run
from xltpipe import steps, tables
from xltpipe.catalogue import connect
from xltpipe.cli import render
from xltpipe.errors import DataError, RecipeError
from xltpipe.estimate import estimate
from xltpipe.plan import plan
from xltpipe.recipe import Recipe
from xltpipe.store import Store
from xltpipe.translation.caching import FOLDER


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def recipe(
    folder: Path, server: ChatServer, settings: dict[str, Any] | None = None, **more: Any
) -> Recipe:
    engine = {"kind": "vllm", "url": server.url, "model": "toy", "backoff": 0.01}
    return toy_recipe(folder, translation={**engine, **(settings or {})}, **more)


def translated(of: Recipe, store: Store) -> list[tuple[str, str | None]]:
    out = []
    for shard in read(of, store):
        made = store.make(steps.translate(of, store, shard, "eng", "spa"))[0]
        for unit in tables.table_to_units(store.read(made)):
            out.append((unit.received[0].text if unit.received else "", unit.error))
    return out


def manifests(store: Store) -> list[dict[str, Any]]:
    import json

    found = sorted((store.root / "translate").rglob("manifest.json"))
    return [json.loads(path.read_bytes())["counts"] for path in found]


def test_rows_counts_and_price_of_a_run(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = {"input": 3.0, "output": 9.0}
    with serving() as server:
        of = recipe(tmp_path, server, {"price": price})
        run(of, store)
        texts = [sent_text(body) for body in server.bodies]
    counts = manifests(store)
    assert sum(each["requests"] for each in counts) == len(texts) == 6
    assert sum(each["rows"] for each in counts) == 6
    paid = sum(e["prompt_tokens"] * 3 + e["completion_tokens"] * 9 for e in counts) / 1e6
    assert sum(each["price_usd"] for each in counts) == pytest.approx(paid, abs=1e-5)
    lines: list[str] = []
    monkeypatch.setattr(render.console, "print", lambda *said, **_: lines.append(str(said[0])))
    with connect(store) as connection:
        render.summary(connection, of.run)
    assert f"language model: {paid:.4f} USD by the price that was given" in "\n".join(lines)


def test_what_a_shard_that_died_had_paid_for_is_not_paid_again(
    tmp_path: Path, store: Store
) -> None:
    with serving() as server:
        server.fault_rate, server.fault_kinds = 1.0, [500]
        of = recipe(tmp_path, server, {"attempts": 1, "concurrency": 1})
        shard = read(of, store)[0]
        rule = server.rule

        def dies(body: dict[str, Any]) -> Any:
            if len(server.answered) == 1:
                server.fault_rate = 1.0
            return rule(body)

        server.rule, server.fault_rate = dies, 0.0
        with pytest.raises(Exception, match="must answer, was: 500"):
            store.make(steps.translate(of, store, shard, "eng", "spa"))
        assert (store.root / FOLDER).is_dir()
        before = set(server.answered)
        assert len(before) == 2
        server.fault_rate, server.rule = 0.0, rule
        store.make(steps.translate(of, store, shard, "eng", "spa"))
        assert set(server.answered.values()) == {1}
    (counts,) = manifests(store)
    assert (counts["answers_reused"], counts["requests"]) == (2, 2)


def refusing(body: dict[str, Any]) -> str:
    text = sent_text(body)
    return said(body, "I'm sorry, but I can't." if "rains" in text else turned(text))


def test_a_row_that_cannot_be_translated_is_quarantined_or_fails_by_name(
    tmp_path: Path, store: Store
) -> None:
    with serving(refusing) as server:
        done = translated(recipe(tmp_path, server, on_error="quarantine"), store)
        errors = [error for _, error in done if error is not None]
        assert len(done) == 6
        (error,) = errors
        assert error.startswith("translate: refusal: ")
        with pytest.raises(DataError, match=r"refusal: .*\(3 attempts\) \(example 'train-3'\)"):
            translated(recipe(tmp_path, server), store)
    counts = manifests(store)
    assert [sum(each.get(what, 0) for each in counts) for what in ("faults", "fault:refusal")] == [
        1,
        1,
    ]


def test_a_plan_tells_tokens_and_price_and_sends_nothing(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(render.console, "print", lambda *said, **_: lines.append(str(said[0])))
    price = {"input": 3.0, "output": 9.0, "currency": "EUR"}
    with serving(latency=0.02) as server:
        of = recipe(tmp_path, server, {"price": price, "budget_tokens": 300})
        stages = plan(of, store)
        first = estimate(of, store, stages)
        assert first is not None
        assert not server.bodies
        assert (first.rows, first.seconds, first.currency) == (6, None, "EUR")
        assert 300 < first.tokens < 3000
        assert first.budget == "budget_tokens 300"
        render.plan(of, stages, first)
        assert "time not known before the first answers, about 0.00" in lines[-2]
        assert "goes beyond budget_tokens 300" in lines[-1]

        with pytest.raises(RecipeError, match="Budget must cover"):
            translated(of, store)
        assert not server.bodies  # not even one fits
        rich = recipe(tmp_path, server, {"price": price})
        store.make(steps.translate(rich, store, read(rich, store)[0], "eng", "spa"))
        later = estimate(rich, store, plan(rich, store))
        assert later is not None
        assert (later.rows, later.budget) == (2, None)
        assert later.seconds is not None
        left = len(server.bodies)
        before = manifests(store)[0]["prompt_tokens"] + manifests(store)[0]["completion_tokens"]
        translated(rich, store)
        assert len(server.bodies) == left + 2
        after = sum(e["prompt_tokens"] + e["completion_tokens"] for e in manifests(store))
    assert later.tokens == pytest.approx(after - before, rel=0.25)  # by what was measured


def test_files_of_a_prompt_lie_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("Hello.\tHola.\n")
    with serving() as server:
        prompt = {"kind": "few_shot", "examples": "pairs.tsv"}
        of = recipe(tmp_path, server, {"prompt": prompt})
    assert getattr(of.translation, "prompt").examples == tmp_path / "pairs.tsv"  # noqa: B009
