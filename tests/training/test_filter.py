from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.tiny import settings
from tests.training.toy import toy
from tests.training.toy_pairs import bare, hidden, pairs
from xltpipe import progress
from xltpipe.errors import DataError, RecipeError
from xltpipe.protocols import PairTagger, PairTrainer, Resuming
from xltpipe.training import Filter
from xltpipe.training.from_scratch import learn_tokenizer
from xltpipe.training.small_bert import SmallBert
from xltpipe.types import Example, Unit

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from xltpipe.training.distillation import distilled  # noqa: E402
from xltpipe.training.filter_network import FilterNetwork  # noqa: E402
from xltpipe.training.filter_rows import Cutter, couples, span_rows  # noqa: E402
from xltpipe.training.filter_teacher import Collator, Logits, deviation, dump, said  # noqa: E402
from xltpipe.training.sentences import Reading  # noqa: E402

LABELS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    texts = [text for unit in pairs() for side in (unit.source, unit.target) for text in side.texts]
    return learn_tokenizer(texts, 400, 24)


def model(kind: str, head: str = "TokenClassification", layers: int = 3) -> Any:
    """A random model; `kind` is BERT's or XLM-R's, whose positions count from the padding id."""
    torch.manual_seed(3)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=400,
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=40,
        pad_token_id=0,
        initializer_range=0.2,  # so that what one token does is seen
        num_labels=5,
    )
    return getattr(transformers, f"{kind}For{head}")(config).eval()


def network(inner: Any, local: int = 1, fused: int = 1, **changes: Any) -> FilterNetwork:
    given = {"both": True, "alpha": 0.5, "temperature": 2.0} | changes
    return FilterNetwork(inner, local=local, fused=fused, **given).eval()


def rows(tokenizer: Any, units: list[Unit] | None = None) -> list[dict[str, Any]]:
    readings = Reading("bio"), Reading("bio")
    ids = {label: i for i, label in enumerate(LABELS)}
    given = pairs() if units is None else units
    cutter = Cutter(tokenizer, 24, 6)
    return [row for unit in given for row in span_rows(unit, cutter, ids, readings)]


def uneven(tokenizer: Any) -> dict[str, Any]:
    """A batch in which both sides of both rows have other lengths."""
    texts = [
        ("Amina lives in Kano . Musa lives in Lagos", "Juma"),
        ("Grace", "Neema anaishi Lagos"),
    ]
    made = [
        {"source": dict(tokenizer(source)), "target": dict(tokenizer(target))}
        for source, target in texts
    ]
    return Collator(tokenizer)(made)


@pytest.mark.parametrize("kind", ["Bert", "XLMRoberta"])
@pytest.mark.parametrize("head", ["TokenClassification", "SequenceClassification"])
def test_without_fusion_it_is_the_plain_encoder(tokenizer: Any, kind: str, head: str) -> None:
    inner, batch = model(kind, head), uneven(tokenizer)
    with torch.no_grad():
        found = network(inner, fused=0).logits(batch["target"], batch["source"])
        joined = network(inner, fused=1).logits(batch["target"], batch["source"])
        for mine, other, side in zip(found, joined, ("target", "source"), strict=True):
            plain = inner(**batch[side]).logits
            real = batch[side]["attention_mask"].bool() if plain.dim() == 3 else ...
            assert torch.allclose(mine[real], plain[real], atol=1e-4)
            assert not torch.allclose(other[real], plain[real], atol=1e-3)


@pytest.mark.parametrize("kind", ["Bert", "XLMRoberta"])
def test_the_source_reaches_the_target_only_where_they_are_joined(
    tokenizer: Any, kind: str
) -> None:
    inner, batch = model(kind), uneven(tokenizer)
    changed = {k: v.clone() for k, v in batch["source"].items()}
    changed["input_ids"][0, 2] += 1
    for fused, reached in ((0, False), (1, True), (2, True)):
        runner = network(inner, fused=fused)
        with torch.no_grad():
            before = runner.hidden(batch["target"], batch["source"])[0]
            after = runner.hidden(batch["target"], changed)[0]
        moved = (before - after).abs().amax((1, 2))
        assert bool(moved[0] > 1e-5) is reached
        assert moved[1] == 0  # the other row's source is as it was


@pytest.mark.parametrize("kind", ["Bert", "XLMRoberta"])
def test_padding_changes_nothing(tokenizer: Any, kind: str) -> None:
    """Each row alone has no padding: between the sides there is none to look at, either."""
    runner, batch = network(model(kind), fused=2), uneven(tokenizer)
    with torch.no_grad():
        together = runner.logits(batch["target"], batch["source"])
        for row in range(2):
            alone = []
            for side in ("target", "source"):
                real = batch[side]["attention_mask"][row].bool()
                alone.append({k: v[row : row + 1][:, real] for k, v in batch[side].items()})
            for part, whole in zip(runner.logits(*alone), together, strict=True):
                size = part.size(1)
                assert torch.allclose(part[0], whole[row, :size], atol=1e-5)


def test_positions_of_the_source_count_anew(tokenizer: Any) -> None:
    """The same words on both sides have the same states, which no running position would give."""
    runner = network(model("XLMRoberta"), fused=2)
    inputs = dict(tokenizer("Amina lives in Kano .", return_tensors="pt"))
    with torch.no_grad():
        target, source = runner.hidden(inputs, inputs)
    assert torch.allclose(target, source, atol=1e-5)


def test_a_row_with_one_label_is_read_at_its_first_token(tokenizer: Any) -> None:
    """At index 0 of the target part and at len(target), not at 1, of what is joined."""
    inner = model("XLMRoberta", "SequenceClassification")
    runner, batch = network(inner, fused=2), uneven(tokenizer)
    with torch.no_grad():
        states = torch.cat(runner.hidden(batch["target"], batch["source"]), 1)
        at = batch["target"]["input_ids"].size(1)
        _, source = runner.logits(batch["target"], batch["source"])
        assert torch.allclose(inner.classifier(states[:, at:]), source)
        assert not torch.allclose(inner.classifier(states[:, 1:]), source, atol=1e-3)


def test_distillation_is_zero_for_equal_logits_and_scaled() -> None:
    torch.manual_seed(1)
    teacher, student = torch.randn(7, 5), torch.randn(7, 5, requires_grad=True)
    assert distilled(teacher, teacher, 2.0).item() == pytest.approx(0, abs=1e-7)
    assert distilled(teacher, teacher + 3, 2.0).item() == pytest.approx(0, abs=1e-6)
    for temperature in (0.1, 1.0, 6.0):
        soft = torch.softmax(teacher / temperature, -1)
        own = torch.softmax(student / temperature, -1)
        by_hand = (soft * (soft / own).log()).nan_to_num(0).sum(-1).mean() * temperature**2
        assert distilled(student, teacher, temperature).item() == pytest.approx(
            by_hand.item(), rel=1e-3
        )
    # with T², the gradient keeps its size: its limit is that of matching centred logits
    sizes = []
    for temperature in (50.0, 100.0):
        (gradient,) = torch.autograd.grad(distilled(student, teacher, temperature), student)
        sizes.append(gradient.norm().item())
    assert sizes[0] == pytest.approx(sizes[1], rel=0.05)
    assert distilled(torch.zeros(0, 5), torch.zeros(0, 5), 2.0).item() == 0


def test_the_loss_is_that_of_the_paper(tokenizer: Any) -> None:
    batch = Collator(tokenizer)(rows(tokenizer)[:4])
    soft = torch.randn(int(batch["places"].sum()), 5)
    inner = model("Bert")
    cross = torch.nn.functional.cross_entropy
    with torch.no_grad():
        mine, other = network(inner).logits(batch["target"], batch["source"])
        source = cross(other.flatten(0, 1), batch["source_labels"].flatten())
        target = cross(mine.flatten(0, 1), batch["target_labels"].flatten())
        taught = distilled(mine[batch["places"]], soft, 2.0)
        both = network(inner, both=True)(**batch)["loss"]
        alone = network(inner, both=False)(**batch)["loss"]
        second = network(inner, alpha=0.3)(**batch, soft=soft)["loss"]
    assert torch.allclose(alone, source)
    assert torch.allclose(both, source + target)
    assert torch.allclose(second, source + 0.7 * target + 0.3 * taught)


def test_kept_logits_are_the_living_teachers(tokenizer: Any, tmp_path: Path) -> None:
    runner, given = network(model("Bert")), rows(tokenizer)
    collator = Collator(tokenizer)
    kept = dump(runner, given, collator, tmp_path, 3)
    numbered = [row | {"soft": i} for i, row in enumerate(given)]
    assert deviation(runner, numbered, collator, kept) < 1e-5
    # a teacher of other rows is noticed: by this, and by what the student would learn
    shuffled = [row | {"soft": len(given) - 1 - i} for i, row in enumerate(given)]
    assert deviation(runner, shuffled, collator, kept) > 0.05
    right, wrong = (
        runner(**Collator(tokenizer, kept)(batch))["loss"].item() for batch in (numbered, shuffled)
    )
    no_kl = network(runner.model, alpha=0.5)
    assert right < wrong
    assert no_kl(**Collator(tokenizer, kept)(numbered))["loss"].item() == pytest.approx(right)
    assert sum(len(one) for one in said(runner, given, collator)) == sum(
        sum(row["places"]) for row in given
    )


def test_a_teacher_that_was_shuffled_ends_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Logits.__getitem__
    monkeypatch.setattr(Logits, "__getitem__", lambda self, row: read(self, (row + 5) % 28))
    spec = Filter.model_validate(settings(epochs=1, fusion_layers=0))
    with pytest.raises(DataError, match=r"Logits kept must be the teacher's, was: .* apart"):
        spec.build(1).train_pairs(pairs(), [], tmp_path / "model")  # type: ignore[attr-defined]


def right(found: list[Example], units: list[Unit]) -> float:
    same = [
        (a.spans, a.label) == (u.target.spans, u.target.label)
        for a, u in zip(found, units, strict=True)
    ]
    return sum(same) / len(same)


TWO = SmallBert(layers=2, width=32, heads=2, vocabulary=400)


def test_spans_are_learnt_in_two_phases(tmp_path: Path) -> None:
    spec = Filter.model_validate(settings(config=TWO, epochs=12, first_phase="both"))
    trainer = spec.build(7)
    assert isinstance(trainer, PairTrainer)
    trainer.train_pairs(iter(pairs()), pairs()[:3], tmp_path / "a")
    report = json.loads((tmp_path / "a" / "report.json").read_text("utf-8"))
    assert report["target"]["spans"] == report["source"]["spans"] == 2 * len(pairs())
    assert report["logits_apart"] < 1e-5
    assert report["dev_loss"] < 1
    tagger = spec.load(tmp_path / "a")
    assert isinstance(tagger, PairTagger)
    found = tagger.predict_units([bare(unit) for unit in pairs()])
    assert right(found, pairs()) > 0.8
    assert tagger.predict_units([]) == []
    empty = Example("e", "swa", ("",))
    assert tagger.predict_units([Unit(empty, empty)]) == [empty]
    with pytest.raises(RecipeError, match="texts with their translations"):
        tagger.predict(toy())


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    for name in "ab":
        trainer = Filter.model_validate(settings(config=TWO, epochs=1)).build(7)
        trainer.train_pairs(pairs()[:9], [], tmp_path / name)  # type: ignore[attr-defined]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_the_teacher_is_heard(tmp_path: Path) -> None:
    """Nobody knows the target's labels: with alpha 0 there is nothing to learn of it."""
    lost = [Unit(u.source, replace(u.target, spans=(), masked=(0,))) for u in pairs()[:9]]
    weights = []
    for alpha in (0.0, 1.0):
        spec = Filter.model_validate(settings(config=TWO, epochs=1, alpha=alpha))
        home = tmp_path / str(alpha)
        spec.build(7).train_pairs(lost, [], home)  # type: ignore[attr-defined]
        weights.append((home / "model.safetensors").read_bytes())
    assert weights[0] != weights[1]


def test_fusion_tells_what_the_source_alone_knows(tmp_path: Path) -> None:
    """Without it the target of these units can only be guessed."""
    shares = []
    for fused in (1, 0):
        spec = Filter.model_validate(settings(config=TWO, epochs=12, fusion_layers=fused, phases=1))
        home = tmp_path / str(fused)
        spec.build(2, "classification").train_pairs(hidden(), [], home)  # type: ignore[attr-defined]
        found = spec.load(home).predict_units([bare(unit) for unit in hidden()])  # type: ignore[attr-defined]
        shares.append(right(found, hidden()))
    assert shares == [1.0, 0.5]


def test_long_texts_are_coupled_window_by_window(tokenizer: Any) -> None:
    assert couples(3, 1) == [(0, 0), (1, 0), (2, 0)]
    assert couples(2, 4) == [(0, 0), (0, 1), (1, 2), (1, 3)]
    unit = pairs()[0]
    long = replace(unit.target, texts=(" ".join([unit.target.texts[0]] * 20),))
    made = rows(tokenizer, [Unit(unit.source, long)])
    assert len(made) == 5
    assert all(len(row["target"]["input_ids"]) <= 24 for row in made)
    assert sum(sum(row["places"]) for row in made) == 20 * 4


def test_what_is_masked_is_not_learnt_but_taught(tokenizer: Any) -> None:
    unit = pairs()[0]
    lost = Unit(unit.source, replace(unit.target, spans=(), masked=(0,)))
    (row,) = span_rows(
        lost,
        Cutter(tokenizer, 24, 6),
        {label: i for i, label in enumerate(LABELS)},
        (Reading("bio", partial=True), Reading("bio", partial=True)),
    )
    assert set(row["target_labels"]) == {-100}
    assert sum(row["places"]) == 4


def test_faults_are_told(tmp_path: Path) -> None:
    spec = Filter.model_validate(settings(epochs=1))
    with pytest.raises(RecipeError, match="one side alone"):
        spec.build(1).train(toy(), [], tmp_path / "model")
    with pytest.raises(RecipeError, match=r"at most the model's 1 layers, was: 1 \+ 1"):
        spec.build(1).train_pairs(pairs(), [], tmp_path / "model")  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="at least one sentence"):
        spec.build(1).train_pairs([], [], tmp_path / "model")  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="at least one label"):
        spec.build(1, "pairs").train_pairs(pairs(), [], tmp_path / "model")  # type: ignore[attr-defined]
    with pytest.raises(RecipeError, match=r"one of classification, pairs, spans, was: \"qa\""):
        spec.build(1, "qa")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(("steps", "further"), [(4, 9), (7, 6), (10, 3)])
def test_a_training_that_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, further: int
) -> None:
    """In the first phase (of six steps), or the second: a phase that is over is not done again."""
    spec = Filter.model_validate(settings(config=TWO, epochs=2))
    spec.build(7).train_pairs(pairs()[:24], [], tmp_path / "whole")  # type: ignore[attr-defined]
    done, tick = [0], progress.tick

    def stopping(step: str, rows: int) -> None:
        done[0] += step == "train"
        if done[0] == steps:
            raise progress.Stopped
        tick(step, rows)

    monkeypatch.setattr(progress, "tick", stopping)
    for home in ("broken", "done"):
        trainer = spec.build(7)
        assert isinstance(trainer, Resuming)
        assert isinstance(trainer, PairTrainer)
        trainer.keep(tmp_path / "kept")
        if home == "broken":
            with pytest.raises(progress.Stopped):
                trainer.train_pairs(pairs()[:24], [], tmp_path / home)
        else:
            trainer.train_pairs(pairs()[:24], [], tmp_path / home)
    assert done[0] == steps + further
    assert not (tmp_path / "kept").exists()
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "done" / path.name).read_bytes(), path.name
