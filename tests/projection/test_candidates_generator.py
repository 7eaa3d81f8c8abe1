"""A tagged text-to-text model: prompts, answers, places; a tiny T5 taught in the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples import LinkedWords, example, unit
from tests.projection.toy_tools import ToyTools
from xltpipe.errors import RecipeError
from xltpipe.projection.candidates import Candidates
from xltpipe.projection.candidates_generator import (
    Generator,
    answer,
    occurrences,
    prompt,
    read_slots,
)
from xltpipe.text import tokenise
from xltpipe.translation.models import find_model

LABELS = ["PER", "LOC"]
LESSONS = [
    ("Ana vive en Roma .", [("PER", "Ana"), ("LOC", "Roma")]),
    ("Roma gusta a Luis .", [("PER", "Luis"), ("LOC", "Roma")]),
    ("Luis ama Nueva York .", [("PER", "Luis"), ("LOC", "Nueva York")]),
]


def test_prompt_and_answer() -> None:
    text, slots = LESSONS[0]
    assert prompt(text, LABELS) == "Ana vive en Roma . <PER>[None]</PER><LOC>[None]</LOC>"
    assert answer(slots) == "<PER>Ana</PER><LOC>Roma</LOC>"
    assert read_slots(answer(slots), LABELS) == slots


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<PER> Ana </PER> <LOC> Nueva  York </LOC>", [("PER", "Ana"), ("LOC", "Nueva York")]),
        ("<PER>Ana</LOC><LOC>Roma</LOC>", [("LOC", "Roma")]),  # mismatched
        ("<PER>Ana<LOC>Roma</LOC>", [("LOC", "Roma")]),  # never closed
        ("Ana</PER>", []),
        ("<PER>[None]</PER><LOC></LOC>", []),
        ("<PER>a < b</PER>", [("PER", "a < b")]),
        ("<PER>Ana</PER><PER>Ana</PER>", [("PER", "Ana")]),
        ("<ORG>UN</ORG>", []),  # a label nobody asked for
        ("", []),
    ],
)
def test_answers_are_read_and_broken_ones_left_out(written: str, expected: list[object]) -> None:
    assert read_slots(written, LABELS) == expected


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("Roma", "Roma y Roma", [(0, 1), (2, 3)]),
        ("Nueva York", "en Nueva York.", [(1, 3)]),
        ("roma", "Roma y roma", [(2, 3)]),  # as it is, before the keys
        ("roma", "Roma y ROMA", [(0, 1), (2, 3)]),
        ("Roma.", "Roma cae", [(0, 1)]),  # glued punctuation is no part of a key
        ("Milán", "Roma cae", []),
        ("北京", "他在北京。", [(2, 4)]),
        ("", "Roma", []),
    ],
)
def test_occurrences(text: str, target: str, expected: list[tuple[int, int]]) -> None:
    assert occurrences(text, tokenise(target), agglutinative=False) == expected


def test_agglutinative_words_may_hold_more_but_every_word_must_fit() -> None:
    target = tokenise("waseJamani wabona iNew Yorkini waseJamani iNew hlala")
    assert occurrences("Jamani", target, agglutinative=False) == []
    assert occurrences("Jamani", target, agglutinative=True) == [(0, 1), (4, 5)]
    assert occurrences("New York", target, agglutinative=True) == [(2, 4)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 of random weights that has learnt the lessons by heart."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    torch.manual_seed(1)
    words = sorted({w for text, _ in LESSONS for w in text.split()})
    tags = [f"<{slash}{label}>" for label in LABELS for slash in ("", "/")]
    vocabulary = {w: n for n, w in enumerate(["<pad>", "</s>", "<unk>", *tags, "[None]", *words])}
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, special["unk_token"]))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    raw.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw, **special)
    tokenizer.add_tokens([tokenizers.AddedToken(t, special=False) for t in [*tags, "[None]"]])
    config = transformers.T5Config(
        vocab_size=len(vocabulary),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=1,
        num_heads=2,
        dropout_rate=0.0,
        decoder_start_token_id=0,
    )
    model = transformers.T5ForConditionalGeneration(config)
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    sent = [tokenizer.encode(prompt(text, LABELS)) for text, _ in LESSONS]
    wanted = [tokenizer.encode(answer(slots)) for _, slots in LESSONS]
    width, depth = max(map(len, sent)), max(map(len, wanted))
    ids = torch.tensor([one + [0] * (width - len(one)) for one in sent])
    labels = torch.tensor([one + [-100] * (depth - len(one)) for one in wanted])
    for _ in range(120):
        loss = model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05
    folder = tmp_path_factory.mktemp("generator")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_taught_model_fills_the_slots_whatever_the_batch(home: Path) -> None:
    asked = [(text, LABELS) for text, _ in LESSONS]
    generator = Generator(home, beams=3, max_tokens=40, batch_size=2)
    together = generator.generate(asked)
    for got, (_, slots) in zip(together, LESSONS, strict=True):
        assert got is not None
        assert set(slots) <= set(got)
    assert [generator.generate([one])[0] for one in asked] == together
    assert generator.generate([]) == []
    assert generator.too_long == 0


def test_long_prompts_are_not_cut_but_counted(home: Path) -> None:
    generator = Generator(home, beams=2, max_tokens=8, batch_size=2)
    assert generator.generate([(LESSONS[0][0], LABELS)]) == [None]
    assert (generator.too_long, generator.cut) == (1, 0)
    ids = generator._tokenizer.encode(prompt(LESSONS[0][0], LABELS))
    generator._max_tokens = 3  # the answer has six tokens and an end
    generator._write([ids])
    assert generator.cut == 2


def test_what_the_model_writes_is_placed_and_scored(home: Path) -> None:
    source = example("Ana lives in Rome .", ("Ana", "PER"), ("Rome", "LOC"))
    spec = Candidates(generator=home, beams=3, alignment_weight=0.0, floor=0.0)
    tools = ToyTools(LinkedWords([]), find_model("embedded"))
    projector = spec.build(tools)
    done, missing = projector.project([unit(source, LESSONS[0][0]), unit(source, "¿ Qué ?")])
    assert [done.target.covered(s) for s in done.target.spans] == ["Ana", "Roma"]
    assert [s.label for s in done.target.spans] == LABELS
    assert [p.reason for p in missing.placements] == ["no_candidate"] * 2
    assert spec.fingerprint().keys() == {"generator"}


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    spec = Candidates(generator=tmp_path, model="embedded")
    with pytest.raises(RecipeError, match="sequence-to-sequence model"):
        spec.build(ToyTools(LinkedWords([])))
