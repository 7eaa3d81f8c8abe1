"""Answers: cases worked by hand from SQuAD's and MLQA's rules, and SQuAD's rules said anew."""

from __future__ import annotations

import re
import string
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xltpipe import __version__
from xltpipe.evaluation import Answers
from xltpipe.types import Example, Score, Span


def example(texts: list[str], lang: str, context: str) -> Example:
    spans = [Span(context.index(t), context.index(t) + len(t), "answer", 1) for t in texts]
    return Example("1", lang, ("?", context), tuple(spans))


def score(gold: list[str], guess: list[str], lang: str = "eng", **spec: object) -> Score:
    context = " | ".join([*gold, *guess]) or "nothing"
    metric = Answers.model_validate(spec).build({})
    return metric.measure([example(gold, lang, context)], [example(guess, lang, context)])


@pytest.mark.parametrize(
    ("lang", "gold", "guess", "em", "f1"),
    [
        ("eng", ["the Denver Broncos"], ["Denver broncos."], 1, 1),
        ("eng", ["Denver Broncos"], ["an Broncos"], 0, 2 / 3),
        ("eng", ["2 July", "July 1776", "in July"], ["July 1776!"], 1, 1),  # the best of several
        ("eng", ["in July", "2 July 1776"], ["July"], 0, 2 / 3),
        ("eng", ["a b c c"], ["c c c"], 0, 2 * 2 / (3 + 3)),  # bags; "a" is an article
        ("spa", ["los Alpes"], ["Alpes"], 1, 1),
        ("spa", ["«Guernica»"], ["Guernica"], 1, 1),
        ("spa", ["the Alps"], ["Alps"], 0, 2 / 3),  # English articles are words in Spanish
        ("deu", ["der Rhein"], ["den Rhein"], 1, 1),
        ("vie", ["những người lính"], ["người lính"], 1, 1),
        ("ara", ["الكتاب"], ["كتاب"], 1, 1),
        ("hin", ["गंगा नदी।"], ["गंगा"], 0, 2 / 3),
        ("zho", ["北京大学"], ["北京"], 0, 2 * 2 / (4 + 2)),
        ("zho", ["1911年"], ["1911 年"], 1, 1),
        ("jpn", ["東京タワー"], ["東京"], 0, 2 * 2 / (5 + 2)),
        ("fra", ["la Seine"], ["Seine"], 0, 2 / 3),  # no articles are known: they stay
        ("eng", [], [], 1, 1),
        ("eng", [], ["July"], 0, 0),
        ("eng", ["July"], [], 0, 0),
        ("eng", ["the"], [], 1, 1),  # nothing is left of it: as no answer, in SQuAD 2.0
        ("eng", ["July"], ["July", "1776"], 1, 1),  # the first prediction counts
    ],
)
def test_golden(lang: str, gold: list[str], guess: list[str], em: float, f1: float) -> None:
    result = score(gold, guess, lang)
    assert result.details["em"] == em
    assert result.value == result.details["f1"] == pytest.approx(f1)


def test_rules_of_squad_in_other_languages() -> None:
    assert score(["los Alpes"], ["Alpes"], "spa", normalisation="squad").value == pytest.approx(
        2 / 3
    )
    assert score(["«Guernica»"], ["Guernica"], "spa", normalisation="squad").value == 0


def test_kinds_of_questions_apart() -> None:
    context = "In July 1776"
    gold = [example(texts, "eng", context) for texts in (["July"], ["1776"], [], [])]
    guess = [example(texts, "eng", context) for texts in (["July"], [], [], ["In", "July"])]
    details = Answers(main="em").build({}).measure(gold, guess).details
    assert (details["em"], details["questions"], details["questions:has_answer"]) == (0.5, 4, 2)
    assert (details["em:has_answer"], details["f1:has_answer"], details["em:no_answer"]) == (
        0.5,
    ) * 3
    assert details["several"] == 1
    assert details["em_low"] <= 0.5 <= details["em_high"]


def test_signature_tells_the_rules() -> None:
    assert score(["x"], ["x"], "spa").signature == (
        f"answer_f1|norm:mlqa|articles:spa|lang:spa|n:1|v:{__version__}"
    )
    assert "|articles:none|" in score(["x"], ["x"], "fra").signature
    assert (
        "|norm:squad|articles:eng|" in score(["x"], ["x"], "fra", normalisation="squad").signature
    )


def test_other_spans_are_no_answers() -> None:
    right = example(["July"], "eng", "July")
    other = Example("1", "eng", ("?", "July"), (Span(0, 4, "DATE", 1), Span(0, 1, "answer", 0)))
    assert Answers().build({}).measure([right], [other]).value == 0


def said_anew(text: str) -> list[str]:
    """SQuAD: lower case, without string.punctuation, without a, an, the; cut at white space."""
    bare = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


WORDS = st.lists(
    st.sampled_from(["the", "A", "an", "Nile.", "nile", "(1776)", "U.S.", "x-y", "éa", "—"]),
    min_size=1,
    max_size=5,
).map(" ".join)


@settings(deadline=None, max_examples=80)
@given(st.lists(WORDS, max_size=3), st.none() | WORDS)
def test_equals_squad(gold: list[str], guess: str | None) -> None:
    result = score(gold, [] if guess is None else [guess], normalisation="squad", resamples=0)
    right = [bag for bag in map(said_anew, gold) if bag] or [[]]
    mine = [] if guess is None else said_anew(guess)
    overlaps = []
    for bag in right:
        same = sum((Counter(bag) & Counter(mine)).values())
        precision, recall = (same / len(b) if b else 0 for b in (mine, bag))
        empty = float(mine == bag) if not mine or not bag else 0.0
        overlaps.append(2 * precision * recall / (precision + recall) if same else empty)
    assert result.details["em"] == (mine in right)
    assert result.details["f1"] == pytest.approx(max(overlaps))
