"""Going on from an earlier model: what it keeps, what it learns, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.training.tiny import TINY, settings, tiny
from tests.training.toy_tasks import TOYS
from xltpipe.errors import DataError, RecipeError
from xltpipe.kinds import Task
from xltpipe.protocols import Continuing
from xltpipe.training import (
    CONTINUING,
    BiGru,
    CharCnn,
    Crf,
    Subsample,
    TextToText,
    Tfidf,
    TrainerSpec,
    continues,
)
from xltpipe.training.chat_model import SmallLlama
from xltpipe.training.continuing import go_on
from xltpipe.training.text_to_text_model import SmallMarian
from xltpipe.training.transformers_beginning import after
from xltpipe.types import Example, Span

torch = pytest.importorskip("torch")

SMALL = {"depth": 16, "filters": 24, "learning_rate": 5e-3, "batch_size": 8, "epochs": 12}
WORDS = {  # of one topic each, in three languages and two scripts
    "eng": ("The team won the match", "The doctor saw a patient"),
    "swh": ("Timu ilishinda mechi", "Daktari alimwona mgonjwa"),
    "arb": ("فاز الفريق في المباراة", "رأى الطبيب المريض"),
}


pytestmark = pytest.mark.usefixtures("one_thread")


def topics(lang: str, labels: Sequence[str] = ("sport", "health")) -> list[Example]:
    return [
        Example(f"{lang}-{label}-{n}", lang, (f"{text} {n}",), label=label)
        for label, text in zip(labels, WORDS[lang], strict=True)
        for n in range(8)
    ]


def names(lang: str, label: str = "PER") -> list[Example]:
    """Somebody lives somewhere; each language has names and verbs of its own."""
    who, verb = {"eng": ("Anna Hugo", "sleeps"), "arb": ("ليلى سامي", "ينام")}[lang]
    out = []
    for n, name in enumerate(who.split() * 6):
        text = f"{name} {verb} {n}"
        out.append(Example(f"{lang}-{n}", lang, (text,), (Span(0, len(name), label),)))
    return out


def learn(
    home: Path, spec: Any, task: Task, examples: Sequence[Example], earlier: Path | None = None
) -> dict[str, Any]:
    trainer = spec.build(3, task)
    if earlier is not None:
        go_on(trainer, earlier, spec.kind)
    trainer.train(iter(examples), iter(()), home)
    report: dict[str, Any] = json.loads((home / "report.json").read_text("utf-8"))
    return report


def right(spec: Any, home: Path, examples: Sequence[Example]) -> float:
    bare = [replace(e, spans=(), label=None) for e in examples]
    found = spec.load(home).predict(bare)
    same = [(a.label, a.spans) == (b.label, b.spans) for a, b in zip(examples, found, strict=True)]
    return sum(same) / len(same)


def test_a_kind_that_goes_on_says_so() -> None:
    smallest: dict[str, dict[str, Any]] = {
        "transformers": settings(),
        "text_to_text": settings(config=SmallMarian(layers=1, width=32, heads=2, vocabulary=300)),
        "averaged": {"trainer": {"kind": "transformers", **settings()}},
        "filter": settings(),
        "self_distillation": settings(),
        "subsample": {"share": 0.5, "of": {"kind": "crf"}},
        "chat": {"config": SmallLlama(layers=1, width=32, heads=2, vocabulary=300)},
        "seq2seq": {
            "into": "swa",
            "config": SmallMarian(layers=1, width=32, heads=2, vocabulary=300),
        },
    }
    for kind in get_args(get_args(TrainerSpec)[0]):
        name = kind.model_fields["kind"].default
        spec = kind.model_validate(smallest.get(name, {}))
        assert continues(spec) == (name in CONTINUING)
        trainer = spec.build(1, min(spec.tasks))
        if name != "subsample":
            assert isinstance(trainer, Continuing) == (name in CONTINUING), name
    assert continues(Subsample(share=0.5, of=CharCnn()))


@pytest.mark.parametrize("kind", [CharCnn, BiGru])
def test_a_second_script_is_learnt_with_new_characters(tmp_path: Path, kind: Any) -> None:
    spec, first, second = kind(**SMALL), topics("eng"), topics("arb")
    assert "new_characters" not in learn(tmp_path / "a", spec, "classification", first)
    before = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    report = learn(tmp_path / "b", spec, "classification", second, tmp_path / "a")
    assert before == {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    known, grown = (
        json.loads((tmp_path / n / "settings.json").read_text("utf-8"))["characters"] for n in "ab"
    )
    unseen = set(known) | ({" "} if kind is BiGru else set())  # it sees words
    added = {char for e in second for char in e.texts[0]} - unseen
    assert grown == known + "".join(sorted(added))
    assert report["new_characters"] == len(added) > 10
    assert right(spec, tmp_path / "a", first) == 1
    assert right(spec, tmp_path / "a", second) <= 0.6  # all characters are the same to it
    assert right(spec, tmp_path / "b", second) == 1


def test_the_earlier_network_is_where_it_begins(tmp_path: Path) -> None:
    """With a rate of nearly nothing the earlier model stays, and rows of characters are added."""
    from safetensors.torch import load_file

    learn(tmp_path / "a", CharCnn(**SMALL), "classification", topics("eng"))
    still = CharCnn(**SMALL | {"learning_rate": 1e-12, "epochs": 1})
    learn(tmp_path / "b", still, "classification", topics("arb"), tmp_path / "a")
    one, two = (load_file(tmp_path / n / "model.safetensors") for n in "ab")
    for name, tensor in one.items():
        assert torch.allclose(two[name][: len(tensor)], tensor, atol=1e-8), name
    rows = two["encoder.embed.weight"][len(one["encoder.embed.weight"]) :]
    assert 0.7 < float(rows.std()) < 1.3  # drawn as an embedding's rows are
    assert right(still, tmp_path / "b", topics("eng")) == 1
    learn(tmp_path / "c", still, "classification", topics("arb"), tmp_path / "a")
    assert (tmp_path / "b/model.safetensors").read_bytes() == (
        tmp_path / "c/model.safetensors"
    ).read_bytes()


def test_a_language_whose_labels_contradict_is_forgotten(tmp_path: Path) -> None:
    """The planted flip of labels of systems.md no. 30."""
    spec, first = CharCnn(**SMALL), topics("eng")
    learn(tmp_path / "a", spec, "classification", first)
    flipped = topics("eng", ("health", "sport"))
    learn(tmp_path / "b", spec, "classification", flipped, tmp_path / "a")
    assert right(spec, tmp_path / "a", first) == 1
    assert right(spec, tmp_path / "b", first) == 0


def test_spans_keep_their_tags(tmp_path: Path) -> None:
    spec, both = BiGru(**SMALL), [*names("eng"), *names("eng", "LOC")[:1]]
    learn(tmp_path / "a", spec, "spans", both)
    learn(tmp_path / "b", spec, "spans", names("arb"), tmp_path / "a")
    tags = [json.loads((tmp_path / n / "settings.json").read_text("utf-8"))["labels"] for n in "ab"]
    assert tags[0] == tags[1] == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert right(spec, tmp_path / "b", names("arb")) == 1


TASKS: list[tuple[Task, Any]] = [
    ("spans", tiny()),
    ("classification", tiny(epochs=1)),
    ("pairs", tiny(epochs=1)),
    ("qa", tiny(epochs=1, max_tokens=48)),
    ("choice", tiny(epochs=1)),
]


@pytest.mark.parametrize(("task", "spec"), TASKS, ids=[task for task, _ in TASKS])
def test_transformers_go_on(tmp_path: Path, task: Task, spec: Any) -> None:
    """With a rate of nearly nothing the earlier model stays: weights, head and tokenizer."""
    from safetensors.torch import load_file

    learn(tmp_path / "a", spec, task, TOYS[task])
    still = spec.model_copy(update={"learning_rate": 1e-12, "epochs": 1})
    learn(tmp_path / "b", still, task, TOYS[task][::-1], tmp_path / "a")
    one, two = (load_file(tmp_path / n / "model.safetensors") for n in "ab")
    assert one.keys() == two.keys()
    assert all(torch.allclose(tensor, two[name], atol=1e-7) for name, tensor in one.items())
    tokenizers = [(tmp_path / n / "tokenizer.json").read_bytes() for n in "ab"]
    assert tokenizers[0] == tokenizers[1]
    predicted = [spec.load(tmp_path / n).predict(TOYS[task]) for n in "ab"]
    assert predicted[0] == predicted[1]


def test_checkpoints_of_another_beginning_are_not_gone_on_from(tmp_path: Path) -> None:
    for n in "ab":
        (tmp_path / n).mkdir()
        (tmp_path / n / "model.safetensors").write_text(n, encoding="utf-8")
    plain = tiny().schedule(3)
    found = [after(plain, home).settings for home in (None, tmp_path / "a", tmp_path / "b")]
    assert found[0] == plain.settings
    assert len(set(found)) == 3


def test_text_to_text_goes_on(tmp_path: Path) -> None:
    small = SmallMarian(layers=1, width=32, heads=2, vocabulary=300)
    spec = TextToText.model_validate(settings(config=small, epochs=2))
    first = learn(tmp_path / "a", spec, "spans", names("eng"))
    second = learn(tmp_path / "b", spec, "spans", names("arb"), tmp_path / "a")
    assert second["loss"] < learn(tmp_path / "c", spec, "spans", names("arb"))["loss"]
    assert second["labels"] == first["labels"] == ["PER"]
    with pytest.raises(DataError, match=r"earlier model \(PER\), was: LOC beside them"):
        learn(tmp_path / "d", spec, "spans", names("arb", "LOC"), tmp_path / "a")


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    spec = BiGru(**SMALL | {"epochs": 1})
    learn(tmp_path / "topics", spec, "classification", topics("eng"))
    learn(tmp_path / "names", spec, "spans", names("eng"))
    other = topics("swh", ("sport", "art"))
    with pytest.raises(DataError, match=r"\(health, sport\), was: art beside them"):
        learn(tmp_path / "b", spec, "classification", other, tmp_path / "topics")
    with pytest.raises(DataError, match=r"\(PER\), was: LOC beside them"):
        learn(tmp_path / "b", spec, "spans", names("arb", "LOC"), tmp_path / "names")
    with pytest.raises(DataError, match='must have learnt "spans", was: "classification"'):
        learn(tmp_path / "b", spec, "spans", names("arb"), tmp_path / "topics")
    with pytest.raises(DataError, match="same size as the one to train, was: encoder"):
        wide = BiGru(**SMALL | {"hidden": 8})
        learn(tmp_path / "b", wide, "classification", topics("swh"), tmp_path / "topics")
    with pytest.raises(DataError, match='must be of kind "charcnn", was: "bigru"'):
        learn(tmp_path / "b", CharCnn(), "classification", topics("swh"), tmp_path / "topics")
    for refused in (Tfidf(), Subsample(share=0.5, of=Crf())):
        with pytest.raises(RecipeError, match="kind whose models can learn further, was: "):
            go_on(refused.build(1, min(refused.tasks)), tmp_path / "topics", refused.kind)


def test_transformers_refuse_new_labels(tmp_path: Path) -> None:
    spec = tiny(epochs=1)
    assert spec.config == TINY
    learn(tmp_path / "a", spec, "spans", names("eng"))
    with pytest.raises(DataError, match=r"\(O, PER\), was: LOC beside them"):
        learn(tmp_path / "b", spec, "spans", names("arb", "LOC"), tmp_path / "a")
    learn(tmp_path / "t", spec, "classification", topics("eng"))
    with pytest.raises(DataError, match=r"\(health, sport\), was: art beside them"):
        learn(
            tmp_path / "b", spec, "classification", topics("swh", ("sport", "art")), tmp_path / "t"
        )


def test_classes_that_look_like_tags_are_labels(tmp_path: Path) -> None:
    spec = tiny(epochs=1)
    learn(tmp_path / "a", spec, "classification", topics("eng", ("B-film", "C-film")))
    with pytest.raises(DataError, match="was: I-film beside them"):
        learn(
            tmp_path / "b",
            spec,
            "classification",
            topics("swh", ("I-film", "C-film")),
            tmp_path / "a",
        )
