"""Subsample: the seed draws the rows, by their ids, and any trainer learns from them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.training.tiny import settings, tiny
from tests.training.toy import questions, toy
from xltpipe.errors import DataError
from xltpipe.protocols import Resuming
from xltpipe.training import AnswerRanker, Averaged, Crf, SelfDistillation, Subsample, Tfidf
from xltpipe.training.subsample import drawn


def test_a_seed_draws_its_share_and_another_seed_others() -> None:
    ids = [f"row-{n}" for n in range(20_000)]
    first, second = ([i for i in ids if drawn(i, 0.8, seed)] for seed in (1, 2))
    assert len(first) / len(ids) == pytest.approx(0.8, abs=0.01)
    assert len(set(first) & set(second)) / len(ids) == pytest.approx(0.64, abs=0.015)


def test_what_is_drawn_does_not_depend_on_the_other_rows() -> None:
    assert [drawn(f"r{n}", 0.5, 3) for n in range(8)] == [drawn(f"r{n}", 0.5, 3) for n in range(8)]
    half = {f"r{n}" for n in range(500) if drawn(f"r{n}", 0.5, 3)}
    most = {f"r{n}" for n in range(500) if drawn(f"r{n}", 0.8, 3)}
    assert half < most


def test_seeds_give_other_models_that_load_as_their_trainer_would(tmp_path: Path) -> None:
    rows = [replace(e, id=f"{k}-{e.id}") for k in range(12) for e in toy()]
    spec = Subsample(share=0.5, of=Crf(max_iterations=5))
    models = []
    for seed in (1, 2, 1):
        home = tmp_path / f"{len(models)}"
        spec.build(seed).train(iter(rows), iter([]), home)
        report = json.loads((home / "report.json").read_text())
        assert report["rows_drawn"] == sum(drawn(e.id, 0.5, seed) for e in rows)
        assert len(spec.load(home).predict(toy())) == len(toy())
        models.append((home / "model.crfsuite").read_bytes())
    assert models[0] == models[2] != models[1]


def test_settings() -> None:
    assert Subsample(share=0.8, of=Crf()).told == "crf@0.8"
    with pytest.raises(ValidationError, match="less than 1"):
        Subsample(share=1, of=Crf())


def test_no_row_drawn_is_told(tmp_path: Path) -> None:
    for task, of, rows in (
        ("spans", Crf(), toy()),
        ("classification", Tfidf(), toy()),
        ("qa", AnswerRanker(), questions()),
    ):
        trainer = Subsample(share=1e-9, of=of).build(1, task)  # type: ignore[arg-type]
        with pytest.raises(DataError, match=f"by which seed 1 drew none of {len(rows)} rows"):
            trainer.train(iter(rows), iter([]), tmp_path / task)
    trainer = Subsample(share=0.5, of=Crf()).build(1)
    with pytest.raises(DataError, match="0 examples without a word"):  # there was nothing to draw
        trainer.train(iter([]), iter([]), tmp_path / "none")


def test_trainers_over_trainers_learn_from_the_share_too(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    answers = SelfDistillation.model_validate(settings(epochs=2, max_tokens=40))
    for task, of, rows in (
        ("spans", Averaged(trainer=tiny(epochs=2)), toy()),
        ("qa", answers, questions()),
    ):
        trainer = Subsample(share=0.8, of=of).build(1, task)  # type: ignore[arg-type]
        assert isinstance(trainer, Resuming)
        trainer.keep(tmp_path / "kept")
        trainer.train(iter(rows), iter([]), tmp_path / task)
        report = json.loads((tmp_path / task / "report.json").read_text())
        assert report["rows_drawn"] == report["examples"] == sum(drawn(e.id, 0.8, 1) for e in rows)
        assert not (tmp_path / "kept").exists()
    with pytest.raises(ValidationError, match="filter"):
        Subsample.model_validate({"share": 0.8, "of": settings(kind="filter")})
