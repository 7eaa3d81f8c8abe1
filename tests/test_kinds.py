"""A corpus of each kind of task, by the real engine: what is translated, and what must not change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.toy_recipe import toy_recipe
from tests.toy_run import materialise, read, trained_aligners
from xltpipe import evaluating, steps, tables
from xltpipe.datasets.write import write_original
from xltpipe.recipe import Recipe
from xltpipe.rows import of_corpus
from xltpipe.runs import Outcome
from xltpipe.spec import Spec
from xltpipe.store import Shard, Store
from xltpipe.translation import CTranslate2
from xltpipe.translation.ctranslate2_translator import CTranslate2Translator
from xltpipe.types import Example

ENGINE = {"kind": "ctranslate2", "model": "en-es-tatoeba"}
ATTENTION = {"kind": "aligned", "aligner": {"kind": "attention"}}
META = '{"n": 1.00, "u": "\\u00e9é", "d": 1, "d": [ ]}'
RULES = dict.fromkeys(
    ["copied", "identical", "similarity", "target_language", "length_ratio", "numbers"], False
)


@dataclass(frozen=True)
class Kind:
    """Rows of one kind of task as a file, and the source that reads them."""

    source: dict[str, Any]
    lines: list[str]


def lines(*rows: dict[str, Any]) -> list[str]:
    return [json.dumps(row, ensure_ascii=False)[:-1] + f', "meta": {META}}}' for row in rows]


EVENT = {
    "id": "a",
    "text": "Tom killed the dog in Boston.",
    "spans": [
        {"start": 4, "end": 10, "label": "Attack"},
        {"start": 0, "end": 3, "label": "PER"},
        {"start": 22, "end": 28, "label": "LOC"},
    ],
    "links": [
        {"head": 0, "tail": 1, "label": "Agent"},
        {"head": 0, "tail": 2, "label": "Place"},
    ],
}
CHAT = {
    "id": 7,
    "messages": [
        {"role": "system", "content": "You are a kind doctor."},
        {"role": "user", "content": "My head hurts.", "weight": 1.5},
        {"role": "assistant", "content": "Drink water and sleep."},
    ],
}
CHOICE = {
    "id": "q",
    "question": "Where do fish live?",
    "options": ["In the water.", "In the sky.", "In my house."],
    "answer": "A",
}
KINDS = {
    "classification": Kind(
        {"kind": "table", "texts": ["text"], "label": "topic", "id": "n"},
        [
            "n\ttopic\ttext\tfrom",
            "1\thouse\tI live in a small house.\tx",
            "2\tfood\tTom eats bread.\ty",
        ],
    ),
    "pairs": Kind(
        {"kind": "jsonl"},
        lines({"id": "p", "texts": ["It rains.", "The sun shines."], "label": "contradiction"}),
    ),
    "qa": Kind(
        {"kind": "jsonl"},
        lines(
            {
                "id": "a",
                "texts": ["Where does Tom live?", "Tom lives in Boston."],
                "spans": [{"start": 13, "end": 19, "label": "answer", "text": 1}],
            }
        ),
    ),
    "choice": Kind({"kind": "choice"}, [json.dumps(CHOICE)]),
    "instructions": Kind({"kind": "instructions", "kept_roles": ["system"]}, [json.dumps(CHAT)]),
    "events": Kind({"kind": "jsonl"}, lines(EVENT)),
    "parallel": Kind(
        {"kind": "table", "texts": [0, 1], "header": False, "keep_texts": [-1]},
        ["Tom lives in Boston.\tTom anaishi Boston.", "It rains.\tMvua inanyesha."],
    ),
}


@pytest.fixture(scope="module")
def engine() -> CTranslate2Translator:
    return CTranslate2(model="en-es-tatoeba").build("eng", "spa")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    yield Store(tmp_path_factory.mktemp("kinds") / "store")


def recipe_of(folder: Path, name: str) -> Recipe:
    kind = KINDS[name]
    (folder / "rows.txt").write_text("\n".join(kind.lines) + "\n", "utf-8")
    return toy_recipe(
        folder,
        name=name,
        strategies=["corpus"],
        train={**kind.source, "path": "rows.txt"},
        translation=ENGINE,
        projection=ATTENTION,
        rules=RULES,
    )


def made(folder: Path, store: Store, name: str) -> tuple[list[Example], list[Example]]:
    """The source's examples and the corpus's."""
    recipe = recipe_of(folder, name)
    given = [e for p in read(recipe, store) for e in tables.table_to_examples(store.read(p))]
    shard = materialise(recipe, store, "spa", Outcome("corpus", "spa"))
    parts = steps.parts(store, shard)
    return given, [e for p in parts for e in of_corpus(store.read(p), "spa")]


@pytest.mark.parametrize("name", KINDS)
def test_texts_are_translated_and_all_else_stays(
    tmp_path: Path, store: Store, engine: CTranslate2Translator, name: str
) -> None:
    given, done = made(tmp_path, store, name)
    assert [e.id for e in done] == [e.id for e in given]
    for before, after in zip(given, done, strict=True):
        told = [t.text for t in engine.translate(before.texts, "eng", "spa")]
        kept = [k in before.verbatim for k in range(len(before.texts))]
        assert after.texts == tuple(
            text if stays else new
            for text, new, stays in zip(before.texts, told, kept, strict=True)
        )
        assert kept.count(True) == {"instructions": 1, "parallel": 1}.get(name, 0)
        assert (after.label, after.meta, after.lang) == (before.label, before.meta, "spa")
        assert sorted(s.label for s in after.spans) == sorted(s.label for s in before.spans)
        assert len(after.links) == len(before.links)
    if '"meta"' in KINDS[name].lines[0]:
        assert {e.meta for e in done} == {META}


def test_links_join_the_same_things(tmp_path: Path, store: Store) -> None:
    _, (done,) = made(tmp_path, store, "events")
    told = {
        (k.label, done.covered(done.spans[k.head]), done.covered(done.spans[k.tail]))
        for k in done.links
    }
    assert {(role, tail) for role, _, tail in told} == {("Agent", "Tom"), ("Place", "Boston")}
    assert {done.spans[k.head].label for k in done.links} == {"Attack"}


@pytest.mark.parametrize(("name", "given"), [("instructions", CHAT), ("choice", CHOICE)])
def test_records_come_back_in_their_shape(
    tmp_path: Path, store: Store, name: str, given: dict[str, Any]
) -> None:
    _, done = made(tmp_path, store, name)
    write_original(done, tmp_path / "out.jsonl")
    back = json.loads((tmp_path / "out.jsonl").read_text("utf-8"))
    assert back.keys() == given.keys()
    if name == "choice":
        assert (back["answer"], back["id"]) == ("A", "q")
        assert (back["question"], *back["options"]) == done[0].texts
        return
    assert [turn["content"] for turn in back["messages"]] == list(done[0].texts)
    assert back["messages"][0] == given["messages"][0]
    assert [turn["role"] for turn in back["messages"]] == ["system", "user", "assistant"]
    assert back["messages"][1]["weight"] == 1.5


class Keywords(Spec):
    """A tagger that knows a topic by its words."""

    kind: str = "keywords"

    def load(self, home: Path) -> Keywords:
        return self

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        return [replace(e, label="food" if "bread" in e.texts[0] else "house") for e in examples]


def test_labels_predicted_on_a_translation_are_those_of_the_original(
    tmp_path: Path, store: Store
) -> None:
    rows = ["Tom come pan.\tfood\ta", "Vivo en una casa.\thouse\tb"]
    (tmp_path / "gold.tsv").write_text("\n".join(rows), "utf-8")
    data = {"kind": "table", "path": "gold.tsv", "texts": [0], "label": 1, "header": False}
    recipe = toy_recipe(
        tmp_path,
        strategies=["translate_test"],
        tests=[{"name": "own", "lang": "spa", "data": data}],
        translation=ENGINE,
        projection=ATTENTION,
    ).model_copy(update={"training": Keywords()})
    (test,) = recipe.tests
    gold = steps.parts(store, store.make(steps.read(recipe, test.data, "spa"))[0])
    units = [store.make(steps.translate(recipe, store, s, "spa", "eng"))[0] for s in gold]
    turned = [
        store.make(
            evaluating.predict_translated(recipe, store, s, Shard("train", "0" * 64, part=""))
        )[0]
        for s in units
    ]
    pair = ("eng", "spa")
    aligners = trained_aligners(recipe, store, turned, pair)
    back = [store.make(steps.project(recipe, store, s, aligners, pair))[0] for s in turned]
    done = [u.target for s in back for u in tables.table_to_units(store.read(s))]
    truth = [e for s in gold for e in tables.table_to_examples(store.read(s))]
    assert done == truth
    assert [e.meta for e in done] == ['{"2": "a"}', '{"2": "b"}']


def test_of_parallel_data_the_reference_stays(tmp_path: Path, store: Store) -> None:
    kind = KINDS["parallel"]
    (tmp_path / "rows.txt").write_text("\n".join(kind.lines), "utf-8")
    plain = {"kind": "table", "texts": [0, 1], "header": False, "path": "rows.txt"}
    recipe = toy_recipe(tmp_path, train=plain)
    object.__setattr__(recipe, "task", "parallel")
    read_ = [e for p in read(recipe, store) for e in tables.table_to_examples(store.read(p))]
    assert [e.verbatim for e in read_] == [(1,), (1,)]
