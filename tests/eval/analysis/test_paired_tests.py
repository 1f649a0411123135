"""The statistics of paired runs, against other programs' numbers and published ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap, permutation_test

from babilong_eval.analysis.paired_tests import Pairs, holm, mcnemar, newcombe, sign_flip

COUNTS = st.integers(0, 60)
SHARES = st.sampled_from([0, 0.25, 1 / 3, 0.5, 0.7, 0.75, 1])


def whole(*, both: int, a_only: int, b_only: int, neither: int) -> Pairs:
    """Answers that are right or wrong, so many of each kind."""
    return Pairs(
        a=[1] * (both + a_only) + [0] * (b_only + neither),
        b=[1] * both + [0] * a_only + [1] * b_only + [0] * neither,
    )


def drawn(shares: list[float], n: int) -> Pairs:
    """The shares of two runs that are equally good, at random."""
    rng = np.random.default_rng(17)
    return Pairs(a=rng.choice(shares, n).tolist(), b=rng.choice(shares, n).tolist())


@given(COUNTS, COUNTS)
def test_mcnemar_is_scipys_binomial_test(a_only: int, b_only: int) -> None:
    expected = binomtest(a_only, a_only + b_only).pvalue if a_only + b_only else 1.0
    assert mcnemar(a_only, b_only) == pytest.approx(expected)


def test_mcnemar_stands_more_samples_than_a_float_can_count() -> None:
    assert mcnemar(3_000, 3_100) == pytest.approx(binomtest(3_000, 6_100).pvalue)
    assert mcnemar(5_000, 0) == 0.0


def test_mcnemar_and_holm_are_those_of_statsmodels() -> None:
    contingency = pytest.importorskip("statsmodels.stats.contingency_tables")
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    tables = [[[20, 12], [2, 16]], [[5, 0], [0, 5]], [[1, 1], [7, 12]], [[300, 40], [61, 99]]]
    found = [mcnemar(table[0][1], table[1][0]) for table in tables]
    assert found == pytest.approx([contingency.mcnemar(table, exact=True).pvalue for table in tables])
    assert holm(found) == pytest.approx(multitest.multipletests(found, method="holm")[1])


@settings(max_examples=15)
@given(st.lists(st.tuples(SHARES, SHARES), min_size=2, max_size=8))
def test_sign_flip_is_scipys_permutation_test(shares: list[tuple[float, float]]) -> None:
    a, b = np.array(shares, dtype=float).T
    expected = permutation_test(
        (a, b), lambda a, b, axis: np.mean(a - b, axis=axis), vectorized=True, permutation_type="samples"
    )
    assert sign_flip(Pairs(a=a.tolist(), b=b.tolist())) == pytest.approx(expected.pvalue)


def test_sign_flip_counts_all_choices_where_scipy_has_to_draw_some() -> None:
    pairs = drawn([0, 0.25, 0.5, 0.75, 1], 200)
    sampled = permutation_test(
        (np.array(pairs.a), np.array(pairs.b)), lambda a, b, axis: np.mean(a - b, axis=axis),
        vectorized=True, permutation_type="samples", n_resamples=40_000, batch=2_000, rng=1,
    )  # fmt: skip
    assert sign_flip(pairs) == pytest.approx(sampled.pvalue, abs=0.01)


@given(COUNTS, COUNTS, COUNTS)
def test_of_whole_answers_sign_flip_is_mcnemars_test(both: int, a_only: int, b_only: int) -> None:
    pairs = whole(both=both, a_only=a_only, b_only=b_only, neither=1)
    assert sign_flip(pairs) == pytest.approx(mcnemar(a_only, b_only))


def test_shares_without_a_common_measure_are_compared_all_the_same() -> None:
    shares = [part / answers for answers in (7, 11, 13, 17, 19, 23) for part in range(answers)]
    pairs = drawn(shares, 60)
    assert 0 < sign_flip(pairs) < 1
    assert sign_flip(Pairs(a=pairs.a, b=pairs.a)) == 1


def test_the_interval_of_shares_is_wide_enough() -> None:
    pairs = drawn([0, 0.25, 0.5, 0.75, 1], 400)
    changes = np.subtract(pairs.a, pairs.b)
    sampled = bootstrap((changes,), np.mean, n_resamples=4_000, method="percentile", rng=1)
    low, high = newcombe(pairs)
    assert low < sampled.confidence_interval.low < pairs.difference < sampled.confidence_interval.high < high


def test_holm_corrects_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([0.04, 0.01, 0.03, 0.9]) == pytest.approx([0.09, 0.04, 0.09, 0.9])
    assert holm([]) == []


@pytest.mark.parametrize(
    ("counts", "published"),
    [
        # Newcombe 1998, Table II, method 10
        ((20, 12, 2, 16), (0.0562, 0.3292)),
        # Fagerland, Lydersen and Laake 2014, "Recommended tests and confidence intervals for paired binomial
        # proportions": airway hyper-responsiveness before and after stem cell transplantation
        ((1, 1, 7, 12), (-0.507, -0.026)),
    ],
)
def test_newcombes_interval_is_the_published_one(
    counts: tuple[int, int, int, int], published: tuple[float, float]
) -> None:
    both, a_only, b_only, neither = counts
    found = newcombe(whole(both=both, a_only=a_only, b_only=b_only, neither=neither))
    assert found == pytest.approx(published, abs=5e-4)


def test_newcombes_interval_is_close_to_a_bootstrap_of_many_samples() -> None:
    pairs = whole(both=800, a_only=400, b_only=250, neither=550)
    changes = np.repeat([0, 1, -1, 0], [800, 400, 250, 550])
    sampled = bootstrap((changes,), np.mean, n_resamples=4_000, method="percentile", rng=1)
    assert newcombe(pairs) == pytest.approx(tuple(sampled.confidence_interval), abs=3e-3)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_interval_holds_the_difference_and_turns_with_the_runs(a: int, b: int, c: int, d: int) -> None:
    if a + b + c + d == 0:
        return
    pairs = whole(both=a, a_only=b, b_only=c, neither=d)
    low, high = newcombe(pairs)
    assert -1 - 1e-9 <= low <= pairs.difference <= high <= 1 + 1e-9
    turned = newcombe(whole(both=a, a_only=c, b_only=b, neither=d))
    assert (-high, -low) == pytest.approx(turned)
