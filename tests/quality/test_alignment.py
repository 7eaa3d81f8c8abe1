"""Coverage and scores of links, and of the links under spans."""

from __future__ import annotations

from math import isnan, nan
from random import Random

import pytest

from tests.examples import LinkedWords
from tests.quality.span_units import alone, columns, linked
from xltpipe.projection.passages import PassageAligner
from xltpipe.protocols import Pair
from xltpipe.quality.alignment import AlignmentScorer, Links
from xltpipe.types import Alignment, Example, Span, Unit


def scores(unit: Unit, *links: tuple[int, int]) -> dict[str, float]:
    return alone(AlignmentScorer(LinkedWords(list(links))), unit)


@pytest.mark.parametrize(
    ("source", "target", "links", "expected"),
    [
        ("cats eat fish", "gatos comen pescado", [(0, 0), (1, 1), (2, 2)], 1.0),
        ("cats eat fish", "gatos comen pescado", [(0, 0)], 1 / 3),
        ("cats eat fish", "gatos comen", [(0, 0), (1, 1)], 2 / 3),  # the smaller one
        ("the cats eat", "gatos comen", [(1, 0), (2, 1)], 1.0),  # articles need no link
        ("cats eat .", "gatos comen !", [(0, 0), (1, 1)], 1.0),  # nor punctuation
        ("cats eat", "...", [], 0.0),
        ("...", "gatos", [], nan),
        ("the", "gatos", [], nan),
        ("王芳", "Wang Fang", [(0, 0), (1, 1)], 1.0),
    ],
)
def test_coverage(source: str, target: str, links: list[tuple[int, int]], expected: float) -> None:
    found = scores(linked(source, target), *links)["alignment_coverage"]
    assert found == pytest.approx(expected, nan_ok=True)


class Scored:
    """Links with scores of their own."""

    def __init__(self, links: dict[tuple[int, int], float]) -> None:
        self._links = links

    def align(self, pairs: list[Pair]) -> list[Alignment]:
        found = Alignment(tuple(self._links), tuple(self._links.values()))
        return [found for _ in pairs]


def test_score_is_that_of_the_best_links() -> None:
    unit = linked("cats eat fish", "gatos comen")
    links = {(0, 0): 0.5, (1, 0): 0.25, (1, 1): 1.0}
    found = alone(AlignmentScorer(Scored(links)), unit)["alignment_score"]
    assert found == pytest.approx((0.5 + 1.0 + 0.0 + 0.5 + 1.0) / 5)


SPANS = linked("Ana saw Rome", "Ana vio Roma", ("Ana", "Ana"), ("Rome", "Roma"))


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([(0, 0), (1, 1), (2, 2)], 1.0),
        ([(0, 0), (1, 1), (2, 1), (2, 2)], 0.5),  # the second leaks to the verb
        ([(0, 0), (1, 1)], 0.0),  # a span without a link
        ([(0, 2), (2, 0)], 0.0),  # each in the other's place
        ([(0, 0), (2, 2), (1, 2), (1, 0), (2, 1)], 1 / 3),
    ],
)
def test_links_of_spans(links: list[tuple[int, int]], expected: float) -> None:
    assert scores(SPANS, *links)["span_links"] == pytest.approx(expected)


def test_links_of_spans_as_the_slow_way() -> None:
    random = Random(3)
    text = " ".join("abcdefghij")
    for _ in range(200):
        links = sorted({(random.randrange(10), random.randrange(10)) for _ in range(8)})
        first, size = random.randrange(10), random.randrange(1, 4)
        ours, theirs = text[2 * first :][: 2 * size - 1], text[2 * random.randrange(8) :][:3]
        unit = linked(text, text, (ours, theirs))
        inside = [text.index(part) // 2 for part in (ours, theirs)]
        one = range(inside[0], inside[0] + (len(ours) + 1) // 2)
        other = range(inside[1], inside[1] + (len(theirs) + 1) // 2)
        either = [(i, j) for i, j in links if i in one or j in other]
        both = [(i, j) for i, j in either if i in one and j in other]
        wanted = len(both) / len(either) if either else 0.0
        assert scores(unit, *links)["span_links"] == pytest.approx(wanted)


def test_rows_without_placed_spans_have_no_links_of_spans() -> None:
    assert isnan(scores(linked("Ana", "x", ("Ana", None)), (0, 0))["span_links"])
    assert isnan(scores(linked("Ana", "Ana"), (0, 0))["span_links"])


def test_both_texts_count() -> None:
    source = Example("1", "eng", ("cats eat", "fish swim"), (Span(0, 4, "X", 1),))
    unit = Unit(source, Example("1", "spa", ("gatos comen", "peces nadan")))
    found = scores(unit, (0, 0))
    assert found["alignment_coverage"] == 0.5
    assert found["alignment_score"] == 0.5


def test_the_aligner_sees_the_words_of_the_data() -> None:
    source = Example("1", "eng", ("New York",), (), None, ((0, 8),))
    unit = Unit(source, Example("1", "spa", ("Nueva York",)))
    assert scores(unit, (0, 0))["alignment_coverage"] == 0.5


def test_long_texts_are_cut() -> None:
    sentence = "Cats eat fish every day . "
    unit = linked(sentence * 30, sentence * 30)

    class Sizes:
        most = 0

        def align(self, pairs: list[Pair]) -> list[Alignment]:
            self.most = max([self.most, *(len(a) for a, _ in pairs)])
            sizes = [min(len(a), len(b)) for a, b in pairs]
            return [Alignment(tuple((i, i) for i in range(n))) for n in sizes]

    sizes = Sizes()
    found = alone(AlignmentScorer(PassageAligner(sizes, 50)), unit)
    assert found["alignment_coverage"] == 1
    assert sizes.most < 50
    assert Links().passage == 100


def test_each_row_is_scored_alone() -> None:
    units = [SPANS, linked("a", "b"), linked("", ""), linked("Ana", "x", ("Ana", None)), SPANS]
    scorer = AlignmentScorer(LinkedWords([(0, 0)]))
    whole = columns(scorer, units)
    for n, unit in enumerate(units):
        for name, value in alone(scorer, unit).items():
            assert value == pytest.approx(whole[name][n], nan_ok=True)
    assert all(not values for values in columns(scorer, []).values())
