"""CTranslate2 with the models that ship: nothing lost, cut, mixed up or invented in silence."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import ctranslate2
import pytest
import sentencepiece

from tests.toy_recipe import toy_recipe
from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.preflight import preflight
from xltpipe.projection import markers
from xltpipe.projection.markup import PAIRS
from xltpipe.translation import CTranslate2
from xltpipe.translation.codec import codec
from xltpipe.translation.models import find_model
from xltpipe.types import Translation

SENTENCES = [
    "Where does Fatima live?",
    "My mother works at the Red Cross.",
    "We travelled to Kenya last year.",
    "",
    "I have a dog.",
    "Anna wants to move to Berlin because she has found a new job at the hospital there.",
    " \t\n",
    "Yes.",
    "She said that she would come home late, but he did not believe her.",
]


SMALL = CTranslate2(model="en-es-tatoeba")
"""Its vocabulary lacks brackets and has no bytes to spell them."""


def translate(texts: list[str], spec: CTranslate2 | None = None) -> list[Translation]:
    spec = spec or SMALL
    return spec.build("eng", "spa").translate(texts, "eng", "spa")


def test_translates_both_ways_and_keeps_order() -> None:
    got = [one.text for one in translate(SENTENCES)]
    assert got[3] == got[6] == ""
    assert got[0].startswith("¿Dónde vive Fatima")
    assert got[4] == "Tengo un perro."
    back = SMALL.build("es", "en").translate(["¿Dónde vive usted?"], "spa", "eng")
    assert back[0].text == "Where do you live?"


def test_equals_the_raw_engine() -> None:
    model = find_model(SMALL.model)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(model / "spm.model"))
    raw = ctranslate2.Translator(str(model), compute_type="int8", intra_threads=1)
    texts = [text for text in SENTENCES if text.strip()]
    tokens = [["<2es>", *pieces.encode(text, out_type=str), "</s>"] for text in texts]
    results = raw.translate_batch(
        tokens, beam_size=2, repetition_penalty=1.2, return_scores=True, max_batch_size=1
    )
    expected = [pieces.decode(one.hypotheses[0]).replace("¿ ", "¿") for one in results]
    got = translate(texts)
    assert [one.text for one in got] == expected
    assert [one.score for one in got] == pytest.approx([one.scores[0] for one in results], abs=0.02)
    assert [one.tokens_in for one in got] == [len(one) for one in tokens]
    assert [one.tokens_out for one in got] == [len(one.hypotheses[0]) + 1 for one in results]
    assert not any(one.truncated for one in got)


def test_blank_texts_never_reach_the_engine() -> None:
    assert translate([]) == []
    assert translate(["", "\u3000", "\n"]) == [Translation("")] * 3


@pytest.mark.parametrize(
    "settings",
    [{"batch_tokens": 8}, {"batch_tokens": 100_000}, {"workers": 1}, {"workers": 3, "threads": 1}],
)
def test_incidental_settings_change_nothing(settings: dict[str, int]) -> None:
    texts = [f"{text} {n}" for n in range(8) for text in SENTENCES]
    spec = SMALL.model_copy(update=settings)
    got, expected = translate(texts, spec), translate(texts)
    # Scores are floats summed in another order: compared with a tolerance, never for identity.
    assert [replace(one, score=None) for one in got] == [
        replace(one, score=None) for one in expected
    ]
    assert spec.identity() == SMALL.identity()


def test_more_texts_than_a_window_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"I have {n} dogs." for n in range(60)]
    expected = translate(texts)
    monkeypatch.setattr("xltpipe.translation.decoding._WINDOW", 7)
    assert [one.text for one in translate(texts)] == [one.text for one in expected]


def test_a_text_of_20000_characters_may_be_cut_and_says_so() -> None:
    texts = ["The cat sat on the mat. " * 834, "I have a dog."]
    long, short = translate(texts, CTranslate2(long_texts="truncate"))
    assert long.truncated
    assert long.tokens_in == 256
    assert not short.truncated


def test_an_output_cut_at_its_cap_says_so() -> None:
    text = "My mother works at the Red Cross. " * 2
    [got] = translate([text], CTranslate2(max_output_tokens=8))
    assert got.truncated
    assert got.tokens_out == 8


def test_input_at_the_limit_is_whole() -> None:
    text = "My mother works at the Red Cross."
    [free] = translate([text])
    whole = {"max_input_tokens": free.tokens_in}
    [exact] = translate([text], SMALL.model_copy(update=whole))
    less = {"max_input_tokens": free.tokens_in - 1, "long_texts": "truncate"}
    [cut] = translate([text], SMALL.model_copy(update=less))
    assert exact == free
    assert (cut.truncated, cut.tokens_in) == (True, free.tokens_in - 1)


@pytest.mark.parametrize(
    "text",
    [
        "I love 😀 very much.",
        "أنا أحب القهوة كثيرا",
        "東京は大きい",
        "a\u0000b",
        "<unk> ⁇ </s> <2en>",
        "नमस्ते दुनिया",
    ],
)
def test_unknown_characters_leave_no_trace(text: str) -> None:
    [got] = translate([text])
    assert got.text
    for trace in ("⁇", "<unk>", "</s>", "<2es>", "▁"):
        assert trace not in got.text


@pytest.mark.parametrize("mark", ["⟨", "⟩", "⟦", "⟧", "東", "〛"])
def test_round_trip_lacks_what_the_engine_would_read_as_unknown(mark: str) -> None:
    """SentencePiece gives such a character back as a piece of its own."""
    built = SMALL.build("eng", "spa")
    assert built.round_trip(f"{mark}1 Anna /{mark} lives", "eng", "spa") == "1 Anna / lives"
    assert built.round_trip("[A] Anna [/A] <b> {x}", "eng", "spa") == "[A] Anna [/A] <b> {x}"


@pytest.mark.parametrize("model", ["en-es-tatoeba", "en-es"])
@pytest.mark.parametrize("text", ["<2en> I have a dog.", "I have <2es> a dog.", "<2de>", "x<2pt>y"])
def test_a_language_token_in_a_text_is_text(text: str, model: str) -> None:
    """Spelt in characters where the vocabulary has them, else in bytes."""
    built = CTranslate2(model=model).build("eng", "spa")
    assert built.round_trip(text, "eng", "spa") == text
    speech = codec(find_model(model), resolve("eng"), resolve("spa"))
    ((pieces, _),) = speech.encode([text], 64)
    assert [piece for piece in pieces if piece in speech.specials] == ["<2es>", "</s>"]


@pytest.mark.parametrize("pair", [("⟨", "⟩"), ("⟦", "⟧"), ("【", "】")])
def test_markers_that_the_model_cannot_hold_are_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pair: tuple[str, str]
) -> None:
    recipe = toy_recipe(
        tmp_path,
        translation={"kind": "ctranslate2", "model": "en-es-tatoeba"},
        projection={"kind": "markers", "style": "brackets"},
    )
    preflight(recipe)
    monkeypatch.setattr(markers, "PAIRS", {**PAIRS, "brackets": (pair,)})
    with pytest.raises(RecipeError, match=rf"Markers must survive .*was: {', '.join(pair)} lost"):
        preflight(recipe)


def test_markers_pass_through() -> None:
    texts = ["[A] Anna [/A] lives in [B] Berlin [/B].", "[A]Anna[/A] lives in [B]Berlin[/B]."]
    got = [one.text for one in translate(texts)]
    assert got[0] == got[1]
    assert all(got[0].count(marker) == 1 for marker in ("[A]", "[/A]", "[B]", "[/B]"))


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("eng", "deu", "Language pair must be one .* was: eng-deu; it translates eng-spa; spa-eng"),
        ("eng", "eng", "was: eng-eng"),
        ("eng", "spx", "must be a known code, was: 'spx'"),
    ],
)
def test_unsupported_pairs(source: str, target: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        CTranslate2().build(source, target)
    with pytest.raises(RecipeError, match=message):
        CTranslate2().build("eng", "spa").translate(["Yes."], source, target)


def test_limits_beyond_the_positions_are_refused() -> None:
    with pytest.raises(RecipeError, match="max_output_tokens must be at most the 256 positions"):
        CTranslate2(max_output_tokens=257).build("eng", "spa")


def test_a_translator_can_be_pickled() -> None:
    translator = CTranslate2().build("eng", "spa")
    translator.translate(["Yes."], "eng", "spa")
    again = pickle.loads(pickle.dumps(translator))  # noqa: S301
    assert again.translate(["Yes."], "eng", "spa") == translator.translate(["Yes."], "eng", "spa")


def test_a_forked_child_loads_its_own_engine() -> None:
    """In a process of its own: forking pytest would copy its threads' locks."""
    script = """
import os
from xltpipe.errors import RecipeError
from xltpipe.translation import CTranslate2
def run(spec):
    return spec.build("eng", "spa").translate(["I have a dog."], "eng", "spa")[0].text
def child(spec):
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        os._exit(0 if run(spec) == "Tengo un perro." else 1)
    except RecipeError:
        os._exit(7)
assert run(CTranslate2()) == "Tengo un perro."
assert child(CTranslate2()) == 0
run(CTranslate2(workers=1, threads=2))
assert child(CTranslate2(workers=1, threads=2)) == 7
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, timeout=60, check=False)
    assert done.returncode == 0


def test_importing_stays_light() -> None:
    script = """
import sys, xltpipe.translation as t
t.CTranslate2().build("eng", "spa")
heavy = {"ctranslate2", "torch", "transformers", "prefect", "numpy"} & set(sys.modules)
assert not heavy, heavy
"""
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script], cwd=root, timeout=60, check=True)
