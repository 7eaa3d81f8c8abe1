"""Two models' predictions as one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from xltpipe import ensembles
from xltpipe.errors import DataError
from xltpipe.types import Example, Link, Span

TEXT = "Ana lives in Rome with Bob"
ANA, ROME, BOB, WIDE = (
    Span(0, 3, "PER"),
    Span(13, 17, "LOC"),
    Span(23, 26, "PER"),
    Span(10, 17, "LOC"),
)


def rows(*spans: tuple[Span, ...]) -> list[Example]:
    return [Example(f"r{n}", "eng", (TEXT,), own) for n, own in enumerate(spans)]


def test_the_union_takes_what_the_first_has_not_touched() -> None:
    first, second = rows((ANA, WIDE)), rows((ROME, BOB))
    (made,) = ensembles.combined([first, second], [None, None], "union")
    assert made.spans == (ANA, WIDE, BOB)


def test_the_intersection_takes_what_both_found() -> None:
    first, second = rows((ANA, WIDE, BOB)), rows((ROME, BOB, ANA))
    (made,) = ensembles.combined([first, second], [None, None], "intersection")
    assert made.spans == (ANA, BOB)


def test_of_answers_the_first_model_gives_one_and_the_second_where_it_has_none() -> None:
    first, second = rows((ROME,), ()), rows((ANA,), (BOB,))
    made = ensembles.combined([first, second], [None, None], "first")
    assert [e.spans for e in made] == [(ROME,), (BOB,)]


def labelled(*labels: str) -> list[Example]:
    return [Example(f"r{n}", "eng", (TEXT,), (), label) for n, label in enumerate(labels)]


def test_labels_are_weighed_where_both_models_have_probabilities() -> None:
    first, second = labelled("a", "a"), labelled("b", "b")
    sure = [{"a": 0.6, "b": 0.4}, {"a": 0.6, "b": 0.4}]
    surer = [{"a": 0.1, "b": 0.9}, {"a": 0.45, "b": 0.55}]
    made = ensembles.combined([first, second], [sure, surer], "union")
    assert [e.label for e in made] == ["b", "a"]
    alone = ensembles.combined([first, second], [sure, None], "union")
    assert [e.label for e in alone] == ["a", "a"]


def test_other_rows_are_refused() -> None:
    with pytest.raises(DataError, match="same rows"):
        ensembles.combined([labelled("a"), labelled("a", "b")], [None, None], "union")


def test_probabilities_are_kept_and_joined(tmp_path: Path) -> None:
    homes = [tmp_path / "one", tmp_path / "two", tmp_path / "both", tmp_path / "none"]
    for home in homes:
        home.mkdir()
    ensembles.write([{"a": 0.25, "b": 0.75}], homes[0])
    ensembles.write([{"b": 1.0}], homes[1])
    ensembles.join(homes[:2], homes[2])
    assert ensembles.read(homes[2]) == [{"a": 0.25, "b": 0.75}, {"b": 1.0}]
    ensembles.join([homes[0], homes[3]], homes[3])
    assert ensembles.read(homes[3]) is None


def test_links_follow_the_spans_that_stay() -> None:
    hit, ana, bo, at = (
        Span(4, 7, "Hit"),
        Span(0, 3, "PER"),
        Span(8, 10, "PER"),
        Span(14, 18, "LOC"),
    )
    over = Span(8, 13, "LOC")  # shares letters with `bo`
    text = ("Ana hit Bo in Kano",)
    first = Example("1", "eng", text, (bo, hit), links=(Link(1, 0, "Target"),))
    links = (Link(0, 1, "Agent"), Link(0, 2, "Place"), Link(0, 3, "Place"))
    second = Example("1", "eng", text, (hit, ana, over, at), links=links)

    def told(how: Literal["union", "intersection"], other: Example) -> set[tuple[Span, Span, str]]:
        (done,) = ensembles.combined([[first], [other]], [None, None], how)
        return {(done.spans[k.head], done.spans[k.tail], k.label) for k in done.links}

    assert told("union", second) == {
        (hit, bo, "Target"),
        (hit, ana, "Agent"),
        (hit, at, "Place"),
    }
    assert told("intersection", second) == set()
    assert told("intersection", first) == {(hit, bo, "Target")}


def test_a_row_that_neither_could_read_has_no_label() -> None:
    first, second = labelled("a", "a"), labelled("b", "b")
    made = ensembles.combined([first, second], [[{}, {}], [{}, {"b": 1.0}]], "union")
    assert [e.label for e in made] == [None, "b"]
