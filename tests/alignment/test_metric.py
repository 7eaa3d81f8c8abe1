"""AER against published numbers (awesome-align's examples) and by hand."""

import os
from pathlib import Path

import pytest

from xltpipe.alignment.metric import GoldLinks, alignment_error_rate, parse_links
from xltpipe.errors import DataError

EXAMPLES = Path(
    os.environ.get("XLTPIPE_SHARED", Path(__file__).parents[3] / "shared"),
    "data/align/awesome_examples",
)


def test_by_hand():
    gold = [GoldLinks(frozenset({(0, 0), (1, 1)}), frozenset({(1, 2)}))]
    score = alignment_error_rate(gold, [[(0, 0), (1, 2), (5, 5)]])
    # one sure link of two found; two of three allowed: 1 - (1 + 2) / (3 + 2)
    assert score.value == pytest.approx(0.4)
    assert score.details["precision"] == pytest.approx(2 / 3)
    assert score.details["recall"] == pytest.approx(1 / 2)
    assert str(score) == "aer|links:sure+possible|n:1 = 0.4000"


def test_nothing_at_all_is_no_error():
    assert alignment_error_rate([], []).value == 0


@pytest.mark.parametrize(
    ("line", "first", "sure", "possible"),
    [
        ("0-0 2-1", 0, {(0, 0), (2, 1)}, set()),
        ("1-1 2p10", 1, {(0, 0)}, {(1, 9)}),
        ("", 1, set(), set()),
    ],
)
def test_parse_links(line, first, sure, possible):
    assert parse_links(line, first=first) == GoldLinks(frozenset(sure), frozenset(possible))


@pytest.mark.parametrize("line", ["0-1", "1:1", "1-", "a-b"])
def test_bad_links_are_data_errors(line):
    with pytest.raises(DataError, match="Link must"):
        parse_links(line, first=1)


def test_one_alignment_per_pair():
    with pytest.raises(DataError, match="one result per input"):
        alignment_error_rate([], [[]])


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="needs ../shared/data")
@pytest.mark.parametrize(("name", "aer"), [("enfr", 4.07), ("roen", 20.75)])
def test_published_numbers(name, aer):
    gold = (EXAMPLES / f"{name}.gold").read_text("utf-8").splitlines()
    found = (EXAMPLES / f"{name}.awesome-align.out").read_text("utf-8").splitlines()
    score = alignment_error_rate(
        [parse_links(line, first=1) for line in gold],
        [parse_links(line, first=0).sure for line in found],
    )
    assert round(100 * score.value, 2) == aer
