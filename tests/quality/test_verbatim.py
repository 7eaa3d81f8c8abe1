"""Links and placeholders."""

from __future__ import annotations

from math import nan

import pytest

from tests.quality.text_units import pair, scores
from xltpipe.quality.verbatim import Verbatim


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("See https://example.org/a.", "Ver https://example.org/a", 1),
        ("See https://example.org/a.", "Ver https://example.org/b", 0),
        ("See https://example.org/a.", "Ver aquí", 0),
        ("See here", "Ver http://example.org", 0),
        ("See www.example.org/ now", "请看www.example.org。", 1),
        ("Write to ana@example.org, please", "Escribe a <ana@example.org>", 1),
        ("Write to ana@example.org or bo@example.org", "Escribe a ana@example.org", 1 / 2),
        ("at @ana and 3/4 or and/or", "con @ana", nan),
        ("اكتب إلى a@b.org", "écrivez à a@b.org", 1),
    ],
)
def test_links(source: str, target: str, expected: float) -> None:
    assert scores(Verbatim(), pair(source, target))["links"] == pytest.approx(
        [expected], nan_ok=True
    )


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Hello {{name}}!", "¡Hola {{name}}!", 1),
        ("Hello {{name}}!", "¡Hola {{nombre}}!", 0),
        ("%d of %s", "%s de %d", 1),
        ("%1$s files", "%1$s 个文件", 1),
        ("%(count)d files", "%(cuenta)d archivos", 0),
        ("{0} and {1}", "{0} y {1}", 1),
        ("{0} and {1}", "{0} y", 1 / 2),
        ("${user} left", "${user} salió", 1),
        ("50% of people, 5 % sure", "50 % de la gente", nan),
        ("a set {1, 2}", "un conjunto", nan),
        ("it is 100%safe", "es 100%seguro", nan),
    ],
)
def test_placeholders(source: str, target: str, expected: float) -> None:
    found = scores(Verbatim(), pair(source, target))["placeholders"]
    assert found == pytest.approx([expected], nan_ok=True)
