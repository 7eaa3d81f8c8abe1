from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.tiny import settings, tiny
from tests.training.toy import questions, toy
from xltpipe import progress
from xltpipe.errors import DataError, RecipeError
from xltpipe.protocols import Resuming
from xltpipe.training import SelfDistillation
from xltpipe.training.crossing import cross
from xltpipe.training.from_scratch import learn_tokenizer
from xltpipe.training.self_distillation_answers import gold, passages, place
from xltpipe.training.small_bert import SmallBert
from xltpipe.types import Example, Span

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from xltpipe.training.distillation import distilled  # noqa: E402
from xltpipe.training.self_distillation_network import (  # noqa: E402
    SelfDistillingQuestionAnswering,
    coefficient,
    map_at_k,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def ranked(places: list[int], size: int = 60) -> Any:
    """Logits that rank these places first, in this order; the others far behind, the last first."""
    logits = torch.linspace(-60, -50, size)
    for rank, at in enumerate(places):
        logits[at] = 10.0 - rank
    return logits


@pytest.mark.parametrize(
    ("places", "gold", "expected"),
    [
        ([20], 20, 1.0),
        ([40, 20], 20, 1 / 2),
        ([40, 50, 20], 20, 1 / 3),
        ([15], 20, 1.0),  # gold - 5 is in
        ([14], 20, 0.0),
        ([24], 20, 1.0),
        ([25], 20, 0.0),  # gold + 5 is out
        ([25, 24, 20], 20, 1 / 2),  # the first hit counts, and only it
        ([*range(30, 39), 20], 20, 1 / 10),
        ([*range(30, 40), 20], 20, 0.0),  # the eleventh
        ([0], 2, 1.0),  # at the edge
    ],
)
def test_map_at_k(places: list[int], gold: int, expected: float) -> None:
    found = map_at_k(ranked(places)[None], torch.tensor([gold]))
    assert found.tolist() == pytest.approx([expected])


def test_the_coefficient_of_a_batch() -> None:
    places = torch.tensor([20, 45])
    perfect = torch.stack([ranked([20]), ranked([45])])
    second = torch.stack([ranked([2, 20]), ranked([2, 45])])
    assert coefficient(perfect, perfect, places, places).item() == 1.0
    assert coefficient(perfect, second, places, places).item() == 0.75
    assert coefficient(second, perfect, places, places).item() == 0.75
    one = torch.stack([ranked([20]), ranked([2, 45])])  # rows are averaged, too
    assert coefficient(one, one, places, places).item() == 0.75
    assert coefficient(ranked([1])[None], ranked([1])[None], places[:1], places[:1]).item() == 0
    few = torch.tensor([[3.0, 1.0, 2.0]])  # fewer places than k
    assert map_at_k(few, torch.tensor([1]), tolerance=1).item() == pytest.approx(1.0)


def network(**changes: Any) -> SelfDistillingQuestionAnswering:
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=99,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.3,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    given = {"cross_entropy_weight": 0.7, "temperature": 2.0, "k": 10, "tolerance": 1} | changes
    inner = transformers.BertForQuestionAnswering(config)
    return SelfDistillingQuestionAnswering(inner, **given).train()


def batch() -> dict[str, Any]:
    torch.manual_seed(5)
    seen = torch.ones(3, 30, dtype=torch.long)
    seen[1, 20:] = 0
    places = {"start_positions": torch.tensor([4, 5, 6]), "end_positions": torch.tensor([5, 9, 6])}
    return {"input_ids": torch.randint(5, 99, (3, 30)), "attention_mask": seen} | places


def test_the_loss_is_that_of_the_paper() -> None:
    runner, given = network(), batch()
    alone = runner.eval()(**given)["loss"].item()
    found = runner.train()(**given)["loss"].item()
    assert found == pytest.approx(0.7 * alone, rel=1e-5)  # the teacher says the same
    with torch.no_grad():
        for parameter in runner.teacher.parameters():
            parameter.mul_(1.3)
        mine, known = [
            m(**{k: given[k] for k in ("input_ids", "attention_mask")})
            for m in (runner.model, runner.teacher)
        ]
        unseen = given["attention_mask"] == 0
        pairs = [
            (
                getattr(mine, n).masked_fill(unseen, -1e4),
                getattr(known, n).masked_fill(unseen, -1e4),
            )
            for n in ("start_logits", "end_logits")
        ]
        taught = sum(distilled(a, b, 2.0) for a, b in pairs) / 2
        trust = coefficient(
            pairs[0][1], pairs[1][1], given["start_positions"], given["end_positions"], tolerance=1
        )
    assert 0 < trust < 1
    assert taught > 0.01
    found = runner(**given)["loss"].item()
    assert found == pytest.approx(0.7 * alone + (trust * taught).item(), rel=1e-4)


def test_padding_is_no_place() -> None:
    runner, given = network(), batch()
    before = runner(**given)["loss"].item()
    wide = {k: torch.nn.functional.pad(v, (0, 7)) if v.dim() == 2 else v for k, v in given.items()}
    assert runner(**wide)["loss"].item() == pytest.approx(before, rel=1e-5)


def test_the_student_becomes_the_teacher_and_only_then() -> None:
    runner, given = network(), batch()
    before = {k: v.clone() for k, v in runner.teacher.state_dict().items()}
    trained = [p for p in runner.parameters() if p.requires_grad]
    assert len(trained) == len(list(runner.model.parameters()))
    optimiser = torch.optim.SGD(trained, lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        runner(**given)["loss"].backward()
        optimiser.step()
    assert all(torch.equal(v, before[k]) for k, v in runner.teacher.state_dict().items())
    runner.advance()
    student = runner.model.state_dict()
    assert all(torch.equal(v, student[k]) for k, v in runner.teacher.state_dict().items())
    assert any(not torch.equal(v, before[k]) for k, v in student.items())
    assert len(runner.coefficients) == 1


def test_questions_meet_contexts_in_other_languages() -> None:
    rows = cross(questions(), 5, 1)
    asked = {(e.id, e.lang): e for e in questions()}
    assert len(rows) == 2 * len(questions())  # two languages have each id
    crossed = [one for one in rows if one.crosses]
    assert len(crossed) == len(questions())
    for one in rows:
        own, other = (
            asked[one.example.id, one.example.lang],
            asked[one.example.id, one.question_lang],
        )
        assert one.example.texts == (other.texts[0], own.texts[1])
        assert one.example.spans == own.spans
    assert cross(questions(), 5, 1) == rows
    drawn = cross(questions(), 1, 1)
    assert len(drawn) == len(questions())
    assert 0 < sum(one.crosses for one in drawn) < len(drawn)
    assert cross(questions(), 1, 2) != drawn
    assert cross([], 5, 1) == []


TEXT = "श्याम सुंदर दिल्ली में रहते हैं । Amina lives in Kano . 田中は東京に住む 🎉 ."


@pytest.mark.parametrize("length", [16, 24, 64])
@pytest.mark.parametrize("answer", ["दिल्ली", "Amina", "東京", "श्याम सुंदर"])
def test_answers_have_their_places(answer: str, length: int) -> None:
    tokenizer = learn_tokenizer([TEXT, "Who ?"] * 3, 400, length)
    start = TEXT.index(answer)
    span = Span(start, start + len(answer), "answer", 1)
    windows = passages(tokenizer, Example("1", "mul", ("Who ?", TEXT), (span,)), length, 6)
    assert all(len(one.inputs["input_ids"]) <= length for one in windows)
    found = [(one, *place(one, span)) for one in windows]
    whole = [(one, a, b) for one, a, b in found if (a, b) != (one.none, one.none)]
    assert whole
    for one, first, last in whole:
        begin, end = one.offsets[first], one.offsets[last]
        assert begin is not None
        assert end is not None
        assert begin[0] <= span.start < begin[1]
        assert end[0] < span.end <= end[1]
    assert all(one.none == 0 for one in windows)


def test_a_question_longer_than_a_window() -> None:
    tokenizer = learn_tokenizer([TEXT], 400, 16)
    windows = passages(tokenizer, Example("1", "mul", (TEXT, TEXT)), 16, 14)
    assert all(len(one.inputs["input_ids"]) <= 16 for one in windows)
    covered = [bounds for one in windows for bounds in one.offsets if bounds]
    assert max(end for _, end in covered) == len(TEXT)
    assert passages(tokenizer, Example("1", "mul", (TEXT, " ")), 16, 4) == []
    assert passages(tokenizer, Example("1", "mul", (TEXT,)), 16, 4) == []


def spec(**changes: Any) -> SelfDistillation:
    small = SmallBert(layers=2, width=32, heads=2, vocabulary=400)
    return SelfDistillation.model_validate(
        settings(config=small, epochs=24, max_tokens=40, learning_rate=5e-3) | changes
    )


def test_it_learns_across_languages(tmp_path: Path) -> None:
    spec().build(7).train(iter(questions()), questions()[:2], tmp_path / "a")
    assert "model.safetensors" in {path.name for path in (tmp_path / "a").iterdir()}
    report = json.loads((tmp_path / "a" / "report.json").read_text("utf-8"))
    assert report["rows"] == 2 * report["crossed"] == 2 * len(questions())
    assert report["unanswered"] == 4
    assert len(report["coefficients"]) == 24
    assert report["coefficients"][-1] > 0.9
    tagger = spec().load(tmp_path / "a")
    asked = [one.example for one in cross(questions(), 5, 1)]
    found = tagger.predict([replace(e, spans=()) for e in asked])
    assert sum(a.spans == b.spans for a, b in zip(asked, found, strict=True)) > 0.8 * len(asked)
    assert any(e.spans == () for e in found)
    bare = [replace(e, spans=()) for e in asked]
    ranked = spec(n_best=3).load(tmp_path / "a").predict(bare)
    assert [e.spans[:1] for e in ranked] == [e.spans for e in found]
    assert {len(set(e.spans)) for e in ranked if e.spans} == {3}
    assert tagger.predict([]) == []
    assert tagger.predict(toy()[:2]) == [replace(e, spans=()) for e in toy()[:2]]


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    small = spec(epochs=2)
    for name in "ab":
        small.build(7).train(questions(), [], tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    again = small.model_copy(update={"config": None, "model": str(tmp_path / "a"), "epochs": 1})
    again.build(8).train(questions(), [], tmp_path / "c")
    first, later = (
        json.loads((tmp_path / name / "report.json").read_text("utf-8")) for name in "ac"
    )
    assert later["loss"] < first["loss"]


def test_a_tagger_can_be_begun_with(tmp_path: Path) -> None:
    """Its head of nine labels is replaced by one of two."""
    tiny(epochs=1).build(1).train(toy(), [], tmp_path / "tagger")
    begun = SelfDistillation.model_validate(
        settings(config=None, model=str(tmp_path / "tagger"), epochs=1)
    )
    begun.build(1).train(questions(), [], tmp_path / "model")
    assert len(begun.load(tmp_path / "model").predict(questions())) == len(questions())


def test_faults_are_told(tmp_path: Path) -> None:
    home = tmp_path / "model"
    english = [e for e in questions() if e.lang == "eng"]
    alone = r"one id, was: no row of a language but eng \(10 examples\); .* no translated row was k"
    with pytest.raises(DataError, match=alone):
        spec().build(1).train(english, [], home)
    lost = replace(questions()[-3], lang="swa", spans=(), masked=(1,))
    with pytest.raises(DataError, match=r"\(10 examples, and 1 more whose answer was lost\)"):
        spec().build(1).train([*english, lost], [], home)
    apart = [replace(e, id=f"{e.lang}-{e.id}") for e in questions()]
    with pytest.raises(DataError, match=r"was: none in 20 .*\(eng, swa\); give the same question"):
        spec().build(1).train(apart, [], home)
    with pytest.raises(DataError, match="at least one question with a context"):
        spec().build(1).train(toy(), [], home)
    with pytest.raises(RecipeError, match='must be one of qa, was: "spans"'):
        spec().build(1, "spans")
    assert not home.exists()


def test_a_lost_answer_is_not_learnt_as_none() -> None:
    from xltpipe.training.self_distillation import _usable

    lost = replace(questions()[0], spans=(), masked=(1,))
    kept, counts = _usable([lost, *questions()])
    assert len(kept) == len(questions())
    assert counts["masked_examples"] == 1
    two = replace(questions()[0], spans=(Span(9, 12, "answer", 1), Span(2, 4, "answer", 1)))
    assert gold(two) == Span(2, 4, "answer", 1)


def test_a_training_that_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the teacher that it had: that is in the checkpoint."""
    short = spec(epochs=4)
    short.build(7).train(questions(), [], tmp_path / "whole")
    steps, tick = [0], progress.tick

    def stopping(step: str, rows: int) -> None:
        steps[0] += step == "train"
        if steps[0] == 12:  # in the third of four epochs of five steps
            raise progress.Stopped
        tick(step, rows)

    monkeypatch.setattr(progress, "tick", stopping)
    for home in ("broken", "done"):
        trainer = short.build(7)
        assert isinstance(trainer, Resuming)
        trainer.keep(tmp_path / "kept")
        if home == "broken":
            with pytest.raises(progress.Stopped):
                trainer.train(questions(), [], tmp_path / home)
        else:
            trainer.train(questions(), [], tmp_path / home)
    assert steps[0] == 12 + 10
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "done" / path.name).read_bytes(), path.name
