"""Copy: the control arm changes nothing."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.examples import SCRIPTS
from xltpipe import stages
from xltpipe.errors import RecipeError
from xltpipe.projection import Markers
from xltpipe.translation import Copy, CTranslate2, TranslatorSpec
from xltpipe.types import Translation


def test_gives_back_what_it_got() -> None:
    texts = ["Hello.", "", "  مرحبا 😀 "]
    got = Copy().build("eng", "swa").translate(texts, "eng", "swa")
    assert got == [Translation(text) for text in texts]


def test_languages_must_be_known() -> None:
    with pytest.raises(RecipeError, match="must be a known code"):
        Copy().build("eng", "xxx")


@pytest.mark.parametrize("style", ["letters", "xml", "brackets"])
def test_every_marker_comes_back_and_every_label_with_it(style: str) -> None:
    projector = Markers.model_validate({"style": style}).sender(native_markers=False)
    translator = Copy().build("eng", "spa")
    marks = " ".join(projector.marks)
    assert translator.round_trip(marks, "eng", "spa") == marks
    units = stages.translate(SCRIPTS, translator, projector, "spa")
    for done, given in zip(stages.project(units, projector), SCRIPTS, strict=True):
        assert [s.label for s in done.target.spans] == [s.label for s in given.spans]
        assert [done.target.covered(s) for s in done.target.spans] == [
            given.covered(s) for s in given.spans
        ]
    assert not any(
        one.tokens_in or one.tokens_out or one.truncated for u in units for one in u.received
    )


def test_the_union_is_the_registry() -> None:
    adapter: TypeAdapter[CTranslate2 | Copy] = TypeAdapter(TranslatorSpec)
    assert adapter.validate_python({"kind": "copy"}) == Copy()
    assert adapter.validate_python({"kind": "ctranslate2", "beam": 4}) == CTranslate2(beam=4)
    with pytest.raises(ValidationError, match=r"'ctranslate2', .*'copy', .*'pivot', .*'fallback'"):
        adapter.validate_python({"kind": "google"})
    with pytest.raises(ValidationError, match="beem"):
        adapter.validate_python({"kind": "ctranslate2", "beem": 4})
