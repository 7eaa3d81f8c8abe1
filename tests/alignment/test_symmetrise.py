"""Symmetrisation by hand-made tables."""

import numpy as np
import pytest

from xltpipe.alignment.symmetrise import combine, directed, symmetrise

FORWARD = {(0, 0), (1, 1), (1, 2), (3, 3)}
REVERSE = {(0, 0), (1, 1), (2, 2), (4, 4)}


@pytest.mark.parametrize(
    ("how", "forward", "reverse", "expected"),
    [
        ("forward", FORWARD, REVERSE, FORWARD),
        ("reverse", FORWARD, REVERSE, REVERSE),
        ("intersection", FORWARD, REVERSE, {(0, 0), (1, 1)}),
        ("union", FORWARD, REVERSE, FORWARD | REVERSE),
        # grown: (1,2) and (2,2) beside (1,1); (3,3) beside (2,2); (4,4) beside (3,3)
        ("grow_diag_final_and", FORWARD, REVERSE, FORWARD | REVERSE),
        # nothing to grow from: final-and takes links between free words, forward first
        ("grow_diag_final_and", {(0, 3)}, {(0, 0), (3, 0)}, {(0, 3), (3, 0)}),
        # (0,1) is a neighbour but both its words are taken when (1,1) is in
        ("grow_diag_final_and", {(0, 0), (1, 1), (0, 1)}, {(0, 0), (1, 1)}, {(0, 0), (1, 1)}),
        # a far link with one taken word is left out
        ("grow_diag_final_and", {(0, 0), (0, 5)}, {(0, 0)}, {(0, 0)}),
        ("grow_diag_final_and", set(), set(), set()),
    ],
)
def test_combine(how, forward, reverse, expected):
    assert combine(how, forward, reverse) == expected


F = np.array([[0.9, 0.2, 0.0], [0.0, 0.6, 0.3]], np.float32)
R = np.array([[0.8, 0.1, 0.0], [0.0, 0.4, 0.5]], np.float32)


@pytest.mark.parametrize(
    ("how", "threshold", "links"),
    [
        ("forward", 0, ((0, 0), (1, 1))),  # the empty word has .7 of the last target word
        ("reverse", 0, ((0, 0), (1, 2))),
        ("intersection", 0, ((0, 0),)),
        ("union", 0, ((0, 0), (1, 1), (1, 2))),
        ("mean", 0.45, ((0, 0), (1, 1))),
        ("mean", 0.35, ((0, 0), (1, 1), (1, 2))),
        ("geometric_mean", 0.38, ((0, 0), (1, 1), (1, 2))),
        ("geometric_mean", 0.48, ((0, 0), (1, 1))),
    ],
)
def test_symmetrise(how, threshold, links):
    assert symmetrise(F, R, how, threshold).links == links


def test_scores_are_the_mean_of_both_directions():
    assert symmetrise(F, R, "intersection", 0).scores == pytest.approx((0.85,))


def test_no_words_no_links():
    for shape in ((0, 3), (3, 0), (0, 0)):
        empty = np.zeros(shape, np.float32)
        for how in ("forward", "mean", "geometric_mean", "grow_diag_final_and"):
            assert symmetrise(empty, empty, how, 0.5).links == ()


def test_directed_links_are_scored_by_the_directions_that_have_them():
    found = directed("union", FORWARD, REVERSE)
    assert dict(zip(found.links, found.scores, strict=True)) == {
        (0, 0): 1,
        (1, 1): 1,
        (1, 2): 0.5,
        (2, 2): 0.5,
        (3, 3): 0.5,
        (4, 4): 0.5,
    }
    assert directed("intersection", FORWARD, REVERSE).scores == (1, 1)
    assert directed("union", set(), set()).scores == ()
