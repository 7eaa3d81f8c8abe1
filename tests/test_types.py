import subprocess
import sys

import pytest

from xltpipe.errors import DataError, MissingExtraError, require
from xltpipe.types import Example, Span, Translation, Unit, one_each


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 1)])
def test_span_must_not_be_empty_or_negative(start: int, end: int) -> None:
    with pytest.raises(DataError, match="Span must satisfy 0 <= start < end"):
        Span(start, end, "PER")


def test_span_must_lie_inside_its_text() -> None:
    with pytest.raises(DataError, match=r"inside its text.*5 characters.*'s1'"):
        Example("s1", "eng", ("Hello",), (Span(3, 6, "PER"),))
    with pytest.raises(DataError, match="inside its text"):
        Example("s1", "eng", ("Hello",), (Span(0, 1, "PER", text=1),))


def test_spans_may_nest_and_overlap() -> None:
    spans = (Span(0, 18, "ORG"), Span(14, 18, "LOC"), Span(5, 16, "X"))
    assert Example("1", "eng", ("University of York today",), spans).spans == spans


def test_offsets_are_code_points() -> None:
    text = "👩‍👩‍👧 é 北京"
    start = text.index("北京")
    assert (
        Example("1", "zho", (text,), (Span(start, start + 2, "LOC"),)).covered(
            Span(start, start + 2, "LOC")
        )
        == "北京"
    )


def test_unit_is_kept_without_reason_and_error() -> None:
    one = Example("1", "eng", ("a",))
    assert Unit(one, one).kept
    assert not Unit(one, one, reasons=("empty", "truncated")).kept
    assert Unit(one, one, reasons=("empty", "truncated")).reason == "empty"
    assert not Unit(one, one, error="boom").kept


@pytest.mark.parametrize(("text", "fault"), [("something", "refused"), ("", " ")])
def test_a_translation_with_a_fault_has_a_reason_and_no_text(text: str, fault: str) -> None:
    with pytest.raises(DataError, match="with a fault must have a reason and no text, was: "):
        Translation(text, fault=fault)
    assert Translation("", fault="refused").passed_over == ()


def test_one_result_per_input() -> None:
    one_each("Aligner", 2, [1, 2])
    with pytest.raises(DataError, match="Aligner must give one result per input, was: 1 for 2"):
        one_each("Aligner", 2, [1])


def test_missing_extra_names_the_remedy() -> None:
    with pytest.raises(MissingExtraError, match=r'pip install "xltpipe\[simalign\]"'):
        require("no_such_package_at_all", "simalign")


def test_importing_xltpipe_stays_light() -> None:
    heavy = "torch prefect ctranslate2 duckdb transformers datasets pycrfsuite py3langid"
    code = (
        "import sys, xltpipe, xltpipe.types, xltpipe.stages, xltpipe.recipe_file\n"
        "import xltpipe.translation\n"
        f"print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
