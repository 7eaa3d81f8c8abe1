"""Back-off to words that begin alike: mass goes where the class's counts are, numbers stay apart."""

import numpy as np
import pytest

from xltpipe.alignment import HMM
from xltpipe.alignment.backoff import UNLIKE, Backoff, likely
from xltpipe.text import tokenise

SOURCES = ["walks", "walking", "table"]
TARGETS = ["camina", "caminando", "mesa"]


def table(sources, targets):
    """All word pairs by id, and how to find one."""
    rows, columns = (
        ids.ravel() + 1 for ids in np.indices((len(sources), len(targets)), dtype=np.int64)
    )
    return rows, columns


def sums(counts, rows, columns):
    return np.bincount(rows, counts, 4), np.bincount(columns, counts, 4)


def test_an_unseen_form_gets_counts_from_its_kin():
    rows, columns = table(SOURCES, TARGETS)
    counts = np.array([10.0, 0, 0, 0, 0, 0, 0, 0, 5])  # walks-camina, table-mesa
    lent = Backoff(SOURCES, TARGETS, rows, columns)(counts, *sums(counts, rows, columns))
    found = lent.reshape(3, 3)
    assert found[1, 1] > 0  # walking-caminando by both classes
    assert found[0, 1] > found[1, 1]  # half of the pair is known
    assert found[:2, 2] == pytest.approx(0)
    assert found[2, :2] == pytest.approx(0)


def test_what_each_level_lends_adds_up_to_the_counts():
    rows, columns = table(SOURCES, TARGETS)
    counts = np.array([4.0, 1, 0, 2, 3, 0, 1, 0, 6])
    lent = Backoff(SOURCES, TARGETS, rows, columns)(counts, *sums(counts, rows, columns))
    assert lent.sum() == pytest.approx(3 * counts.sum())


def test_numbers_lend_nothing_to_numbers():
    sources = ["12345", "12346", "no"]
    rows, columns = table(sources, sources)
    counts = np.array([7.0, 0, 0, 0, 0, 0, 0, 0, 0])
    lent = Backoff(sources, sources, rows, columns)(counts, *sums(counts, rows, columns))
    assert lent[0] > 20
    assert lent[1:] == pytest.approx(0)


def test_accents_do_not_part_kin():
    sources, targets = ["a", "b", "c"], ["canción", "cancion", "x"]
    rows, columns = table(sources, targets)
    counts = np.array([6.0, 0, 0, 0, 0, 0, 0, 0, 0])
    lent = Backoff(sources, targets, rows, columns)(counts, *sums(counts, rows, columns))
    assert lent[1] > 0


def test_marks_go_with_marks_but_signs_may_be_words():
    sources, targets = [",", "%", "word"], ["。", "percent", "?!"]
    rows, columns = table(sources, targets)
    found = likely(sources, targets, rows, columns).reshape(3, 3)
    low = np.float32(UNLIKE)
    assert found.tolist() == [[1, low, 1], [low, 1, low], [low, 1, low]]


def test_an_inflected_form_aligns_like_the_form_that_was_learnt(tmp_path):
    """No word of the last pair occurs elsewhere: only their beginnings tell which goes where."""
    known = [
        ("the house shines", "casalo brilla"), ("the houses shine", "casalas brillan"),
        ("a house stands", "casalo queda"), ("a garden stands", "jardin queda"),
        ("the garden shines", "jardin brilla"), ("a tower stands", "torre queda"),
    ]  # fmt: skip
    last = ("houseful gardening", "jardinero casalon")
    pairs = [(tokenise(one), tokenise(two)) for one, two in [*known * 3, last]]
    for stems, wanted in ((0.5, {(0, 1), (1, 0)}), (0.0, None)):
        spec = HMM(stems=stems, cognates=0)
        spec.train(pairs, tmp_path / str(stems))
        links = set(spec.build(tmp_path / str(stems), "eng", "und").align(pairs[-1:])[0].links)
        assert (links == wanted) is (wanted is not None)
