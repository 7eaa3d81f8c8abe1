"""Copy: the control arm changes nothing."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from xltpipe.errors import RecipeError
from xltpipe.translation import Copy, CTranslate2, TranslatorSpec
from xltpipe.types import Translation


def test_gives_back_what_it_got() -> None:
    texts = ["Hello.", "", "  مرحبا 😀 "]
    got = Copy().build("eng", "swa").translate(texts, "eng", "swa")
    assert got == [Translation(text) for text in texts]


def test_languages_must_be_known() -> None:
    with pytest.raises(RecipeError, match="must be a known code"):
        Copy().build("eng", "xxx")


def test_the_union_is_the_registry() -> None:
    adapter: TypeAdapter[CTranslate2 | Copy] = TypeAdapter(TranslatorSpec)
    assert adapter.validate_python({"kind": "copy"}) == Copy()
    assert adapter.validate_python({"kind": "ctranslate2", "beam": 4}) == CTranslate2(beam=4)
    with pytest.raises(ValidationError, match="'ctranslate2', 'copy'"):
        adapter.validate_python({"kind": "google"})
    with pytest.raises(ValidationError, match="beem"):
        adapter.validate_python({"kind": "ctranslate2", "beem": 4})
