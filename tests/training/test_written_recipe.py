"""Responses and translations, end to end: read, translate, judge, train, predict, evaluate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.toy_recipe import toy_recipe
from tests.toy_run import materialise, run, trained_aligners
from xltpipe import carried, evaluating, learning, responding, stages, steps, tables
from xltpipe.catalogue import query, refresh
from xltpipe.compared.cells import expand
from xltpipe.compared.results import results
from xltpipe.errors import DataError
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, recording
from xltpipe.store import Shard, Store
from xltpipe.training.turns import turns
from xltpipe.translation import CTranslate2
from xltpipe.types import Example, Span, Unit

pytest.importorskip("torch")
pytest.importorskip("transformers")

SIZE = {"layers": 1, "width": 32, "heads": 2, "vocabulary": 320}
CHAT = {
    "kind": "chat",
    "config": SIZE,
    "epochs": 20,
    "learning_rate": 5e-3,
    "max_tokens": 96,
    "max_new_tokens": 8,
    "device": "cpu",
}
SEQ2SEQ = {
    "kind": "seq2seq",
    "config": SIZE,
    "into": "swa",
    "epochs": 1,
    "max_tokens": 64,
    "beams": 1,
    "device": "cpu",
}
RULES = dict.fromkeys(
    ["copied", "identical", "similarity", "target_language", "length_ratio", "numbers"], False
)
COMMON = {
    "strategies": ["translate_train"],
    "translation": {"kind": "ctranslate2", "model": "en-es-tatoeba"},
    "projection": {"kind": "aligned", "aligner": {"kind": "attention"}},
    "rules": RULES,
}
ENGLISH = [
    ("Be kind.", "I live in Boston.", "It is a big city.", "Where do I live?", "In Boston."),
    ("Be kind.", "My head hurts.", "Drink water.", "What did I say?", "Your head hurts."),
    ("Be kind.", "I have a dog.", "It is a good dog.", "What do I have?", "A dog."),
]
SPANISH = [
    ("Sé amable.", "Vivo en Madrid.", "Es grande.", "¿Dónde vivo?", "En Madrid."),
    ("Sé amable.", "Tengo un gato.", "Qué bien.", "¿Qué tengo?", "Un gato."),
]
PARALLEL = {
    "train.tsv": "Tom lives in Boston.\tTom anaishi Boston.\nIt rains.\tMvua inanyesha.\n",
    "test.tsv": "Tom vive en Madrid.\tTom anaishi Madrid.\nLlueve mucho.\tMvua nyingi.\n",
}
ROLES = ("system", "user", "assistant", "user", "assistant")


def dialogues(folder: Path, **changes: Any) -> Recipe:
    for name, rows in (("train", ENGLISH), ("test", SPANISH)):
        lines = [
            json.dumps(
                {
                    "id": f"{name}-{n}",
                    "messages": [
                        {"role": role, "content": text}
                        for role, text in zip(ROLES, row, strict=True)
                    ],
                },
                ensure_ascii=False,
            )
            for n, row in enumerate(rows)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), "utf-8")
    source = {"kind": "instructions", "kept_roles": ["system"]}
    settings = COMMON | {"task": "instructions", "training": CHAT}
    return toy_recipe(
        folder,
        **settings
        | {"train": source | {"path": "train.jsonl"}}
        | {"tests": [{"name": "own", "lang": "spa", "data": source | {"path": "test.jsonl"}}]}
        | changes,
    )


def parallel(folder: Path, **changes: Any) -> Recipe:
    for name, text in PARALLEL.items():
        (folder / name).write_text(text, "utf-8")
    source = {"kind": "table", "texts": [0, 1], "header": False}
    settings = COMMON | {"task": "parallel", "training": SEQ2SEQ}
    return toy_recipe(
        folder,
        **settings
        | {"train": source | {"path": "train.tsv"}}
        | {"tests": [{"name": "own", "lang": "spa", "data": source | {"path": "test.tsv"}}]}
        | changes,
    )


def gold(recipe: Recipe, store: Store) -> list[Shard]:
    (test,) = recipe.tests
    return steps.parts(store, store.make(steps.read(recipe, test.data, test.lang))[0])


def examples(store: Store, shards: Sequence[Shard]) -> list[Example]:
    return [e for s in shards for e in tables.table_to_examples(store.read(s))]


@pytest.mark.parametrize("made", [dialogues, parallel])
def test_translate_train(tmp_path: Path, made: Any) -> None:
    recipe, store = made(tmp_path), Store(tmp_path / "store")
    (outcome,) = run(recipe, store)
    (score,) = outcome.scores
    result = evaluating.result(store, score)
    assert result.name == "chrf"
    assert f"trainer:{recipe.training.kind}" in result.signature
    assert 0 <= result.value < 100
    truth, (guess,) = examples(store, gold(recipe, store)), [examples(store, [score])]
    assert [e.texts[:-1] for e in guess] == [e.texts[:-1] for e in truth]
    assert all(a.texts[-1] != b.texts[-1] for a, b in zip(guess, truth, strict=True))
    corpus = materialise(recipe, store, "spa", Outcome("corpus", "spa"))
    rows = [e for p in steps.parts(store, corpus) for e in learning.examples_of(store, [p], "spa")]
    if recipe.task == "parallel":
        assert [e.texts[1] for e in rows] == ["Tom anaishi Boston.", "Mvua inanyesha."]
        return
    refresh(store)
    sent = query(store, "SELECT DISTINCT sent FROM translations").column("sent").to_pylist()
    assert set(sent) == {text for texts in ENGLISH for text in texts[1:]}  # the first are kept
    for row, source in zip(rows, ENGLISH, strict=True):
        said = turns(row)
        assert tuple(turn.role for turn in said) == ROLES
        assert said[0].text == "Be kind."  # of a role that is kept
        assert all(turn.text != text for turn, text in zip(said[1:], source[1:], strict=True))


def test_the_same_is_made_once_and_seeds_differ(tmp_path: Path) -> None:
    recipe, store = parallel(tmp_path), Store(tmp_path / "store")
    portion = learning.Portion("spa", tuple(gold(recipe, store)))
    step = learning.train(recipe, store, [portion])
    other = learning.train(parallel(tmp_path, seed=2), store, [portion])
    into = parallel(tmp_path, training=SEQ2SEQ | {"into": "hau"})
    again = parallel(tmp_path, training=SEQ2SEQ | {"predict_batch_size": 3})
    keys = {one.key for one in (step, other, learning.train(into, store, [portion]))}
    assert len(keys) == 3
    assert learning.train(again, store, [portion]).key == step.key
    assert store.make(step)[1]
    assert not store.make(step)[1]


def translated_test(recipe: Recipe, store: Store, shards: list[Shard]) -> Outcome:
    """Each step of the flow: read, train, translate, predict, project, evaluate."""
    (test,) = recipe.tests
    data = steps.parts(store, store.make(steps.read(recipe, recipe.train, "eng"))[0])
    learnt = learning.train(recipe, store, [learning.Portion("eng", tuple(data))])
    tagger = store.make(learnt)[0]
    (units,) = [store.make(steps.translate(recipe, store, s, "spa", "eng"))[0] for s in shards]
    turned = store.make(evaluating.predict_translated(recipe, store, units, tagger))[0]
    aligners = trained_aligners(recipe, store, [turned], ("eng", "spa"))
    back = store.make(steps.project(recipe, store, turned, aligners, ("eng", "spa")))[0]
    step = evaluating.evaluate_projected(recipe, store, "translate_test", test, shards, [back])
    outcome = Outcome("translate_test", "spa")
    outcome.add("train", *data, tagger)
    outcome.add("test", *shards, units, turned, back)
    outcome.score(store.make(step)[0])
    return outcome


def only(outcome: Outcome, stage: str) -> Shard:
    (shard,) = [shard for _, shard in outcome.shards if shard.stage == stage]
    return shard


@pytest.mark.parametrize("made", [dialogues, parallel])
def test_translate_test(tmp_path: Path, made: Any) -> None:
    """Prompts are translated; responses come back into the language of the prompt, which what is
    a translation already need not: it is in its own language."""
    recipe, store = made(tmp_path, strategies=["translate_test"]), Store(tmp_path / "store")
    shards = gold(made(tmp_path), store)
    outcome = translated_test(recipe, store, shards)
    tagger, units, turned = (only(outcome, s) for s in ("train", "translate", "predict"))
    (score,) = outcome.scores

    model = recipe.training.load(store.path(tagger))
    asked = [u.target for u in tables.table_to_units(store.read(units))]
    written = [e.texts[-1] for e in stages.predict(asked, model)]
    assert any(written)
    expected = written
    if recipe.task == "instructions":
        engine = CTranslate2(model="en-es-tatoeba").build("eng", "spa")
        expected = [one.text for one in engine.translate(written, "eng", "spa")]
        assert expected != written
    truth = examples(store, shards)
    done = examples(store, [score])
    assert [e.texts for e in done] == [
        (*e.texts[:-1], last) for e, last in zip(truth, expected, strict=True)
    ]
    manifest = store.manifest(turned)
    assert manifest is not None
    assert ("responses_truncated" in manifest["counts"]) == (recipe.task == "instructions")


def test_what_responses_cost_to_translate_back_is_told(tmp_path: Path) -> None:
    recipe = dialogues(tmp_path, matrix={"strategies": ["translate_test"]})
    store = Store(tmp_path / "store")
    (cell,) = expand(recipe)
    assert cell.recipe is not None
    with recording(store, cell.recipe) as outcomes:
        outcomes.append(translated_test(cell.recipe, store, gold(recipe, store)))
    there, back = (
        store.manifest(only(outcomes[0], s))["counts"]  # type: ignore[index]
        for s in ("translate", "predict")
    )
    assert min(back["tokens_in"], back["tokens_out"]) > 0
    (result,) = results(store, cell) or []
    assert result.cost.tokens_in == there["tokens_in"] + back["tokens_in"]
    assert result.cost.tokens_out == there["tokens_out"] + back["tokens_out"]


def test_a_dialogue_that_the_user_ends_is_no_test(tmp_path: Path) -> None:
    recipe, store = dialogues(tmp_path), Store(tmp_path / "store")
    rows = (tmp_path / "test.jsonl").read_text("utf-8").splitlines()
    row = json.loads(rows[1])
    row["messages"].pop()
    (tmp_path / "test.jsonl").write_text(f"{rows[0]}\n{json.dumps(row)}\n", "utf-8")
    with pytest.raises(DataError, match="was: 1 of 2 without, the first 'test-1'"):
        run(recipe, store)


def test_of_a_prompt_that_was_not_translated_nothing_is_written(tmp_path: Path) -> None:
    recipe, store = dialogues(tmp_path), Store(tmp_path / "store")
    source = Example("1", "spa", ("Hola", "Sí."))
    unit = Unit(source, replace(source, lang="eng", texts=("", "")), error="translate: too long")
    predicted = replace(unit.target, texts=("", "Some words."))
    (turned,), counts = responding.turned(recipe, store, [unit], [predicted])
    assert turned.target.texts == ("Hola", "")
    assert turned.error == "translate: too long"
    assert counts["responses_untranslated"] == 0


def test_another_last_text_takes_nothing_with_it() -> None:
    given = Example("1", "eng", ("Ana runs", "Bo"), (Span(0, 3, "PER"), Span(0, 2, "PER", 1)))
    done = carried.answered(given, "x")
    assert (done.texts, done.spans) == (("Ana runs", "x"), given.spans[:1])
    alone = Example("1", "eng", ("Ana runs",), tokens=((0, 3), (4, 8)))
    assert carried.answered(alone, "").tokens == ()
    assert carried.answered(replace(given, tokens=((0, 3),)), "").tokens == ((0, 3),)
