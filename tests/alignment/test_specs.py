"""What all aligners promise, and those that other programs do the work of."""

import pytest
from pydantic import TypeAdapter, ValidationError

from xltpipe.alignment import (
    HMM,
    AlignerSpec,
    Attention,
    Auto,
    Eflomal,
    Ensemble,
    FastAlign,
    Lexical,
    SimAlign,
)
from xltpipe.alignment.plain import spelled
from xltpipe.alignment.priors import find_prior
from xltpipe.errors import RecipeError
from xltpipe.text import tokenise
from xltpipe.types import Words

SPEC = TypeAdapter(AlignerSpec)
KINDS = [HMM, Attention, FastAlign, Eflomal, SimAlign, Lexical, Ensemble, Auto]
UNTRAINED = {Attention, SimAlign, Lexical}


@pytest.mark.parametrize("kind", KINDS)
def test_specs_come_from_their_kind(kind):
    spec = SPEC.validate_python({"kind": kind().kind})
    assert spec == kind()
    assert spec.trained is (kind not in UNTRAINED)
    assert spec.identity()["kind"] == spec.kind


def test_wrong_settings_are_named():
    with pytest.raises(ValidationError, match="fast_align"):
        SPEC.validate_python({"kind": "giza"})
    with pytest.raises(ValidationError, match="treshold"):
        SPEC.validate_python({"kind": "hmm", "treshold": 0.5})


@pytest.mark.parametrize(
    ("pairs", "model", "languages", "kind", "why"),
    [
        (5, True, ("eng", "spa"), "hmm", "en-es-tatoeba-hmm"),
        (5000, False, ("spa", "eng"), "hmm", "en-es-tatoeba-hmm"),
        (3, True, ("eng", "swa"), "attention", "too few"),
        (5, False, ("eng", "swa"), "hmm", "no stored model"),
        (500, True, ("eng", "swa"), "hmm", "no stored model"),
        (500, True, (None, None), "hmm", "no stored model"),
    ],
)
def test_auto(pairs, model, languages, kind, why):
    spec, reason = Auto().resolve(pairs, model, *languages)
    assert spec.kind == kind
    assert why in reason


def test_auto_keeps_its_prior(tmp_path):
    assert Auto(prior=tmp_path).resolve(9, model_available=True)[0] == HMM(prior=tmp_path)
    with pytest.raises(RecipeError, match="must be resolved"):
        Auto().build(None, "eng", "spa")


def test_stored_prior_aligns_a_single_sentence(tmp_path):
    spec = HMM(prior=find_prior("eng", "spa"))
    pair = (tokenise("The red house is big."), tokenise("La casa roja es grande."))
    for name, (source, target), links in (
        ("there", pair, {(0, 0), (1, 2), (2, 1), (3, 3), (4, 4), (5, 5)}),
        ("back", pair[::-1], {(0, 0), (2, 1), (1, 2), (3, 3), (4, 4), (5, 5)}),
    ):
        spec.train([(source, target)], tmp_path / name)
        found = spec.build(tmp_path / name, "", "").align([(source, target)])[0]
        assert set(found.links) == links


def test_words_for_other_programs():
    text = "New\u00a0York ||| “Hola”,"
    words = Words(text, ((0, 8), (9, 12), (13, 20)))
    assert spelled(words) == ["newyork", "|", "hola"]
