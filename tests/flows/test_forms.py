"""The forms that Prefect's interface makes of our parameters: valid, with words and choices."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import is_valid_schema, validate

from flows.compare import launch_comparison
from flows.deployments import FILE, built, read
from flows.launch import launch, launch_training
from flows.watch import watch
from xltpipe.errors import RecipeError
from xltpipe.recipe import Recipe

FLOWS = [launch, launch_comparison, launch_training, watch]


def schema(flow: Any) -> dict[str, Any]:
    return parameter_schema(flow).model_dump_for_openapi()


@pytest.mark.parametrize("flow", FLOWS, ids=lambda f: f.name)
def test_every_parameter_has_a_description(flow: Any) -> None:
    made = schema(flow)
    jsonschema.Draft202012Validator.check_schema(made)
    is_valid_schema(made)
    told = {name: said.get("description", "") for name, said in made["properties"].items()}
    assert all(len(text) > 10 for text in told.values()), told


def test_the_recipe_of_a_form_has_words_choices_and_kinds() -> None:
    recipe = schema(launch)["definitions"]["Recipe"]["properties"]
    assert set(recipe) == set(Recipe.model_fields)
    assert all(
        (field.get("description") and "title" in field)
        or "$ref" in field
        or field.get("description")
        for field in recipe.values()
    )
    assert recipe["strategies"]["items"]["enum"][0] == "corpus"
    assert recipe["on_error"]["enum"] == ["fail", "quarantine"]
    kinds = recipe["translation"]["discriminator"]
    assert kinds["propertyName"] == "kind"
    assert {"ctranslate2", "vllm", "copy"} <= set(kinds["mapping"])
    rules = schema(launch)["definitions"]["Rules"]["properties"]
    assert "ratio" in rules["length_ratio"]["description"]


@pytest.mark.parametrize(
    ("parameters", "valid"),
    [
        ({"recipe": "quickstart"}, True),
        ({"recipe": "quickstart", "targets": ["glg"], "limit": 5}, True),
        ({"recipe": "quickstart", "changes": {"translation.beam": 4, "tests": None}}, True),
        (
            {"recipe": {"name": "x", "targets": ["spa"], "train": {"kind": "conll", "path": "a"}}},
            True,
        ),
        ({"recipe": {"name": "x", "targets": [], "train": {"kind": "conll", "path": "a"}}}, False),
        (
            {"recipe": {"name": "x", "targets": ["spa"], "train": {"kind": "pdf", "path": "a"}}},
            False,
        ),
        ({"recipe": "quickstart", "strategies": ["translate"]}, False),
        ({"recipe": "quickstart", "limit": 0}, False),
        ({}, False),
    ],
)
def test_a_server_checks_parameters_as_we_do(parameters: dict[str, Any], *, valid: bool) -> None:
    assert (validate(parameters, schema(launch)) == []) is valid


def test_the_file_of_the_checkout_can_be_deployed() -> None:
    known = read(FILE)
    names = [entry.name for entry in known.entries]
    assert len(set(names)) == len(names) >= 7
    for entry in known.entries:
        assert entry.work_pool.name in known.pools
        made = built(entry, entry.work_pool)
        assert (
            validate(entry.parameters, made._parameter_openapi_schema.model_dump_for_openapi())
            == []
        )
        assert made.entrypoint == entry.entrypoint
    assert "experiment-docker" not in [entry.name for entry in known.served([])]
    kinds = [s for entry in known.entries for s in entry.schedules]
    assert any("cron" in s for s in kinds)
    assert any("interval" in s for s in kinds)


def test_names_and_pools_that_are_not_there_are_told() -> None:
    known = read(FILE)
    with pytest.raises(RecipeError, match=r"Deployment must be one of experiment, .*, was: nope"):
        known.named(["nope"], None)
    with pytest.raises(RecipeError, match="Deployment must be in the work pool, was: none in 'x'"):
        known.named([], "x")
