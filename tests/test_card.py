"""The card: a header that hubs read, numbers that add up, a recipe that makes the run again."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests import toy_run
from tests.toy_recipe import RULES, toy_recipe
from xltpipe import __version__, card_tables, tables
from xltpipe.card import Part, readme
from xltpipe.card_header import header, tasks
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import parse
from xltpipe.recipe_text import to_toml
from xltpipe.store import Store
from xltpipe.tally import named, tally
from xltpipe.types import Example, Placement, Span, Unit

COUNTS = {
    "rows_in": 7,
    "rows": 5,
    "rejected": 1,
    "quarantined": 1,
    "masked": 0,
    "spans_not_in_tags": 0,
    "reason:length_ratio": 1,
    "failed:length_ratio": 1,
    "failed:truncated": 1,
    "label:PER": 4,
    "placed:PER": 5,
    "lost:LOC": 1,
    "lost_by:marker_lost": 1,
    "method:markers:letters": 5,
}


def part(lang: str = "spa", split: str = "train", **changes: int) -> Part:
    return Part(lang, split, COUNTS | changes, {"xltpipe": __version__, "numpy": "2.0"})


def licensed(folder: Path, licence: str | None = "cc-by-4.0", **changes: object) -> Recipe:
    data = {"kind": "conll", "path": "train.conll", "licence": licence}
    return toy_recipe(folder, train=data, **changes)


def run(recipe: Recipe, store: Store) -> str:
    """The card of the run's corpus."""
    toy_run.run(recipe, store)
    return (store.root / "corpus" / f"run={recipe.run}" / "README.md").read_text("utf-8")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_the_card_tells_what_is_in_it(tmp_path: Path, store: Store) -> None:
    recipe = licensed(tmp_path, rules=RULES | {"target_words": {"min": 4}})
    text = run(recipe, store)
    for line in (
        f"# {recipe.run}",
        "4 labelled rows in Spanish, machine-translated from English",
        "| Spanish | train | 6 | 4 | 2 | 0 | 0 |",
        "| target_words | at least 4 (words) | empty | 2 | 2 |",
        "| rejected: empty | 2 |",
        "| PER | 3 | 4 | 0 |",
        "| markers:letters | 9 |",
        "- translation: `copy`",
        "- projection: `markers` (style=letters, repair=True)",
        "| training data | train.conll | CC BY 4.0 | recipe |",
        "| test data | test.conll | not stated |  |",
        "- Holds data under CC BY 4.0 (train.conll): name its authors.",
        f'load_dataset("corpus/run={recipe.run}", "spa")',
        f"pip install xltpipe=={__version__}",
    ):
        assert line in text, line
    assert "copied" not in text.split("## Rules")[1].split("###")[0]
    assert str(tmp_path) not in text


def test_the_hub_understands_the_header(tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    recipe = licensed(tmp_path, targets=["spa", "fra", "nob"])
    text = readme(recipe, [part(), part("spa", "dev"), part("fra"), part("nob")])
    card = hub.DatasetCard(text)
    assert isinstance(card.data, hub.DatasetCardData)
    assert card.data.to_dict() == {
        "language": ["fr", "nb", "es"],
        "license": "cc-by-4.0",
        "pretty_name": recipe.run,
        "multilinguality": ["multilingual"],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "source_datasets": ["extended|other-train"],
        "task_categories": ["token-classification"],
        "size_categories": ["n<1K"],
        "tags": ["translated", "label-projection", "xltpipe"],
        "configs": [
            {"config_name": lang, "data_files": [{"split": s, "path": p} for s, p in files]}
            for lang, files in (
                ("fra", [("train", "lang=fra/split=train/*.parquet")]),
                ("nob", [("train", "lang=nob/split=train/*.parquet")]),
                (
                    "spa",
                    [
                        ("train", "lang=spa/split=train/*.parquet"),
                        ("dev", "lang=spa/split=dev/*.parquet"),
                    ],
                ),
            )
        ],
    }
    assert card.text.lstrip().startswith(f"# {recipe.run}")


def test_licences_of_its_own_kind_are_named(tmp_path: Path) -> None:
    found = header(licensed(tmp_path, "Summit Terms 2"), [("spa", "train", COUNTS)], [])
    assert found["license"] == []
    text = readme(licensed(tmp_path, "Summit Terms 2"), [part()])
    head = yaml.safe_load(text.split("---\n")[1])
    assert (head["license"], head["license_name"]) == ("other", "summit-terms-2")
    assert (
        yaml.safe_load(readme(licensed(tmp_path, None), [part()]).split("---\n")[1])["license"]
        == "unknown"
    )


@pytest.mark.parametrize(
    ("rows", "size"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (12_345, "10K<n<100K"), (10**9, "100M<n<1B")],
)
def test_sizes(tmp_path: Path, rows: int, size: str) -> None:
    found = header(licensed(tmp_path), [("spa", "train", COUNTS | {"rows": rows})], [])
    assert found["size_categories"] == [size]


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ({"label:PER": 1}, ["token-classification"]),
        ({"label:Answer": 1}, ["question-answering"]),
        ({"class:entailment": 1}, ["text-classification"]),
        ({"label:PER": 1, "class:x": 1}, ["token-classification", "text-classification"]),
        ({}, ["token-classification"]),
    ],
)
def test_tasks_by_what_is_labelled(counts: dict[str, int], found: list[str]) -> None:
    assert tasks([counts]) == found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"translation": {"kind": "ctranslate2", "beam": 3}, "projection": {"kind": "aligned"}},
        {"rules": RULES | {"length_ratio": {"max": 2}}, "labels": ["PER"], "incomplete": "keep"},
        {"dev": {"kind": "conll", "path": "train.conll", "limit": 2}, "seed": 7},
        {
            "projection": {
                "kind": "llm",
                "url": "http://inside.example:9/v1",
                "model": "m",
                "prompt": None,
            }
        },
    ],
)
def test_the_recipe_in_the_card_makes_the_run_again(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    if "url" in str(changes):
        from xltpipe.projection.llm_prompt import PROMPT

        projection = {**changes["projection"], "prompt": f'```\n"quoted" $dear\n{PROMPT}'}  # type: ignore[dict-item]
        changes = changes | {"projection": projection}
    recipe = licensed(tmp_path, **changes)
    text = readme(recipe, [part()])
    fence = next(line for line in text.splitlines() if line.endswith("`toml")).removesuffix("toml")
    written = text.split(f"{fence}toml\n")[1].split(f"\n{fence}\n")[0]
    again = parse(tomllib.loads(written), tmp_path / "again.toml")
    assert again.run == recipe.run
    assert again.train.licence == "cc-by-4.0"
    assert "inside.example" not in text


def test_the_recipe_tells_nothing_of_this_machine(tmp_path: Path) -> None:
    """Models elsewhere are named without their folders, those below the recipe from there."""
    (tmp_path / "recipes").mkdir()
    model = tmp_path / "secret-project" / "nllb"
    model.mkdir(parents=True)
    recipe = licensed(
        tmp_path / "recipes",
        translation={"kind": "ctranslate2", "model": str(model)},
        projection={"kind": "aligned", "aligner": {"kind": "eflomal", "programs": str(tmp_path)}},
    )
    assert "secret-project" not in to_toml(recipe)
    assert tomllib.loads(to_toml(recipe))["translation"]["model"] == "nllb"
    inside = tmp_path / "recipes" / "models" / "nllb"
    inside.mkdir(parents=True)
    recipe = licensed(
        tmp_path / "recipes", translation={"kind": "ctranslate2", "model": "models/nllb"}
    )
    assert tomllib.loads(to_toml(recipe))["translation"]["model"] == "models/nllb"


def test_a_licence_told_later_changes_the_card_alone(tmp_path: Path, store: Store) -> None:
    before = run(licensed(tmp_path, None), store)
    manifests = {p: p.read_bytes() for p in store.root.glob("*/*/*/manifest.json")}
    after = run(licensed(tmp_path), store)
    assert {p: p.read_bytes() for p in store.root.glob("*/*/*/manifest.json")} == manifests
    assert "license: unknown" in before
    assert "license: cc-by-4.0" in after
    assert "is not stated" not in after


def test_two_runs_write_the_same_card(tmp_path: Path) -> None:
    recipe = licensed(tmp_path, targets=["spa", "fra"])
    assert run(recipe, Store(tmp_path / "one")) == run(recipe, Store(tmp_path / "two"))


@pytest.mark.parametrize("text", ["a|b", "a\nb", "<b>", "`x`", "[x](y)", "a\\b"])
def test_a_cell_stays_a_cell(text: str) -> None:
    (row,) = card_tables.table(("label",), [(text,)])[2:-1]
    assert "\n" not in row
    bare = row.replace("\\\\", "").replace("\\|", "").replace("\\<", "").replace("\\`", "")
    assert bare.count("|") == 2
    assert "<b" not in bare
    assert "`" not in bare


# --- the numbers ----------------------------------------------------------------------------

ANA = Example("1", "eng", ("Ana met Bob",), (Span(0, 3, "PER"), Span(8, 11, "PER")))
ROME = Example("2", "eng", ("Rome",), (Span(0, 4, "LOC"),), "city")


def units() -> list[Unit]:
    ana = Example("1", "spa", ("Ana vio a Bob",), (Span(0, 3, "PER"), Span(10, 13, "PER")))
    placed = (Placement(0, 0, "align"), Placement(1, 1, "exact:x"))
    lost = (Placement(0, 0, "align"), Placement(1, None, "align", reason="no_link"))
    roma = Example("2", "spa", ("Roma",), (Span(0, 4, "LOC"),), "city")
    return [
        Unit(ANA, ana, placements=placed),
        Unit(ANA, replace(ana, spans=ana.spans[:1]), placements=lost, reasons=("a", "b")),
        Unit(ROME, roma, placements=(Placement(0, 0, "align"),), reasons=("a",)),
        Unit(ROME, roma, placements=(Placement(0, 0, "align"),)),
        Unit(ROME, Example("2", "spa", ("",)), error="boom"),
    ]


def test_the_tally_of_rows_and_spans() -> None:
    assert tally(tables.units_to_table(units())) == {
        "failed:a": 2,
        "failed:b": 1,
        "alone:a": 1,
        "label:PER": 2,
        "label:LOC": 1,
        "class:city": 1,
        "texts": 2,
        "placed:PER": 3,
        "placed:LOC": 2,
        "lost:PER": 1,
        "lost_by:no_link": 1,
        "method:align": 4,
        "method:exact:x": 1,
    }


def test_tallies_add_up_however_rows_are_cut() -> None:
    table = tables.units_to_table(units())
    whole = tally(table)
    cut = [tally(table.slice(start, 1)) for start in range(table.num_rows)]
    assert sum(cut[1:], cut[0]) == whole
    assert tally(table.slice(0, 0)) == {}
    assert named(whole, "method") == {"align": 4, "exact:x": 1}
