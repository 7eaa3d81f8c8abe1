"""Examples of two texts: pairs of sentences that stay two, answers that are found."""

from __future__ import annotations

from math import isnan

import pytest

from tests.quality.span_units import alone, at_random, check_independence, columns
from xltpipe.quality.pairs import Answers, TextsDistinct
from xltpipe.types import Example, Placement, Span, Unit


def pair(source: tuple[str, ...], target: tuple[str, ...]) -> Unit:
    return Unit(Example("1", "eng", source), Example("1", "spa", target))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (("A man eats.", "He eats."), ("Un hombre come.", "Come."), 1),
        (("A man eats.", "He eats."), ("Come.", "Come."), 0),
        (("A man eats.", "He eats."), ("Come.", "COME."), 0),
        (("He eats.", "He eats."), ("Come.", "Come."), 1),  # they were equal before
        (("A man eats.", "He eats."), ("Come.", ""), 0),
        (("A man eats.", "He eats."), (" . ", "Come."), 0),
        (("A man eats.", "?!"), ("Un hombre come.", "?!"), 1),
        (("A man eats.", ""), ("Un hombre come.", ""), 1),
        (("王芳在吃饭。", "她在吃饭。"), ("She eats.", "She eats."), 0),
        (("A man eats.", "He eats."), ("Un hombre come.",), 0),
        (("A man eats.",), ("",), None),
        ((), (), None),
    ],
)
def test_texts_distinct(
    source: tuple[str, ...], target: tuple[str, ...], expected: int | None
) -> None:
    found = alone(TextsDistinct(), pair(source, target))["texts_distinct"]
    assert isnan(found) if expected is None else found == expected


def test_rows_of_one_text_and_of_two_beside_each_other() -> None:
    units = [pair(("a",), ("b",)), pair(("a", "b"), ("c", "c")), pair(("a", "b"), ("c", "d"))]
    found = columns(TextsDistinct(), units)["texts_distinct"]
    assert isnan(found[0])
    assert found[1:] == [0, 1]


def asked(source: str, target: str, ours: str, theirs: str | None) -> Unit:
    """A question whose answer is `ours` in the source's context and `theirs` in the target's."""
    where = source.index(ours)
    spans = (Span(where, where + len(ours), "answer", 1),)
    given = Example("1", "eng", ("Who?", source), spans)
    if theirs is None:
        lost = (Placement(0, None, "m", reason="no_alignment"),)
        return Unit(given, Example("1", "spa", ("¿Quién?", target)), placements=lost)
    where = target.index(theirs)
    found = Example(
        "1", "spa", ("¿Quién?", target), (Span(where, where + len(theirs), "answer", 1),)
    )
    return Unit(given, found, placements=(Placement(0, 0, "m"),))


@pytest.mark.parametrize(("theirs", "expected"), [("Ana Ruiz", 1), ("Ana", 1), (None, 0), (".", 0)])
def test_answer_found(theirs: str | None, expected: int) -> None:
    unit = asked("Ana Ruiz sings.", "Canta Ana Ruiz.", "Ana Ruiz", theirs)
    assert alone(Answers(), unit)["answer_found"] == expected


def test_questions_without_answer_and_other_examples_are_not_judged() -> None:
    for unit in (
        pair(("Who?", "Ana sings."), ("¿Quién?", "Ana canta.")),
        pair(("Ana sings.",), ("Ana canta.",)),
        Unit(
            Example("1", "eng", ("Ana sings.", "x"), (Span(0, 3, "PER"),)),
            Example("1", "spa", ("Ana canta.", "x")),
            placements=(Placement(0, None, "m", reason="no_alignment"),),
        ),
    ):
        assert all(map(isnan, alone(Answers(), unit).values()))


def test_one_of_several_answers_is_enough() -> None:
    unit = asked("Ana, Eva and Bob", "Ana, Eva y Bob", "Ana", "Ana")
    more = (*unit.source.spans, Span(5, 8, "answer", 1))
    source = Example("1", "eng", unit.source.texts, more)
    lost = (*unit.placements, Placement(1, None, "m", reason="no_alignment"))
    assert alone(Answers(), Unit(source, unit.target, placements=lost))["answer_found"] == 1


@pytest.mark.parametrize(
    ("source", "target", "ours", "theirs", "expected"),
    [
        ("In 1999 and 2001", "En 1999 y 2001", "1999", "1999", 0),
        ("In 1999 and 2001", "En 1999, de 1999 a 2001", "1999", "1999", 1),
        ("In 1999, from 1999 on", "En 1999, desde 1999", "1999", "1999", 0),
        ("the red and the crimson", "el rojo y el rojo", "red", "rojo", 1),
        ("He can", "Puede con un pueblo", "can", "Puede", 0),  # part of a word is no place
        ("the red", "el rojo enrojecido, Rojo", "red", "rojo", 1),
        ("in Beijing", "在北京，北京市", "Beijing", "北京", 1),
        ("Cairo", "القاهرة والقاهرة", "Cairo", "القاهرة", 0),
        ("Ankara", "İzmir, i̇zmir, Ankara", "Ankara", "Ankara", 0),
    ],
)
def test_answer_ambiguity(source: str, target: str, ours: str, theirs: str, expected: int) -> None:
    found = alone(Answers(), asked(source, target, ours, theirs))
    assert found["answer_ambiguity"] == expected


def test_the_question_does_not_count() -> None:
    """An answer that stands in the question too is not in the context twice."""
    unit = asked("Ana sings", "Ana canta", "Ana", "Ana")
    target = Example("1", "spa", ("¿Ana?", "Ana canta"), unit.target.spans)
    found = alone(Answers(), Unit(unit.source, target, placements=unit.placements))
    assert found["answer_ambiguity"] == 0


@pytest.mark.parametrize("scorer", [TextsDistinct(), Answers()])
def test_each_row_is_scored_alone(scorer: TextsDistinct | Answers) -> None:
    check_independence(scorer, at_random(80, seed=1))
