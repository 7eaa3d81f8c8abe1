from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.examples import SCRIPTS, example
from tests.training.toy import toy
from tests.training.unigram import unigram_tokenizer
from xltpipe import progress
from xltpipe.errors import DataError, RecipeError
from xltpipe.text import tokenise
from xltpipe.training import TextToText, TrainerSpec
from xltpipe.training.from_scratch import learn_tokenizer
from xltpipe.training.text_to_text_model import SmallMarian
from xltpipe.training.text_to_text_tagger import TextToTextTagger
from xltpipe.types import Example, Span

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TINY = SmallMarian(layers=1, width=32, heads=2, vocabulary=320)
# Adjacent spans, of one label and of two; words of several scripts; spans over all words.
LEARNT = [
    example("Amina Bello Kano .", ("Amina", "PER"), ("Bello", "PER"), ("Kano", "LOC"), id="1"),
    example("王芳在北京工作。", ("王芳", "PER"), ("北京", "LOC"), id="2", lang="zho"),
    example("زارت ليلى القاهرة", ("ليلى", "PER"), ("القاهرة", "LOC"), id="3", lang="arb"),
    example("👩‍👩‍👧 Zoë 🎉", ("Zoë", "PER"), ("🎉", "LOC"), id="4"),
    example("New Delhi", ("New Delhi", "LOC"), id="5"),
    example("Musa Lagos", ("Musa", "PER"), ("Lagos", "LOC"), id="7"),  # no output is longer
    example("it rained all day .", id="6"),
]


pytestmark = pytest.mark.usefixtures("one_thread")


def tiny(**changes: Any) -> TextToText:
    spec = {
        "config": TINY,
        "epochs": 1,
        "learning_rate": 5e-3,
        "batch_size": 3,
        "max_tokens": 64,
        "overlap": 8,
        "device": "cpu",
    }
    return TextToText.model_validate(spec | changes)


def load(home: Path, **changes: Any) -> TextToTextTagger:
    tagger = tiny(**changes).load(home)
    assert isinstance(tagger, TextToTextTagger)
    return tagger


def bare(examples: list[Example]) -> list[Example]:
    return [replace(one, spans=()) for one in examples]


def report(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "report.json").read_text("utf-8")))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("untrained") / "model"
    tiny(learning_rate=1e-9).build(1).train(LEARNT, LEARNT[:2], home)
    return home


@pytest.mark.parametrize(
    ("tags", "epochs", "learnt"), [("tokens", 60, LEARNT), ("pieces", 80, LEARNT[:3])]
)
def test_learns_a_few_sentences_by_heart(
    tmp_path: Path, tags: str, epochs: int, learnt: list[Example]
) -> None:
    wider = TINY.model_copy(update={"width": 48})
    spec = tiny(config=wider, tags=tags, epochs=epochs, learning_rate=4e-3, batch_size=2)
    spec.build(7).train(iter(learnt), [], tmp_path / "model")
    tagger = load(tmp_path / "model", tags=tags, predict_batch_size=1)
    assert tagger.predict(bare(learnt)) == learnt
    assert tagger.predict([]) == []
    empty = Example("e", "eng", ("", "  "))
    assert tagger.predict([empty]) == [empty]


def test_two_trainings_give_the_same_bytes(untrained: Path, tmp_path: Path) -> None:
    tiny(learning_rate=1e-9).build(1).train(LEARNT, LEARNT[:2], tmp_path / "again")
    names = sorted(path.name for path in untrained.iterdir())
    assert {"model.safetensors", "settings.json", "report.json", "tokenizer.json"} <= set(names)
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth"))]
    for name in names:
        assert (untrained / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert report(untrained)["dev_loss"] > 1


@pytest.mark.parametrize("examples", [SCRIPTS, toy()[:4]], ids=["scripts", "toy"])
def test_an_untrained_model_writes_only_what_is_valid(
    untrained: Path, examples: list[Example]
) -> None:
    tagger = load(untrained)
    predicted = tagger.predict(bare(examples))
    assert bare(predicted) == bare(examples)
    assert tagger.counts["lost_texts"] == 0
    assert any(one.spans for one in predicted)
    for one in predicted:
        bounds = tokenise(one.texts[0]).bounds
        starts, ends = {a for a, _ in bounds}, {b for _, b in bounds}
        assert all(s.start in starts and s.end in ends for s in one.spans)
        assert all(a.end <= b.start for a, b in pairwise(one.spans))


def test_unconstrained_what_comes_back_otherwise_is_lost(
    untrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "notes", [])
    tagger = load(untrained, constrained=False)
    assert tagger.predict(LEARNT) == bare(LEARNT)
    assert tagger.counts["lost_texts"] == len(LEARNT)
    assert progress.notes == ["text_to_text: 7 lost_texts in 7 examples"]


@pytest.mark.parametrize("constrained", [True, False])
def test_batches_do_not_change_the_spans(untrained: Path, *, constrained: bool) -> None:
    data = bare([*LEARNT, toy()[0]])
    alone = load(untrained, constrained=constrained, predict_batch_size=1)
    expected = alone.predict(data)
    for size in (3, 16):
        together = load(untrained, constrained=constrained, predict_batch_size=size)
        assert together.predict(data) == expected
        assert together.counts == alone.counts


def test_the_best_output_is_found(untrained: Path) -> None:
    """Against all outputs, each scored by teacher forcing over the whole vocabulary."""
    texts = ["Kano", "Amina Kano", "北京 .", "Zoë 🎉"]
    for penalty in (0.0, 1.0):
        tagger = load(untrained, beams=200, length_penalty=penalty)
        for text in texts:
            (predicted,) = tagger.predict([Example("1", "eng", (text,))])
            spell, bounds = tagger._speller, tokenise(text).bounds
            words, _ = spell.spell(text, bounds, 99)
            automaton = spell.grammar.over(words)
            best = max(
                outputs(automaton), key=lambda out: score(tagger, spell.read(words), out, penalty)
            )
            chunks = automaton.read(best) or []
            assert [(s.start, s.end, s.label) for s in predicted.spans] == [
                (bounds[a][0], bounds[b - 1][1], ["LOC", "PER"][label]) for a, b, label in chunks
            ]


def outputs(automaton: Any) -> list[list[int]]:
    done, fringe = [], [([], automaton.start)]
    while fringe:
        tokens, states = fringe.pop()
        following = automaton.allowed(states)
        if not following:
            done.append(tokens)
        fringe += [([*tokens, t], automaton.follow(states, t)) for t in following]
    return done


def score(tagger: TextToTextTagger, read: list[int], out: list[int], penalty: float) -> float:
    start, model = tagger._decoder._start, tagger._decoder._model
    with torch.inference_mode():
        logits = model(
            input_ids=torch.tensor([read]), decoder_input_ids=torch.tensor([[*start, *out[:-1]]])
        ).logits[0, len(start) - 1 :]
    steps = torch.log_softmax(logits, -1)[range(len(out)), out]
    return float(steps.sum()) / len(out) ** penalty


def test_long_text_is_windowed_not_cut(tmp_path: Path) -> None:
    long = " ".join(one.texts[0] for one in toy())
    start = long.rindex("दिल्ली")
    given = Example("long", "mul", (long,), (Span(start, start + 6, "LOC"),))
    tiny().build(1).train([given], [], tmp_path / "model")
    counts = report(tmp_path / "model")
    assert counts["windowed_sentences"] == 1
    assert counts["windows"] > 5
    assert counts["overlong_windows"] == counts["dropped_spans"] == 0
    (predicted,) = load(tmp_path / "model").predict([given])
    assert predicted.spans
    assert max(s.end for s in predicted.spans) > 0.9 * len(long)  # an untrained model tags all over


def test_a_word_longer_than_a_window_keeps_its_offsets(tmp_path: Path) -> None:
    number = "".join(map(str, range(99)))
    text = f"See {number} in Kano ."
    end = 4 + len(number)
    given = Example("1", "eng", (text,), (Span(4, end, "ID"), Span(end + 4, end + 8, "LOC")))
    tiny(epochs=50, max_tokens=24).build(1).train([given], [], tmp_path / "model")
    assert report(tmp_path / "model")["shortened_words"] == 1
    assert load(tmp_path / "model").predict(bare([given])) == [given]


def test_report_counts_what_was_left_out(tmp_path: Path) -> None:
    nested = Example("1", "eng", ("Bank of Kano",), (Span(0, 12, "ORG"), Span(8, 12, "LOC")))
    tiny().build(1).train([nested], [], tmp_path / "model")
    found = report(tmp_path / "model")
    assert (found["spans"], found["dropped_spans"], found["labels"]) == (2, 1, ["ORG"])
    assert found["overlong_windows"] == 0
    assert json.loads((tmp_path / "model" / "settings.json").read_text())["labels"] == ["ORG"]


def bart(folder: Path, positions: int, tokenizer: Any = None) -> Path:
    """A checkpoint with positions of its own; its tokenizer puts a token before each text."""
    if tokenizer is None:
        tokenizer = learn_tokenizer([one.texts[0] for one in LEARNT], 320, positions)
        tokenizer.eos_token = tokenizer.sep_token
    sizes = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1}
    inner = {"encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "forced_eos_token_id": None}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    config = transformers.BartConfig(
        vocab_size=len(tokenizer) + 3,  # as some checkpoints, with rows to spare
        max_position_embeddings=positions,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        **sizes | inner | heads,
    )
    transformers.set_seed(3)
    model = transformers.BartForConditionalGeneration(config)
    model.generation_config.no_repeat_ngram_size = 1  # must not enter the tagger's search
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_checkpoint_in_a_folder(tmp_path: Path) -> None:
    spec = {"config": None, "model": str(bart(tmp_path / "bart", 64)), "max_tokens": 32}
    tiny(epochs=40, **spec).build(1).train(LEARNT, [], tmp_path / "model")
    assert load(tmp_path / "model", **spec).predict(bare(LEARNT)) == LEARNT
    assert tiny(**spec).identity()["model!"] == tiny(**spec).fingerprint()["model"]
    with pytest.raises(RecipeError, match=r"max_tokens must be at most 32 for model.*was: 40"):
        tiny(**spec | {"max_tokens": 40}).build(1).train(LEARNT, [], tmp_path / "long")


UNKNOWN = [
    example("عمر in Kano .", ("عمر", "PER"), ("Kano", "LOC")),
    example("🎉 🎉🎉 東京", ("東京", "LOC"), id="2"),
]


def test_words_that_the_tokenizer_cannot_write_keep_their_offsets(tmp_path: Path) -> None:
    model = bart(tmp_path / "bart", 64, unigram_tokenizer())
    spec = {"config": None, "model": str(model), "max_tokens": 32}
    tiny(epochs=60, **spec).build(1).train(UNKNOWN, [], tmp_path / "model")
    found = report(tmp_path / "model")
    assert (found["unknown_words"], found["split_words"]) == (4, 4)
    assert load(tmp_path / "model", **spec).predict(bare(UNKNOWN)) == UNKNOWN


def t5(folder: Path, **changes: Any) -> Path:
    """A checkpoint whose decoder has no limit."""
    tokenizer = unigram_tokenizer()
    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 1, "num_heads": 2}
    ids = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
    transformers.set_seed(3)
    config = transformers.T5Config(vocab_size=len(tokenizer), **sizes, **ids | changes)
    transformers.T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("tags", ["tokens", "pieces"])
def test_t5_is_held_to_the_grammar(tmp_path: Path, tags: str) -> None:
    spec = {"config": None, "model": str(t5(tmp_path / "t5")), "tags": tags}
    tiny(**spec).build(1).train(UNKNOWN, [], tmp_path / "model")
    tagger = load(tmp_path / "model", **spec)
    assert [one.texts for one in tagger.predict(SCRIPTS)] == [one.texts for one in SCRIPTS]
    assert tagger.counts["lost_texts"] == tagger.counts["cramped_texts"] == 0


def test_a_decoder_must_have_a_start(tmp_path: Path) -> None:
    folder = t5(tmp_path / "t5", decoder_start_token_id=None)
    with pytest.raises(RecipeError, match="must have a decoder_start_token_id in its config"):
        tiny(config=None, model=str(folder)).build(1).train(LEARNT, [], tmp_path / "model")


def test_tags_keep_to_the_room_that_the_decoder_has(tmp_path: Path) -> None:
    spec = {
        "config": None,
        "model": str(bart(tmp_path / "bart", 64)),
        "max_tokens": 32,
        "tags": "pieces",
        "learning_rate": 1e-9,
    }
    tiny(**spec).build(1).train(LEARNT, [], tmp_path / "model")
    tagger = load(tmp_path / "model", **spec)
    text = "a b c d e f g h i j k l m"
    (predicted,) = tagger.predict([Example("1", "eng", (text,))])
    assert tagger.counts["cramped_texts"] == 1
    assert all(span.end <= len(text) for span in predicted.spans)


@pytest.mark.parametrize(
    ("model", "match"),
    [
        ("/no/such/folder", r"must be a folder that is there.*correct the path"),
        ("{tmp}", "folder with config, fast tokenizer and safetensors"),
    ],
)
def test_checkpoint_must_be_there(tmp_path: Path, model: str, match: str) -> None:
    spec = tiny(config=None, model=model.format(tmp=tmp_path))
    with pytest.raises(RecipeError, match=match):
        spec.build(1).train(LEARNT, [], tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_nothing_to_learn(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least one sentence"):
        tiny().build(1).train([], [], tmp_path / "model")
    with pytest.raises(DataError, match="at least one span"):
        tiny().build(1).train([Example("1", "eng", ("None.",))], [], tmp_path / "model")


def test_model_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must hold a settings\.json"):
        tiny().load(tmp_path)
    (tmp_path / "settings.json").write_text('{"kind": "crf"}')
    with pytest.raises(DataError, match='must be of kind "text_to_text", was: "crf"'):
        tiny().load(tmp_path)


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ({}, "must have either model"),
        ({"model": "x", "config": {}}, "must have either model"),
        ({"model": "x", "max_tokens": 32}, "overlap must be less"),
        ({"config": {"width": 9}}, "width must be a multiple of heads"),
        ({"model": "x", "beams": 0}, "beams"),
        ({"model": "x", "tags": "words"}, "tags"),
    ],
)
def test_settings_are_checked(spec: dict[str, object], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        TypeAdapter(TrainerSpec).validate_python({"kind": "text_to_text", **spec})


def test_identity_holds_what_can_change_the_result() -> None:
    for change in ({"constrained": False}, {"beams": 2}, {"tags": "pieces"}, {"device": "auto"}):
        assert tiny(**change).identity() != tiny().identity()
    assert tiny(predict_batch_size=3).identity() == tiny().identity()
