"""NMTScore with the smallest model that ships: the formula, the memory, and what cannot be scored."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp
from pathlib import Path

import ctranslate2
import pytest
import sentencepiece

from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.translation import likelihood as module
from xltpipe.translation.codec import codec
from xltpipe.translation.engines import EngineKey
from xltpipe.translation.likelihood import Join, Likelihood, open_likelihood
from xltpipe.translation.models import find_model
from xltpipe.translation.tokenisers import SentencePiece

MODEL = find_model("en-es-tatoeba")
PAIRS = [
    ("New York", "Nueva York"),
    ("the red house", "la casa roja"),
    ("the red house", "roja"),
    ("my sister", "mi hermana"),
    ("Boston", "Boston"),
    ("the staff of the hotel near the beach", "el personal del hotel cerca de la playa"),
]


def opened(
    model: Path = MODEL, *, normalised: bool = True, join: Join = "mean", target: str = "spa"
) -> Likelihood:
    return open_likelihood(
        model,
        "eng",
        target,
        normalised=normalised,
        join=join,
        compute_type="int8",
        device="cpu",
    )


def one_way(home: Path, *directions: tuple[str, str]) -> Path:
    """The model with fewer directions than it has."""
    home.mkdir()
    for file in MODEL.iterdir():
        if file.name != "xltpipe.json":
            (home / file.name).symlink_to(file)
    said = json.loads((MODEL / "xltpipe.json").read_bytes())
    (home / "xltpipe.json").write_text(json.dumps(said | {"directions": directions}), "utf-8")
    return home


def mean(token: str, given: str, wanted: str) -> float:
    """Mean log-probability per piece and end, from the bare engine."""
    engine = ctranslate2.Translator(str(MODEL), compute_type="int8", intra_threads=1)
    cut = sentencepiece.SentencePieceProcessor(model_file=str(MODEL / "spm.model"))
    source = [token, *cut.encode(given, out_type=str), "</s>"]
    (scored,) = engine.score_batch([source], [cut.encode(wanted, out_type=str)])
    assert len(scored.log_probs) == len(cut.encode(wanted)) + 1
    return sum(scored.log_probs) / len(scored.log_probs)


@pytest.mark.parametrize(("source", "target"), PAIRS[:3])
def test_the_formula_by_hand(source: str, target: str) -> None:
    into_target = mean("<2es>", source, target) - mean("<2es>", target, target)
    into_source = mean("<2en>", target, source) - mean("<2en>", source, source)
    expected = (exp(into_target) + exp(into_source)) / 2
    (got,) = opened().score([(source, target)])
    assert got == pytest.approx(expected, rel=1e-4)
    capped = exp((min(0.0, into_target) + min(0.0, into_source)) / 2)
    (got,) = opened(join="geometric").score([(source, target)])
    assert got == pytest.approx(capped, rel=1e-4)
    plain = (exp(mean("<2es>", source, target)) + exp(mean("<2en>", target, source))) / 2
    (got,) = opened(normalised=False).score([(source, target)])
    assert got == pytest.approx(plain, rel=1e-4)


def test_a_text_with_itself_scores_as_the_model_says_of_copies() -> None:
    """Equal strings in both languages: p(c|e) is p(c|c), so the score is exactly 1."""
    assert opened().score([("Boston", "Boston")]) == [1.0]


def test_translations_score_above_others() -> None:
    right, wrong = opened().score([("my sister", "mi hermana"), ("my sister", "Boston")])
    assert right is not None
    assert wrong is not None
    assert right > 5 * wrong


def test_each_score_is_computed_once() -> None:
    measure = opened()
    measure.score(PAIRS)
    # two directions each; 5 source and 6 target texts with themselves, "Boston" in both
    assert measure.notes["computed"] == 2 * 6 + 5 + 6
    assert measure.notes["reused"] == 1
    measure.score(PAIRS[:2])
    assert measure.notes["computed"] == 2 * 6 + 5 + 6
    assert measure.notes["reused"] == 1 + 8


def test_scores_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    # some processors sum a batch in another order: not the same to the last bit
    together = pytest.approx(opened().score(PAIRS), rel=1e-6)
    assert [opened().score([pair])[0] for pair in PAIRS] == together
    assert opened().score(PAIRS[::-1])[::-1] == together
    monkeypatch.setattr(module, "BATCH_TOKENS", 7)
    assert opened().score(PAIRS) == together


def test_what_cannot_be_scored_is_none_and_counted() -> None:
    measure = opened()
    long = "word " * 300
    given = [("", "casa"), ("house", " \u3000"), (long, "casa"), ("house", long), ("dog", "perro")]
    got = measure.score(given)
    assert got[:4] == [None] * 4
    assert got[4] is not None
    assert measure.notes["too_long"] == 6  # two ways, and one of each long text with itself
    assert measure.notes["unknown"] == 0
    measure.score([("house", "王芳")])
    assert measure.notes["unknown"] == 2
    assert measure.score([]) == []


def test_a_full_memory_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SCORES", 3)
    measure = opened()
    first = measure.score(PAIRS[:2])
    assert measure.score(PAIRS[:2]) == first
    assert measure.notes["emptied"] == 1
    assert measure.notes["computed"] == 2 * 8


def test_the_name_says_what_is_measured(tmp_path: Path) -> None:
    assert opened().name == "nmtscore"
    assert opened(normalised=False).name == "likelihood"
    assert opened(join="geometric").name == "nmtscore_geometric"
    forward = opened(one_way(tmp_path / "forward", ("eng", "spa")))
    assert forward.name == "nmtscore_forward"
    (got,) = forward.score([("my sister", "mi hermana")])
    ratio = mean("<2es>", "my sister", "mi hermana") - mean("<2es>", "mi hermana", "mi hermana")
    assert got == pytest.approx(exp(ratio), rel=1e-4)
    assert opened(one_way(tmp_path / "backward", ("spa", "eng"))).name == "nmtscore_backward"


def test_a_model_that_reads_one_language_only_is_not_normalised(tmp_path: Path) -> None:
    home = one_way(tmp_path / "two", ("eng", "spa"), ("spa", "eng"))
    said = json.loads((home / "xltpipe.json").read_bytes())
    (home / "target.model").symlink_to(MODEL / "spm.model")
    said["tokenizer"]["target"] = "target.model"  # pieces of its own for the target
    (home / "xltpipe.json").write_text(json.dumps(said), "utf-8")
    measure = opened(home)
    assert measure.name == "likelihood"
    assert measure.score(PAIRS) == opened(normalised=False).score(PAIRS)


def test_a_model_for_other_languages_is_refused() -> None:
    with pytest.raises(RecipeError, match="must translate between eng and deu"):
        opened(target="deu")


def test_a_language_token_before_the_target_is_not_counted() -> None:
    """As NLLB and M2M-100 have it."""
    speech = codec(MODEL, resolve("eng"), resolve("spa"))
    prefixed = replace(speech, frame=replace(speech.frame, prefix=("<2es>",)))
    file = MODEL / "spm.model"
    key = EngineKey(MODEL, "cpu", "int8", 1, 1)
    measure = Likelihood(
        key, {"forward": prefixed}, SentencePiece(file, file), normalised=False, join="mean"
    )
    engine = ctranslate2.Translator(str(MODEL), compute_type="int8", intra_threads=1)
    cut = sentencepiece.SentencePieceProcessor(model_file=str(file))
    source = ["<2es>", *cut.encode("my sister", out_type=str), "</s>"]
    target = ["<2es>", *cut.encode("mi hermana", out_type=str)]
    (scored,) = engine.score_batch([source], [target])
    logs = scored.log_probs[1:]
    (got,) = measure.log_likelihoods("forward", [("my sister", "mi hermana")])
    assert got == pytest.approx(sum(logs) / len(logs), abs=1e-4)
    assert measure.log_likelihoods("forward", [("dog", "")]) == [None]
