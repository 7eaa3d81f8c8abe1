"""The learned combination: its numbers by hand, its file, and what is refused."""

from __future__ import annotations

import json
from math import exp, isnan, nan
from pathlib import Path

import numpy as np
import pytest

from xltpipe.errors import RecipeError
from xltpipe.quality.combination import Combination, Model, Term, read, write

TERM = Term(column="length_ratio", center=1.0, scale=0.5, below=-2.0, above=-1.0, missing=-0.25)
MODEL = Model(
    terms=(TERM, Term(column="copied", center=0, scale=0.1, below=0, above=-3.0, missing=0.5)),
    intercept=4.0,
    most=4.0,
    threshold=0.6,
    false_alarms=0.02,
    signature={"rows": 100, "seed": 1},
)


@pytest.mark.parametrize(
    ("ratio", "copied", "total"),
    [
        (1.0, 0.0, 4.0),
        (0.5, 0.0, 2.0),  # one scale below
        (2.0, 0.0, 2.0),  # two scales above
        (100.0, 0.0, 0.0),  # cut at four
        (1.0, 0.2, -2.0),
        (nan, 0.0, 3.75),
        (1.0, nan, 4.5),
        (nan, nan, None),
    ],
)
def test_probability(ratio: float, copied: float, total: float | None) -> None:
    scores = {"length_ratio": np.array([ratio]), "copied": np.array([copied])}
    found = MODEL.combined(scores)[0]
    if total is None:
        assert isnan(found)
    else:
        assert found == pytest.approx(1 / (1 + exp(-total)), abs=1e-12)


def test_rows_do_not_hang_on_their_neighbours_and_extremes_stay_in_range() -> None:
    random = np.random.default_rng(1)
    scores = {name: random.normal(0, 1e3, 500) for name in MODEL.columns}
    whole = MODEL.combined(scores)
    one_by_one = [
        MODEL.combined({k: v[n : n + 1] for k, v in scores.items()})[0] for n in range(500)
    ]
    assert whole.tolist() == one_by_one
    assert ((whole >= 0) & (whole <= 1)).all()
    assert len(MODEL.combined({name: np.zeros(0) for name in MODEL.columns})) == 0


def test_file_there_and_back(tmp_path: Path) -> None:
    write(MODEL, tmp_path / "a.json")
    assert read(tmp_path / "a.json") == MODEL
    spec = Combination(model=tmp_path / "a.json")
    assert spec.build(known=["copied", "length_ratio", "more"]) == MODEL


def test_identity_is_the_content_not_the_place(tmp_path: Path) -> None:
    write(MODEL, tmp_path / "a.json")
    write(MODEL, tmp_path / "b.json")
    write(MODEL.model_copy(update={"intercept": 4.5}), tmp_path / "c.json")
    a, b, c = (Combination(model=tmp_path / f"{n}.json").identity() for n in "abc")
    assert a == b != c


def test_a_column_that_is_not_scored_is_named() -> None:
    with pytest.raises(RecipeError, match=r"was: no copied; switch on"):
        MODEL.combined({"length_ratio": np.ones(2)})


def test_unknown_columns_are_named(tmp_path: Path) -> None:
    write(MODEL, tmp_path / "a.json")
    with pytest.raises(RecipeError, match="must use known scores, was: copied"):
        Combination(model=tmp_path / "a.json").build(known=["length_ratio"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "format must be 1, was: 2"),
        ({"intercept": None}, "intercept"),
        ({"terms": []}, "terms"),
        ({"threshold": 1.5}, "threshold"),
        ({"more": 1}, "more"),
        ({"terms": [TERM.model_dump() | {"below": None}]}, "terms.0.below"),
        ({"terms": [TERM.model_dump() | {"scale": 0}]}, "terms.0.scale"),
        ({"terms": [TERM.model_dump(), TERM.model_dump()]}, "columns must be distinct"),
        ({"terms": [TERM.model_dump() | {"column": "combined"}]}, "columns must be distinct"),
    ],
)
def test_wrong_models_are_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    file = tmp_path / "m.json"
    file.write_text(json.dumps(MODEL.model_dump(mode="json") | change), encoding="utf-8")
    with pytest.raises(RecipeError, match=words):
        read(file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json", "must be JSON"),
        ("[]", "must be valid"),
        ('{"intercept": NaN}', "number NaN"),
        ('{"intercept": Infinity}', "number Infinity"),
        (json.dumps(MODEL.model_dump(mode="json")).replace("4.0", "1e999"), "finite"),
    ],
)
def test_broken_files_are_told(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "m.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=f"{words}.*m.json"):
        read(file)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="quality suggest RUN --method learned"):
        Combination(model=tmp_path / "none.json").fingerprint()
