"""The recipe's [quality]: what is set is built, checked and part of the key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.projection.toy_tools import ToyTools
from xltpipe.errors import MissingExtraError, RecipeError
from xltpipe.quality import COLUMNS
from xltpipe.quality.settings import Quality
from xltpipe.translation import Copy

JUDGE = {"url": "http://localhost:1/v1", "model": "toy"}


def columns(quality: Quality) -> list[str]:
    return [column.name for scorer in quality.build(ToyTools()) for column in scorer.columns]


LANGUAGES = ["target_language", "source_language", "language_votes"]
"""Always scored, by whatever identifiers are set."""


def test_only_languages_are_on_by_default() -> None:
    assert columns(Quality()) == LANGUAGES
    Quality().check()


def test_what_is_set_is_built() -> None:
    quality = Quality.model_validate({"round_trip": {"engine": {"kind": "copy"}}, "llm": JUDGE})
    assert columns(quality) == [*LANGUAGES, "round_trip", "judged"]
    quality.check()


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"estimation": {}}, MissingExtraError),
        ({"embedding": {"model": "./nowhere"}}, RecipeError),
        ({"llm": JUDGE | {"api_key_file": "/nowhere/key"}}, RecipeError),
        ({"round_trip": {"engine": {"kind": "ctranslate2", "model": "/nowhere"}}}, RecipeError),
    ],
)
def test_what_is_missing_is_met_before_a_run(settings: object, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        Quality.model_validate(settings).check()


def test_an_engine_that_does_not_know_the_way_back_is_met_before_a_run() -> None:
    quality = Quality.model_validate({"round_trip": {}, "llm": JUDGE})
    quality.meet(ToyTools())
    with pytest.raises(RecipeError, match="was: swa"):
        quality.meet(ToyTools(target="swa"))


def test_every_setting_is_part_of_the_scores_key() -> None:
    keys = [
        Quality.model_validate(settings).scoring_identity()
        for settings in (
            {},
            {"round_trip": {}},
            {"round_trip": {"engine": Copy().model_dump()}},
            {"embedding": {}},
            {"embedding": {"pooling": "mean"}},
            {"estimation": {}},
            {"llm": JUDGE},
            {"llm": JUDGE | {"grades": 3}},
        )
    ]
    assert all(keys.count(key) == 1 for key in keys)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Quality.model_validate({"embeding": {}})


def test_known_are_the_scores_that_rows_get() -> None:
    plain, none = Quality(), Quality.model_validate({"duplicates": False})
    assert {"length_ratio", "target_language", "duplicate", "near_duplicate"} <= plain.known()
    assert plain.known() - none.known() == {"label_conflict", "duplicate", "near_duplicate"}
    asked = Quality.model_validate({"round_trip": {"engine": {"kind": "copy"}}, "llm": JUDGE})
    assert asked.known() - plain.known() == {"round_trip", "judged"}
    assert plain.known() < set(COLUMNS)
    assert asked.scored() >= set(columns(asked))


def test_a_combined_model_that_needs_a_score_nobody_gives_is_met_before_a_run(
    tmp_path: Path,
) -> None:
    term = {"center": 1, "scale": 1, "below": 1, "above": 1, "missing": 1}
    for column in ("round_trip", "duplicate"):  # duplicates are chosen by the combined score
        terms = [{"column": "length_ratio", **term}, {"column": column, **term}]
        model = {"terms": terms, "intercept": 0, "most": 5, "threshold": 0.5, "false_alarms": 0.1}
        (tmp_path / "m.json").write_text(json.dumps({"format": 1, **model}))
        quality = Quality.model_validate({"combined": {"model": str(tmp_path / "m.json")}})
        assert "combined" in quality.known()
        with pytest.raises(RecipeError, match=f"was: no {column}; switch on"):
            quality.check()
