"""A training as a user starts it, killed on the way: the flow, a real Prefect server, the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import real_run
from tests.mt.toy_text import write_recipe, write_text
from xltpipe.mt import checkpoint
from xltpipe.store import Store

pytestmark = pytest.mark.prefect

TOKENS = 12_000


def test_a_killed_training_goes_on_from_its_checkpoint(tmp_path: Path, prefect_server: str) -> None:
    write_text(tmp_path, 200)
    recipe = write_recipe(tmp_path, tokens=TOKENS, save=0.01)
    data, verb = tmp_path / "data", ("models", "train")
    work = data / "store" / "mt-work"
    env = real_run.environment(tmp_path / "prefect", prefect_server)
    first = real_run.start(recipe, data, env, verb)
    real_run.wait_for(lambda: list(work.glob(f"*/{checkpoint.FILE}")), patience=120)
    words = real_run.kill(first)
    (left,) = work.iterdir()
    state = checkpoint.load(left)
    assert state is not None, words
    assert 0 < state["at"]["tokens"] < TOKENS
    second = real_run.start(recipe, data, env, verb)
    words, _ = second.communicate(timeout=200)
    assert second.returncode == 0, words
    flows = real_run.ask(
        prefect_server, "flow_runs/filter", {"flows": {"name": {"any_": ["train-mt"]}}}
    )
    model = data / "models" / "toy"
    assert f"model: {model}" in words
    assert {run["name"] for run in flows} == {"train-mt toy"}
    log = next((data / "store" / "mt-train").glob("*/*/training.jsonl")).read_text()
    steps = [json.loads(line)["step"] for line in log.splitlines()]
    assert steps == sorted(set(steps))
    manifest = next((data / "store" / "mt-train").glob("*/*/manifest.json"))
    counts = json.loads(manifest.read_text())["counts"]
    assert TOKENS <= counts["rows"] < TOKENS + 1000
    assert counts["steps"] > state["at"]["step"]
    assert not any(work.iterdir())
    assert Store(data / "store").sweep() == 0


def test_what_is_in_the_way_is_told_before_training(tmp_path: Path) -> None:
    write_text(tmp_path, 5)
    recipe = write_recipe(tmp_path)
    output = tmp_path / "data" / "models" / "toy"
    output.mkdir(parents=True)
    env = real_run.environment(tmp_path / "prefect", None)
    process = real_run.start(recipe, tmp_path / "data", env, ("models", "train"))
    words, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Output must not be there yet" in words
    assert "--force" in words
