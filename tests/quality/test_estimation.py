"""COMET in a process of its own: a real process, with a stand-in for the package in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.examples import example, unit
from tests.quality.stand_in_comet import checkpoint, environment
from xltpipe import progress
from xltpipe.errors import DataError, MissingExtraError, RecipeError
from xltpipe.quality import estimation_process
from xltpipe.quality.batch import Batch
from xltpipe.quality.estimation import COLUMN, LICENCES, Estimation
from xltpipe.quality.text_pairs import Texts

PAIRS = [("house", "casa"), ("a", "uno"), ("", "casa"), ("house", "casa"), ("王芳在", "Wang Fang")]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    return environment(tmp_path_factory.mktemp("comet") / "venv")


@pytest.fixture
def model(tmp_path: Path) -> str:
    return checkpoint(tmp_path / "model")


def batch(pairs: Sequence[Texts]) -> Batch:
    return Batch.of([unit(example(s, id=f"row {n}"), t) for n, (s, t) in enumerate(pairs)])


def scorer(python: str, model: str, **settings: Any) -> Any:
    return Estimation(model=model, python=python, **settings).build("eng", "spa")


def test_scores_are_those_of_the_model_in_order(python: str, model: str) -> None:
    asked = scorer(python, model)
    found = asked.score(batch(PAIRS))[0]
    assert np.array_equal(found, [0.99, 0.98, np.nan, 0.99, 0.94], equal_nan=True)
    alone = [scorer(python, model).score(batch([pair]))[0][0] for pair in PAIRS]
    assert np.array_equal(found, alone, equal_nan=True)
    assert len(asked.score(batch([]))[0]) == 0
    assert not COLUMN.limits and not COLUMN.usual  # scales differ by model


def test_the_model_is_loaded_once(python: str, model: str) -> None:
    before = len(estimation_process._processes)
    for _ in range(3):
        scorer(python, model).score(batch(PAIRS))
    assert len(estimation_process._processes) == before + 1


@pytest.mark.parametrize(
    ("rules", "cut"), [("{}", 1), ('{"hparams": {"input_segments": ["mt", "src"]}}', 2)]
)
def test_texts_that_comet_cuts_are_counted(
    python: str, tmp_path: Path, rules: str, cut: int
) -> None:
    progress.notes.clear()
    asked = scorer(python, checkpoint(tmp_path / "m", rules))
    asked.score(batch([("a" * 19, "b"), ("a" * 18, "b" * 18), ("a" * 9, "b" * 9)]))
    assert asked.counts == {"estimation_cut": cut}
    assert "estimated by their beginnings" in progress.notes[0]
    progress.notes.clear()


def test_a_score_that_is_no_number_names_its_row(python: str, model: str) -> None:
    with pytest.raises(DataError, match=r"estimation must be a finite number, was: nan .*'row 1'"):
        scorer(python, model).score(batch([("a", "b"), ("nan", "b")]))


def test_a_model_that_needs_references_is_refused(python: str, tmp_path: Path) -> None:
    name = checkpoint(tmp_path / "m", '{"requires_references": true}')
    with pytest.raises(RecipeError, match="needs references"):
        scorer(python, name).score(batch(PAIRS))


def test_a_model_that_cannot_be_had(python: str) -> None:
    with pytest.raises(RecipeError, match=r"'owner/nothing' not supported.*check the name"):
        scorer(python, "owner/nothing").score(batch(PAIRS))


def test_a_process_that_breaks_says_why_and_is_started_again(python: str, model: str) -> None:
    told = "ended with status 9 .*Killed for memory.*lower batch_size"
    with pytest.raises(RecipeError, match=told):
        scorer(python, model).score(batch([("die", "b")]))
    assert scorer(python, model).score(batch([("a", "b")]))[0] == [1.0]


def test_pairs_that_the_model_fails_on_are_faults_of_the_data(python: str, model: str) -> None:
    asked = scorer(python, model)
    with pytest.raises(DataError, match=r"must score 2 pairs, was: RuntimeError: mat1 and mat2"):
        asked.score(batch([("raise", "b"), ("a", "b")]))
    running = len(estimation_process._processes)
    assert asked.score(batch([("a", "b")]))[0] == [1.0]
    assert len(estimation_process._processes) == running


def test_the_process_ends_with_its_input(python: str, model: str) -> None:
    scorer(python, model).score(batch(PAIRS))
    process = list(estimation_process._processes.values())[-1]
    assert not process.broken
    assert process._running.stdin is not None
    process._running.stdin.close()
    assert process._running.wait(5) == 0


def test_without_the_package() -> None:
    with pytest.raises(MissingExtraError, match=r"environment of its own: python -m venv comet"):
        Estimation().check()  # our numpy is none for unbabel-comet


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"python": "/nowhere/python"}, "python of estimation must be an interpreter"),
        ({"model": "/nowhere/model.ckpt"}, "must be a checkpoint, the folder"),
        ({"model": "./nowhere"}, "must be a checkpoint, the folder"),
        ({"model": "a/b/c"}, "must be a checkpoint, the folder"),
        ({"model": "name"}, "must be a checkpoint, the folder"),
    ],
)
def test_wrong_settings(settings: dict[str, str], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        Estimation(**settings).check()  # type: ignore[arg-type]


def test_a_checkpoint_without_its_settings(tmp_path: Path, model: str) -> None:
    Path(model, "hparams.yaml").unlink()
    with pytest.raises(RecipeError, match=r"must have a hparams\.yaml"):
        Estimation(model=model).fingerprint()


def test_identity_goes_by_content(tmp_path: Path, model: str) -> None:
    one, inside = Estimation(model=model), str(Path(model, "checkpoints", "model.ckpt"))
    assert len(one.identity()["model!"]) == 64 and "model" not in one.identity()
    assert Estimation(model=inside, python="x", batch_size=2).identity() == one.identity()
    other = Estimation(model=checkpoint(tmp_path / "other", '{"other": 1}'))
    assert other.identity() != one.identity()
    assert Estimation().identity()["model!"] == "Unbabel/wmt20-comet-qe-da"


def test_licences_are_known_or_said_to_be_unknown() -> None:
    assert Estimation().licence_known == "apache-2.0"
    assert Estimation(model="Unbabel/wmt22-cometkiwi-da").licence_known == "cc-by-nc-sa-4.0"
    assert Estimation(model="owner/mine").licence_known == "not stated"
    assert Estimation(model="owner/mine", licence="mit").licence_known == "mit"
    assert all(name.startswith("Unbabel/") for name in LICENCES)
