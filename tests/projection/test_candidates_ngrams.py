"""N-grams around the links: which, how many, nearest first; what the links say of each."""

from __future__ import annotations

import pytest

from xltpipe.projection.candidates_ngrams import Limits, Links, links_of, ngrams
from xltpipe.text import tokenise
from xltpipe.types import Alignment, Words

SOURCE = tokenise("we ate fresh fish there")
TARGET = tokenise("comimos, allí, pescado fresco.")
FISH = range(2, 4)


def texts(found: list[tuple[int, int]], target: Words = TARGET) -> list[str]:
    strings = target.strings
    return [" ".join(strings[start:end]) for start, end in found]


def placed(start: int, end: int, trust: float = 1.0) -> Links:
    return links_of(FISH, Alignment(()), (start, end, trust, False))


def test_the_place_by_links_comes_first_and_edges_are_words() -> None:
    found, left_out = ngrams(FISH, placed(4, 6), SOURCE, TARGET, Limits(2, 2.0, 99))
    assert texts(found)[0] == "pescado fresco"
    assert set(texts(found)) == {
        "pescado fresco", "pescado", "fresco", "allí", "allí , pescado", "allí , pescado fresco",
    }  # fmt: skip
    assert left_out == 0
    narrow, _ = ngrams(FISH, placed(4, 6), SOURCE, TARGET, Limits(0, 2.0, 99))
    assert texts(narrow) == ["pescado fresco", "pescado", "fresco"]


def test_what_is_over_the_limit_is_counted() -> None:
    found, left_out = ngrams(FISH, placed(4, 6), SOURCE, TARGET, Limits(2, 2.0, 2))
    assert texts(found)[0] == "pescado fresco"
    assert (len(found), left_out) == (2, 4)


def test_a_span_without_place_looks_everywhere_within_the_ratio() -> None:
    nowhere = links_of(FISH, Alignment(((0, 0),), (0.9,)), "no_alignment")
    found, _ = ngrams(FISH, nowhere, SOURCE, TARGET, Limits(0, 1.0, 99))
    assert {end - start for start, end in found} <= {2, 3}
    assert "pescado fresco" in texts(found)
    assert "comimos , allí" in texts(found)


def test_a_place_beyond_the_ratio_is_a_candidate_all_the_same() -> None:
    found, _ = ngrams(range(2, 3), placed(0, 6), SOURCE, TARGET, Limits(0, 1.0, 99))
    assert (0, 6) in found


def test_punctuation_at_an_edge_only_as_in_the_source() -> None:
    source, target = tokenise("I use Yahoo ! now"), tokenise("Uso Yahoo ! ahora")
    with_mark, _ = ngrams(range(2, 4), placed(1, 3), source, target, Limits(0, 2.0, 9))
    assert texts(with_mark, target) == ["Yahoo !", "Yahoo"]
    without, _ = ngrams(range(2, 3), placed(1, 3), source, target, Limits(0, 2.0, 9))
    assert "!" not in texts(without, target)


@pytest.mark.parametrize(
    ("stretch", "expected"), [((4, 6), 1.0), ((4, 5), 2 / 3), ((3, 6), 0.8), ((0, 2), 0.0)]
)
def test_evidence_is_the_share_of_words_in_common(
    stretch: tuple[int, int], expected: float
) -> None:
    assert placed(4, 6, 0.5).evidence(stretch) == pytest.approx(expected)


def test_without_a_place_words_that_others_hold_speak_against_a_candidate() -> None:
    links = links_of(FISH, Alignment(((0, 0), (1, 0), (4, 2)), (0.5, 0.9, 0.4)), "no_alignment")
    assert links.place is None
    assert links.evidence((0, 1)) == pytest.approx(0.1)
    assert links.evidence((2, 4)) == pytest.approx(0.8)
    assert links.evidence((4, 6)) == 1.0
