"""The registry of languages: every spelling of a code finds its language, wrong ones say so."""

from __future__ import annotations

import pytest

from xltpipe.errors import RecipeError
from xltpipe.languages import Family, registry, resolve


@pytest.mark.parametrize(
    ("code", "id", "script"),
    [
        ("eng", "eng", "Latn"),
        ("en", "eng", "Latn"),
        ("EN", "eng", "Latn"),
        ("eng_Latn", "eng", "Latn"),
        ("pt-BR", "por", "Latn"),
        ("zh", "zho", "Hans"),
        ("zh-Hant", "zho", "Hant"),
        ("zho_Hant", "zho", "Hant"),
        ("zh-Hant-TW", "zho", "Hant"),
        ("zh-TW", "zho", "Hant"),
        ("cmn", "zho", "Hans"),
        ("sr-Latn", "srp", "Latn"),
        ("swh", "swa", "Latn"),
        ("sw", "swa", "Latn"),
        ("arb_Arab", "ara", "Arab"),
        ("no", "nob", "Latn"),
        ("iw", "heb", "Hebr"),
        ("es-419", "spa", "Latn"),
        ("pcm", "pcm", "Latn"),
    ],
)
def test_resolve(code: str, id: str, script: str) -> None:
    language = resolve(code)
    assert (language.id, language.script) == (id, script)


@pytest.mark.parametrize(
    ("code", "family", "expected"),
    [
        ("es", "xltpipe", "<2es>"),
        ("ast", "xltpipe", "<2ast>"),
        ("spa", "nllb", "spa_Latn"),
        ("zh-Hant", "nllb", "zho_Hant"),
        ("sw", "nllb", "swh_Latn"),
        ("fas", "nllb", "pes_Arab"),
        ("nso", "m2m100", "ns"),
        ("nb", "m2m100", "no"),
        ("eng", "opus", "en"),
        ("yue", "opus", "yue"),
    ],
)
def test_code_of_each_family(code: str, family: Family, expected: str) -> None:
    assert resolve(code).code(family) == expected


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("spanish", r"must be a known code, was: 'spanish'; did you mean spa \(Spanish\)"),
        ("spax", r"did you mean spa \(Spanish\)"),
        ("basqe", r"did you mean eus \(Basque\)"),
        ("qqqqqq", "see xltpipe/languages.tsv"),
        ("", "must be a known code, was: ''"),
        ("es-Cyrl", r"Script of Spanish must be one of Latn, was: 'es-Cyrl'"),
    ],
)
def test_wrong_codes_are_explained(code: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        resolve(code)


@pytest.mark.parametrize(
    ("code", "family"), [("bre", "nllb"), ("eus", "m2m100"), ("sr-Latn", "nllb")]
)
def test_uncovered_language_is_an_error(code: str, family: Family) -> None:
    with pytest.raises(RecipeError, match=f"that {family} models cover"):
        resolve(code).code(family)


def test_registry_is_sound() -> None:
    languages = registry()
    spellings = [s for one in languages for s in {one.id, one.short, *one.aliases} - {None}]
    assert len(languages) > 200
    assert [one.id for one in languages] == sorted({one.id for one in languages})
    assert len(spellings) == len(set(spellings)), "a code that means two languages"
    for one in languages:
        assert len(one.id) == 3
        assert all(code.rpartition("_")[2] in one.scripts for code in one.flores_codes), one
        assert one.flores or not one.flores_codes, f"{one.id}: the first script has no code"


def test_every_code_of_the_engines_finds_its_language() -> None:
    for one in registry():
        for code in one.flores_codes:
            assert resolve(code).flores == code
