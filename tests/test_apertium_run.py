"""A whole run with Apertium: gold Spanish names become a Galician corpus with their labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.toy_recipe import toy_recipe
from tests.toy_run import materialise
from tests.translation.apertium_here import need
from xltpipe import learning, steps
from xltpipe.catalogue import refresh
from xltpipe.errors import MissingExtraError
from xltpipe.preflight import preflight
from xltpipe.runs import Outcome, recording
from xltpipe.store import Store

pytestmark = need("spa-glg")

TRAIN = """\
La O
canciller O
Angela B-PER
Merkel I-PER
se O
reunió O
con O
Emmanuel B-PER
Macron I-PER
en O
Ginebra B-LOC
. O

El O
Banco B-ORG
de I-ORG
España I-ORG
subió O
los O
tipos O
de O
interés O
ayer O
. O

Llueve O
mucho O
en O
la O
ciudad O
. O
"""


def test_spanish_names_become_a_galician_corpus(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text(TRAIN, encoding="utf-8")
    recipe = toy_recipe(
        tmp_path,
        name="galician",
        source="spa",
        targets=["glg"],
        strategies=["corpus"],
        tests=None,
        translation={"kind": "apertium"},
        projection={"kind": "tags"},
        on_error="quarantine",
        rules={"target_language": False, "copied": False, "similarity": False},
    )
    preflight(recipe)
    store = Store(tmp_path / "store")
    outcome = Outcome("corpus", "glg")
    with recording(store, recipe) as outcomes:
        made = materialise(recipe, store, "glg", outcome)
        outcomes.append(outcome)
    refresh(store)
    examples = list(learning.examples_of(store, steps.parts(store, made), "glg"))
    assert [e.texts[0] for e in examples] == [
        "A chanceler Angela Merkel reuniuse con Emmanuel Macron en Xenebra.",
        "O Banco de España subiu os tipos de interese onte.",
        "Chove moito na cidade.",
    ]
    assert [[(e.covered(s), s.label) for s in e.spans] for e in examples] == [
        [("Angela Merkel", "PER"), ("Emmanuel Macron", "PER"), ("Xenebra", "LOC")],
        [("Banco de España", "ORG")],
        [],
    ]
    translated = next(shard for _, shard in outcome.shards if shard.stage == "translate")
    counts = (store.manifest(translated) or {})["counts"]
    assert (counts["rows"], counts["quarantined"], counts["truncated"]) == (3, 0, 0)
    assert counts["words"] > 20
    assert counts["unknown_words"] >= 1  # "Macron"
    again = materialise(recipe, store, "glg", Outcome("corpus", "glg"))
    assert again == made


def test_a_pair_that_is_missing_is_met_before_anything_runs(tmp_path: Path) -> None:
    recipe = toy_recipe(
        tmp_path,
        targets=["swa"],
        strategies=["corpus"],
        tests=None,
        translation={"kind": "apertium"},
        projection={"kind": "tags"},
    )
    with pytest.raises(MissingExtraError, match="must be installed, was: eng-swa"):
        preflight(recipe)
