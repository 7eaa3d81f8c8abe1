"""What every component promises, over all members of the unions: a new one is covered by itself."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from math import isnan, nan
from pathlib import Path
from typing import Annotated, Any, get_args

import hypothesis
import numpy as np
import pytest
from pydantic import Field, TypeAdapter, ValidationError

from tests import chat_server, llm_server
from tests.alignment.bitexts import SCRIPT_PAIRS, TOY
from tests.alignment.tiny_encoder import write_encoder
from tests.examples import SCRIPTS, Identity, unit
from tests.projection.texts import COLLISIONS, WORDS, covered, labelled
from tests.projection.toy_tools import ToyTools
from tests.training.toy import questions, toy
from tests.training.toy_tasks import TOYS
from tests.translation.tiny_checkpoint import write_marian
from xltpipe.alignment import AlignerSpec
from xltpipe.datasets import SourceSpec
from xltpipe.errors import MissingExtraError, RecipeError
from xltpipe.evaluation import MetricSpec
from xltpipe.kinds import TASKS, WRITTEN, Task
from xltpipe.projection import ProjectorSpec
from xltpipe.protocols import (
    Aligner,
    PairTagger,
    PairTrainer,
    Projector,
    Scoring,
    Translator,
    Writing,
)
from xltpipe.quality import SCORERS, Rules
from xltpipe.quality.batch import Batch
from xltpipe.quality.scorer import Scorer
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import parse
from xltpipe.spec import Incidental, Spec
from xltpipe.training import TrainerSpec
from xltpipe.translation import CTranslate2, Transformers, TranslatorSpec
from xltpipe.types import Example, Translation, Unit

UNIONS = {
    "train": SourceSpec,
    "translation": TranslatorSpec,
    "projection": ProjectorSpec,
    "aligner": AlignerSpec,
    "training": TrainerSpec,
    "evaluation": MetricSpec,
}
TEXTS = ["Ana vive aquí.", "", "   ", "Where is Bob?", "北京", "👩‍👩‍👧"]
# What a member needs to be made at all; the others stand on their defaults.
TINY = {"layers": 1, "width": 32, "heads": 2, "vocabulary": 400}
NEEDED: dict[str, dict[str, Any]] = {
    "conll": {"path": "data"},
    "iob2": {"path": "data"},
    "jsonl": {"path": "data"},
    "parquet": {"path": "data"},
    "squad": {"path": "data"},
    "table": {"path": "data", "texts": ["text"]},
    "instructions": {"path": "data"},
    "choice": {"path": "data"},
    "events": {"path": "data"},
    "llm": {"url": llm_server.shared(), "model": "toy"},
    "vllm": {"url": chat_server.shared(), "model": "toy"},
    "chain": {
        "methods": [
            {"projector": {"kind": "aligned"}, "floor": 0.5},
            {"projector": {"kind": "aligned", "mode": "longest_run"}},
        ]
    },
    # a pair that a leg with a model, and one without, can both be part of
    "pivot": {"through": "fra", "first": {"kind": "copy"}, "second": {"kind": "copy"}},
    "fallback": {"engines": [{"kind": "ctranslate2"}, {"kind": "copy"}]},
    "hub": {"name": "owner/data", "split": "train"},
    "transformers": {"config": TINY, "epochs": 1, "max_tokens": 24, "overlap": 6, "device": "cpu"},
    "averaged": {
        "trainer": {
            "kind": "transformers",
            "config": TINY,
            "epochs": 2,
            "max_tokens": 24,
            "overlap": 6,
            "device": "cpu",
        }
    },
    "filter": {
        "config": TINY | {"layers": 2},
        "epochs": 1,
        "max_tokens": 24,
        "overlap": 6,
        "device": "cpu",
    },
    "self_distillation": {
        "config": TINY,
        "epochs": 1,
        "max_tokens": 32,
        "overlap": 6,
        "device": "cpu",
    },
    "charcnn": {"epochs": 1, "filters": 8},
    "bigru": {"epochs": 1, "filters": 8, "hidden": 8},
    "subsample": {"share": 0.8, "of": {"kind": "crf"}},
    "text_to_text": {"config": TINY, "epochs": 1, "max_tokens": 24, "overlap": 6, "device": "cpu"},
    "chat": {
        "config": TINY,
        "epochs": 1,
        "max_tokens": 96,
        "max_new_tokens": 8,
        "device": "cpu",
    },
    "seq2seq": {"config": TINY, "into": "spa", "epochs": 1, "max_tokens": 32, "device": "cpu"},
}


def members(union: object) -> list[type[Spec]]:
    first = get_args(union)[0]
    return list(get_args(first) or [first])


_home = tempfile.TemporaryDirectory()  # goes when the process does


@cache
def marian() -> str:
    return str(write_marian(Path(_home.name) / "marian"))


def kind(spec: type[Spec]) -> str:
    return str(spec.model_fields["kind"].default) if "kind" in spec.model_fields else ""


def needed(spec: type[Spec]) -> dict[str, Any]:
    if spec is Transformers:  # a trainer has the same kind
        return {"model": marian(), "max_input_tokens": 64, "max_output_tokens": 32}
    if spec in members(MetricSpec):  # a source has the same kind; metrics need nothing
        return {}
    return NEEDED.get(kind(spec), {})


def made(spec: type[Spec]) -> Any:
    return spec.model_validate(needed(spec))


EVERY = [spec for union in UNIONS.values() for spec in members(union)]


def over(union: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("spec", members(union), ids=kind)


# Translators


def translator(spec: type[Spec]) -> Translator:
    try:
        built: Translator = made(spec).build("eng", "spa")
    except MissingExtraError as error:
        pytest.skip(str(error))
    return built


@over(TranslatorSpec)
def test_translators_give_one_translation_a_text(spec: type[Spec]) -> None:
    engine = translator(spec)
    assert engine.translate([], "eng", "spa") == []
    done = engine.translate(TEXTS, "eng", "spa")
    assert len(done) == len(TEXTS)
    assert all(isinstance(one, Translation) and isinstance(one.text, str) for one in done)
    assert [done[1].text.strip(), done[2].text.strip()] == ["", ""]
    alone = [engine.translate([text], "eng", "spa")[0].text for text in TEXTS]
    assert [one.text for one in done] == alone


@over(TranslatorSpec)
def test_translators_name_a_language_they_do_not_know(spec: type[Spec]) -> None:
    with pytest.raises(RecipeError, match="Language must be a known code, was: 'xx-nowhere'"):
        made(spec).build("eng", "xx-nowhere")


@over(TranslatorSpec)
def test_translators_show_what_their_tokeniser_keeps(spec: type[Spec]) -> None:
    settings = made(spec)
    assert "hello" in translator(spec).round_trip("hello", "eng", "spa")
    assert isinstance(settings.native_markers(), bool)
    assert isinstance(settings.native_tags(), bool)
    model = settings.aligning_model()
    assert model is None or model.is_dir()


# Aligners


def aligner(spec: type[Spec], home: Path) -> Aligner:
    settings = made(spec)
    if kind(spec) == "auto":
        settings, why = settings.resolve(len(TOY), model_available=True)
        assert why
    if kind(spec) == "simalign":
        settings = settings.model_copy(update={"model": str(write_encoder(home)), "layer": 1})
    model = CTranslate2().aligning_model()
    try:
        if settings.trained:
            settings.train(iter(TOY), home)
        built = settings.build(home if settings.trained else None, "eng", "spa", model)
        built.align(TOY[:1])
    except MissingExtraError as error:
        pytest.skip(str(error))
    return built


@over(AlignerSpec)
def test_aligners_give_one_alignment_a_pair(spec: type[Spec], tmp_path: Path) -> None:
    built = aligner(spec, tmp_path / "aligner")
    assert built.align([]) == []
    pairs = [*SCRIPT_PAIRS, *TOY[:3]]
    done = built.align(pairs)
    assert len(done) == len(pairs)
    for (source, target), alignment in zip(pairs, done, strict=True):
        assert list(alignment.links) == sorted(set(alignment.links))
        assert all(0 <= i < len(source) and 0 <= j < len(target) for i, j in alignment.links)
        assert len(alignment.scores) in {0, len(alignment.links)}
        assert all(0 <= score <= 1 for score in alignment.scores)
    assert any(alignment.links for alignment in done[-3:])


# Projectors


def projector(spec: type[Spec]) -> Projector:
    settings = made(spec)
    return settings.build(ToyTools(Identity(), CTranslate2().aligning_model()))


@over(ProjectorSpec)
def test_projectors_give_one_unit_a_unit(spec: type[Spec]) -> None:
    built = projector(spec)
    assert built.in_place == made(spec).in_place
    assert built.project([]) == []
    units = []
    for source in SCRIPTS:
        sent = built.prepare(source)
        assert len(sent) >= len(source.texts)
        target = unit(source, sent[0])
        received = tuple(map(Translation, sent))
        units.append(type(target)(source, target.target, sent, received))
    done = built.project(units)
    assert [u.source for u in done] == SCRIPTS
    for before, after in zip(units, done, strict=True):
        assert [p.source for p in after.placements] == list(range(len(before.source.spans)))
        assert all((p.target is None) != (p.reason is None) for p in after.placements)
        assert (after.sent, after.received, after.error) == (before.sent, before.received, None)
        assert after.target.id == before.source.id
        if built.in_place:
            assert after.target.texts == before.target.texts


@over(ProjectorSpec)
@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(source=labelled(), other=labelled(words=(*WORDS, *COLLISIONS)))
def test_projectors_keep_their_word_on_any_text(
    spec: type[Spec], source: Example, other: Example
) -> None:
    """Whatever stands in the target: it is not altered, and each span is inside it or explained."""
    built = projector(spec)
    given_texts = tuple((other.texts * 2)[: len(source.texts)])
    sent = built.prepare(source)
    received = given_texts if built.in_place else (*given_texts, *sent[len(source.texts) :])
    target = Example(source.id, "spa", given_texts)
    (done,) = built.project([Unit(source, target, sent, tuple(map(Translation, received)))])
    if built.in_place:
        assert done.target.texts == given_texts
    assert [p.source for p in done.placements] == list(range(len(source.spans)))
    for placement in done.placements:
        assert (placement.target is None) != (placement.reason is None)
        if placement.target is not None:
            span = done.target.spans[placement.target]  # Example checks that it lies in its text
            assert span.label == source.spans[placement.source].label
            assert done.target.covered(span).strip()
    placed = [p.target for p in done.placements if p.target is not None]
    assert sorted(placed) == list(range(len(done.target.spans)))


# What a translation model finds likely in a language that it does not know is its own affair.
BY_MODEL = {"constrained"}


@over(ProjectorSpec)
@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(source=labelled(flat=True))
def test_an_identity_translation_gives_all_labels_back(spec: type[Spec], source: Example) -> None:
    if kind(spec) in BY_MODEL:
        pytest.skip("places spans where its model finds them likely")
    built = projector(spec)
    sent = built.prepare(source)
    target = Example(source.id, "spa", source.texts)
    (done,) = built.project([Unit(source, target, sent, tuple(map(Translation, sent)))])
    assert covered(done.target) == covered(source), done.placements


# Scorers


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda s: s.columns[0].name)
def test_scorers_give_one_number_a_row_whatever_stands_beside_it(scorer: Scorer) -> None:
    assert [len(c) for c in scorer.score(Batch.of([]))] == [0] * len(scorer.columns)
    rows = [replace(e, lang="eng") for e in SCRIPTS]
    units = [unit(e, e.texts[0]) for e in rows] + [unit(rows[0], "Ana lebt gern in Berlin.")]
    whole = scorer.score(Batch.of(units))
    single = [scorer.score(Batch.of([one])) for one in units]
    for number, column in enumerate(scorer.columns):
        assert whole[number].dtype == np.float64
        np.testing.assert_array_equal(
            whole[number], np.concatenate([one[number] for one in single]), column.name
        )
        known = whole[number][~np.isnan(whole[number])]
        assert ((known >= column.low) & (known <= column.high)).all()


# Trainers and metrics


LEARNT = [(spec, task) for spec in members(TrainerSpec) for task in sorted(made(spec).tasks)]
UNSEEN: dict[Task, list[Example]] = {
    "classification": SCRIPTS,
    "pairs": [replace(e, texts=(e.texts[0], e.texts[0][::-1]), spans=()) for e in SCRIPTS],
    "choice": [replace(e, texts=(e.texts[0], "", "one", "二"), spans=()) for e in SCRIPTS],
    "qa": [replace(e, texts=("Where?", e.texts[0]), spans=()) for e in SCRIPTS],
    "spans": SCRIPTS,
    "events": SCRIPTS,
    "instructions": [replace(e, texts=(e.texts[0], "?"), spans=()) for e in SCRIPTS],
    "parallel": [replace(e, texts=(e.texts[0], "?"), spans=()) for e in SCRIPTS],
}


@pytest.mark.parametrize(
    ("spec", "task"), LEARNT, ids=[f"{kind(spec)}-{task}" for spec, task in LEARNT]
)
def test_taggers_give_one_example_an_example(spec: type[Spec], task: Task, tmp_path: Path) -> None:
    try:
        trainer = made(spec).build(1, task)
    except MissingExtraError as error:
        pytest.skip(str(error))
    home = tmp_path / "tagger"
    rows = questions() if kind(spec) == "self_distillation" else TOYS[task]
    if isinstance(trainer, PairTrainer):
        trainer.train_pairs((Unit(e, e) for e in rows), iter([]), home)
    else:
        trainer.train(iter(rows), iter([]), home)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tagger"]
    assert json.loads((home / "settings.json").read_text("utf-8"))["task"] == task
    assert not [f for f in home.iterdir() if f.suffix in {".pkl", ".bin", ".pt"}]
    tagger = made(spec).load(home)
    assert tagger.predict([]) == []
    given = [replace(e, tokens=()) for e in UNSEEN[task]]
    if isinstance(tagger, PairTagger):
        assert tagger.predict_units([]) == []
        done = tagger.predict_units([Unit(e, e) for e in given])
    else:
        done = tagger.predict(given)
    written = 1 if task in WRITTEN else 0  # texts at the end that are predictions
    assert isinstance(tagger, Writing) == bool(written)
    assert [len(e.texts) for e in done] == [len(e.texts) for e in given]
    kept = [
        [(e.id, e.lang, e.texts[: len(e.texts) - written]) for e in rows] for rows in (done, given)
    ]
    assert kept[0] == kept[1]
    known = task in {"classification", "pairs", "choice"} and not isinstance(tagger, PairTagger)
    assert isinstance(tagger, Scoring) == known
    if isinstance(tagger, Scoring):
        likely = tagger.probabilities(given)
        assert [sum(p.values()) for p in likely] == pytest.approx([1.0] * len(given))
        assert [p[str(e.label)] for e, p in zip(done, likely, strict=True)] == [
            max(p.values()) for p in likely
        ]


@over(TrainerSpec)
def test_trainers_refuse_tasks_that_they_cannot_learn(spec: type[Spec]) -> None:
    for task in set(TASKS) - made(spec).tasks:
        with pytest.raises(RecipeError, match=f'was: "{task}"; choose another trainer'):
            made(spec).build(1, task)


@over(MetricSpec)
def test_metrics_sign_their_scores(spec: type[Spec]) -> None:
    gold = [replace(example, label="seen") for example in toy()]
    best = 100.0 if kind(spec) == "translation" else 1.0  # sacrebleu's scale
    score = made(spec).build({"lang": "eng"}).measure(gold, gold)
    expected = {"answers": 1.0, "events": nan}  # no answers, all right; no links, no arguments
    assert score.value == pytest.approx(expected.get(kind(spec), best), nan_ok=True)
    assert score.signature.startswith(f"{score.name}|")
    assert "lang:eng" in score.signature
    assert isnan(made(spec).build({}).measure([], []).value)


# Settings


@pytest.mark.parametrize("spec", [*EVERY, Rules, Recipe], ids=lambda s: s.__name__)
def test_identities_are_json_stable_and_whole(spec: type[Spec]) -> None:
    settings = recipe() if spec is Recipe else made(spec)
    identity = settings.identity()
    assert json.loads(json.dumps(identity, allow_nan=False)) == identity
    assert spec.model_validate(settings.model_dump()).identity() == identity
    fields = {name for name, f in spec.model_fields.items() if Incidental not in f.metadata}
    assert {key for key in identity if not key.endswith("!")} == fields


def incidental(settings: Spec, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all incidental fields, at any depth."""
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if Incidental in field.metadata:
            yield (*path, name)
        elif isinstance(value, Spec):
            yield from incidental(value, (*path, name))
        elif isinstance(value, tuple):
            for place, one in enumerate(value):
                if isinstance(one, Spec):
                    yield from incidental(one, (*path, name, str(place)))


def changed(settings: Spec, path: tuple[str, ...]) -> Spec:
    value = getattr(settings, path[0])
    if isinstance(value, tuple) and len(path) > 1:
        place = int(path[1])
        new: object = (*value[:place], changed(value[place], path[2:]), *value[place + 1 :])
    elif len(path) > 1:
        new = changed(value, path[1:])
    else:
        new = value + 7 if isinstance(value, int) else f"{value}x"
    return settings.model_copy(update={path[0]: new})


def recipe(**changes: object) -> Recipe:
    source = {"kind": "conll", "path": "x.conll"}
    data = {"name": "r", "targets": ["spa"], "train": source, **changes}
    return parse(data, Path("r.toml"))


WHOLE = {
    "translation": {"kind": "ctranslate2"},
    "projection": {"kind": "aligned", "aligner": {"kind": "attention"}},
}


# paths, whose content is in the identity
BY_CONTENT = {("translation", "model"), ("quality", "languages", "model")}


@pytest.mark.parametrize(
    "path", sorted(set(incidental(recipe(**WHOLE))) - BY_CONTENT), ids=".".join
)
def test_what_cannot_change_the_result_is_not_in_the_identity(path: tuple[str, ...]) -> None:
    settings = recipe(**WHOLE)
    assert changed(settings, path) != settings
    assert changed(settings, path).identity() == settings.identity()


CHAINED = {
    "translation": {
        "kind": "fallback",
        "engines": [
            {
                "kind": "pivot",
                "through": "eng",
                "first": {"kind": "ctranslate2"},
                "second": {"kind": "copy"},
            },
            {"kind": "ctranslate2"},
        ],
    }
}


@pytest.mark.parametrize(
    "path",
    sorted(p for p in incidental(recipe(**CHAINED)) if p[0] == "translation" and p[-1] != "model"),
    ids=".".join,
)
def test_nor_is_it_at_any_depth_of_a_chain(path: tuple[str, ...]) -> None:
    settings = recipe(**CHAINED)
    assert changed(settings, path) != settings
    assert changed(settings, path).identity() == settings.identity()


def test_incidental_fields_are_found_at_any_depth() -> None:
    chained = set(incidental(recipe(**CHAINED)))
    assert ("translation", "engines", "0", "first", "batch_tokens") in chained
    assert ("translation", "engines", "1", "batch_tokens") in chained
    found = set(incidental(recipe(**WHOLE)))
    assert {("workers",), ("folder",), ("translation", "threads")} <= found
    assert ("projection", "aligner", "batch_size") in found


def test_a_field_may_be_incidental_inside_a_list_of_settings() -> None:
    class Inner(Spec):
        size: int = 1
        threads: Annotated[int, Incidental] = 1

    class Outer(Spec):
        many: tuple[Inner, ...] = ()
        named: dict[str, Inner] = Field(default={})

    def outer(threads: int, size: int = 1) -> Outer:
        inner = Inner(threads=threads, size=size)
        return Outer(many=(inner,), named={"a": inner})

    assert outer(1).identity() == outer(8).identity()
    assert outer(1).identity() != outer(1, size=2).identity()


@pytest.mark.parametrize("name", UNIONS)
def test_a_wrong_kind_lists_the_right_ones(name: str) -> None:
    right = [kind(spec) for spec in members(UNIONS[name])]
    with pytest.raises(ValidationError) as plain:
        TypeAdapter(UNIONS[name]).validate_python({"kind": "nonsense"})
    assert all(repr(k) in str(plain.value) for k in right)
    wrong = {"kind": "nonsense"}
    given = (
        {"projection": {"kind": "aligned", "aligner": wrong}}
        if name == "aligner"
        else {name: wrong}
    )
    path = "projection.aligner" if name == "aligner" else name
    message = f"{path}: kind must be one of {', '.join(right)}, was: 'nonsense'"
    with pytest.raises(RecipeError, match=message):
        recipe(**given)


def test_a_wrong_kind_inside_a_chain_lists_the_right_ones() -> None:
    copy, wrong = {"kind": "copy"}, {"kind": "googel"}
    single = "ctranslate2, transformers, vllm, apertium, copy"
    chain = {"kind": "fallback", "engines": [copy, wrong]}
    message = rf"translation\.engines\.1: kind must be one of {single}, pivot, was: 'googel'"
    with pytest.raises(RecipeError, match=message):
        recipe(translation=chain)
    legs = {"kind": "pivot", "through": "eng", "first": copy, "second": wrong}
    message = rf"translation\.second: kind must be one of {single}, was: 'googel'"
    with pytest.raises(RecipeError, match=message):
        recipe(translation=legs)
    message = rf"translation\.engines\.0\.second: kind must be one of {single}, was: 'googel'"
    with pytest.raises(RecipeError, match=message):
        recipe(translation={"kind": "fallback", "engines": [legs, copy]})
    with pytest.raises(RecipeError, match=r"engines\.0: kind must be given, one of ctranslate2, "):
        recipe(translation={"kind": "fallback", "engines": [{"beam": 2}, copy]})
    misspelt = {"kind": "ctranslate2", "beem": 2}
    message = r"translation\.engines\.0\.first\.beem: unknown key; did you mean 'beam'\?"
    with pytest.raises(RecipeError, match=message):
        recipe(
            translation={
                "kind": "fallback",
                "engines": [{**legs, "first": misspelt, "second": copy}, copy],
            }
        )


def test_a_misspelt_key_in_a_list_names_its_path_too() -> None:
    wrong = {"kind": "aligned", "gpa": 1}
    chain = {"kind": "chain", "methods": [{"projector": {"kind": "aligned"}}, {"projector": wrong}]}
    path = r"projection\.methods\.1\.projector\.gpa"
    with pytest.raises(RecipeError, match=rf"{path}: unknown key; did you mean 'gap'\?"):
        recipe(projection=chain)
    members = [{"kind": "hmm", "thershold": 1}, {"kind": "lexical"}]
    ensemble = {"kind": "ensemble", "members": members}
    with pytest.raises(RecipeError, match=r"aligner\.members\.0\.thershold: unknown key; did you"):
        recipe(projection={"kind": "aligned", "aligner": ensemble})


@pytest.mark.parametrize(
    ("name", "spec"),
    [(name, spec) for name, union in UNIONS.items() for spec in members(union)],
    ids=lambda value: value if isinstance(value, str) else kind(value),
)
def test_a_misspelt_key_names_its_path(name: str, spec: type[Spec]) -> None:
    wrong = {"kind": kind(spec), "knid": 1, **needed(spec)}
    nested = name == "aligner"
    given = {"projection": {"kind": "aligned", "aligner": wrong}} if nested else {name: wrong}
    path = "projection.aligner" if nested else name
    with pytest.raises(RecipeError, match=rf"\n  {path}\.knid: unknown key; did you mean 'kind'\?"):
        recipe(**given)
