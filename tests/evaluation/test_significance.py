from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF
from sacrebleu.significance import PairedTest
from scipy.stats import binomtest, bootstrap, norm, permutation_test

from xltpipe.errors import DataError
from xltpipe.evaluation import Classification, SpanF1, Translation
from xltpipe.evaluation.significance import holm, paired_bootstrap, randomisation, spread
from xltpipe.evaluation.statistics import Statistics, collected, f1, plain
from xltpipe.types import Example

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "parallel.eng-spa.tsv"


def labelled(right: list[int]) -> list[Example]:
    return [Example(str(i), "eng", ("t",), label="ab"[1 - one]) for i, one in enumerate(right)]


def accuracies(*systems: list[int]) -> Statistics:
    gold = [Example(str(i), "eng", ("t",), label="a") for i in range(len(systems[0]))]
    return Classification().build({}).statistics(gold, *map(labelled, systems))


def spans(*systems: list[tuple[int, int, int]]) -> Statistics:
    return collected(list(systems), plain, f1)


A = [(2, 2, 3), (1, 3, 2), (0, 1, 1), (3, 3, 3), (2, 4, 2), (0, 0, 2), (1, 1, 1), (0, 2, 0)]
B = [(1, 2, 3), (1, 2, 2), (1, 1, 1), (1, 3, 3), (1, 3, 2), (0, 1, 2), (1, 1, 1), (0, 2, 0)]


def test_all_exchanges_equal_an_enumeration_by_hand() -> None:
    """F1 is no mean: the sums are exchanged, not the scores."""
    rows = [(np.array(a), np.array(b)) for a, b in zip(A, B, strict=True)]

    def score(sums: np.ndarray) -> float:
        return float(2 * sums[0] / (sums[1] + sums[2]))

    differences = []
    for swaps in product([False, True], repeat=len(rows)):
        one = sum(b if swap else a for swap, (a, b) in zip(swaps, rows, strict=True))
        other = sum(a if swap else b for swap, (a, b) in zip(swaps, rows, strict=True))
        differences.append(score(one) - score(other))
    observed = differences[0]
    found = randomisation(spans(A, B), [0], [1])
    assert found.method == "exact_randomisation"
    assert found.trials == 64  # the two examples that are alike need no exchange
    assert found.difference == pytest.approx(observed)
    assert found.p == pytest.approx(np.mean(np.abs(differences) >= abs(observed) - 1e-12))


def test_some_exchanges_are_near_all() -> None:
    found = spans(A, B)
    assert randomisation(found, [0], [1], trials=63).method == "randomisation"
    many = spans(A * 3, B * 3)
    p = [randomisation(many, [0], [1], trials=20_000, seed=s).p for s in (1, 2)]
    assert p[0] == pytest.approx(p[1], abs=0.01)
    assert p[0] != p[1]
    assert randomisation(many, [0], [1], 500).p == randomisation(many, [0], [1], 500).p


@pytest.mark.parametrize(("better", "worse", "same"), [(9, 2, 20), (6, 5, 0), (1, 0, 3)])
def test_of_accuracy_equals_the_sign_test(better: int, worse: int, same: int) -> None:
    """Exchanges of right and wrong are the binomial of McNemar's exact test."""
    one = [1] * better + [0] * worse + [1] * same
    other = [0] * better + [1] * worse + [1] * same
    found = randomisation(accuracies(one, other), [0], [1])
    assert found.method == "exact_randomisation"
    assert found.p == pytest.approx(binomtest(better, better + worse).pvalue)
    assert found.difference == pytest.approx((better - worse) / len(one))


def test_equals_scipy() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.integers(0, 5, 9).tolist(), rng.integers(0, 5, 9).tolist()

    def rows(values: list[int]) -> list[tuple[float, ...]]:
        return [(float(v), 1.0) for v in values]

    found = collected([rows(one), rows(other)], plain, lambda t: t[:, 0] / t[:, 1])
    theirs = permutation_test(
        (one, other), lambda a, b: np.mean(a) - np.mean(b), permutation_type="samples"
    )
    assert randomisation(found, [0], [1]).p == pytest.approx(theirs.pvalue)


def test_randomisation_is_near_sacrebleu() -> None:
    right = [line.split("\t")[1] for line in SAMPLE.read_text("utf-8").splitlines()][:60]
    rng = np.random.default_rng(5)

    def worse(text: str, share: float) -> str:
        return " ".join(w for w in text.split() if rng.random() > share) or "."

    one, other = [worse(t, 0.15) for t in right], [worse(t, 0.19) for t in right]
    named = [("base", other), ("ours", one)]
    _, scores = PairedTest(named, {"chrf": CHRF()}, [right], "ar", n_samples=2000)()
    (theirs,) = (results[1] for name, results in scores.items() if name != "System")
    texts = [[Example(str(i), "spa", (t,)) for i, t in enumerate(s)] for s in (right, one, other)]
    found = randomisation(Translation().build({}).statistics(*texts), [0], [1], 2000)
    assert 0.01 < theirs.p_value < 0.9  # else it would tell little
    assert found.p == pytest.approx(theirs.p_value, abs=0.05)


@pytest.mark.parametrize("shares", [(0.8, 0.7), (0.72, 0.7), (0.75, 0.7)])
def test_bootstrap_of_many_examples_is_the_normal_one(shares: tuple[float, float]) -> None:
    """Accuracies of many examples: the mean of differences is normal, and so is its test."""
    rng = np.random.default_rng(1)
    one, other = ((rng.random(600) < share).astype(int) for share in shares)
    found = paired_bootstrap(accuracies(one.tolist(), other.tolist()), [0], [1])
    difference = one - other
    error = difference.std() / np.sqrt(600)
    assert found.p == pytest.approx(2 * norm.sf(abs(difference.mean()) / error), abs=0.02)
    assert found.wins == pytest.approx(norm.cdf(difference.mean() / error), abs=0.03)
    theirs = bootstrap((difference,), np.mean, n_resamples=5000, method="percentile", rng=2)
    interval = theirs.confidence_interval
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=0.004)


def test_bootstrap_tells_interval_and_wins() -> None:
    rng = np.random.default_rng(1)
    one, other = (rng.random(400) < 0.8).astype(int), (rng.random(400) < 0.7).astype(int)
    found = paired_bootstrap(accuracies(one.tolist(), other.tolist()), [0], [1])
    difference = one - other
    error = difference.std(ddof=1) / 20
    assert found.difference == pytest.approx(difference.mean())
    assert found.low == pytest.approx(difference.mean() - 1.96 * error, abs=0.005)
    assert found.high == pytest.approx(difference.mean() + 1.96 * error, abs=0.005)
    assert found.wins is not None
    assert found.wins > 0.99
    assert found.p < 0.01
    turned = paired_bootstrap(accuracies(other.tolist(), one.tolist()), [0], [1])
    assert turned.difference == -found.difference
    assert turned.p == pytest.approx(found.p, abs=0.005)


@pytest.mark.parametrize("test", [paired_bootstrap, randomisation])
def test_equal_systems_do_not_differ(test: object) -> None:
    found = test(spans(A, A), [0], [1])  # type: ignore[operator]
    assert (found.difference, found.p) == (0, 1)


@pytest.mark.parametrize("test", [paired_bootstrap, randomisation])
def test_is_wrong_as_often_as_it_says(test: object) -> None:
    rng = np.random.default_rng(7)
    p = []
    for _ in range(200):
        one, other = (rng.random((2, 60)) < 0.7).astype(int).tolist()
        p.append(test(accuracies(one, other), [0], [1], 200).p)  # type: ignore[operator]
    assert 0.01 < np.mean(np.array(p) <= 0.05) < 0.09
    assert 0.4 < np.mean(p) < 0.65


@pytest.mark.parametrize("test", [paired_bootstrap, randomisation])
def test_runs_of_one_system_are_taken_together(test: object) -> None:
    rng = np.random.default_rng(2)
    runs = [(rng.random(200) < share).astype(int).tolist() for share in (0.8, 0.78, 0.7, 0.72)]
    found = accuracies(*runs)
    both = test(found, [0, 1], [2, 3])  # type: ignore[operator]
    assert both.difference == pytest.approx(np.mean(runs[:2]) - np.mean(runs[2:]))
    # the same run thrice is no more evidence than once
    once, thrice = test(found, [0], [2]), test(found, [0, 0, 0], [2, 2, 2])  # type: ignore[operator]
    assert thrice.difference == pytest.approx(once.difference)
    assert thrice.p == pytest.approx(once.p, abs=1e-9)


def test_what_cannot_be_compared_is_refused() -> None:
    found = spans(A, B, A)
    with pytest.raises(DataError, match="as many runs to be exchanged, was: 1 and 2"):
        randomisation(found, [0], [1, 2])
    assert paired_bootstrap(found, [0, 2], [1], 50).trials == 50  # the bootstrap needs no pairs
    with pytest.raises(DataError, match="must have a run each, was: 0 and 1"):
        paired_bootstrap(found, [], [1])
    with pytest.raises(DataError, match="must have examples"):
        randomisation(SpanF1().build({}).statistics([], [], []), [0], [1])
    with pytest.raises(DataError, match="must be defined for both"):
        randomisation(spans([(0, 0, 0)], [(0, 0, 0)]), [0], [1])


def test_holm_golden() -> None:
    # 4 * .01; 3 * .02; max with 2 * .03; .04 * 1 is below the one before
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.03]) == [0.03]


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.001, 0.5))
def test_holm_rejects_what_stepping_down_rejects(p: list[float], level: float) -> None:
    rejected: set[int] = set()
    for rank, place in enumerate(sorted(range(len(p)), key=lambda n: p[n])):
        if (len(p) - rank) * p[place] > level:
            break
        rejected.add(place)
    assert {n for n, value in enumerate(holm(p)) if value <= level} == rejected


def test_spread_over_seeds() -> None:
    found = spread([0.5, 0.6, 0.7])
    assert (found.mean, found.sd, found.n) == (pytest.approx(0.6), pytest.approx(0.1), 3)
    assert spread([0.5]).sd is None
    with pytest.raises(DataError, match="one value or more"):
        spread([])
