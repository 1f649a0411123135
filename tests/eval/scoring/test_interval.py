"""The interval that stands beside every accuracy."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from babilong_eval.scoring import interval
from babilong_eval.scoring.interval import wilson


@given(st.data())
def test_wilson_agrees_with_scipy(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 5_000))
    correct = data.draw(st.integers(0, n))
    expected = binomtest(correct, n).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson(correct, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.integers(1, 10_000))
def test_the_bounds_hold_the_accuracy_even_at_none_and_all_correct(n: int) -> None:
    assert wilson(0, n)[0] == 0.0 < wilson(0, n)[1]
    assert wilson(n, n)[0] < wilson(n, n)[1] == 1.0


@pytest.mark.parametrize(("correct", "n"), [(0, 0), (2, 1), (-1, 5)])
def test_an_accuracy_of_nothing_has_no_interval(correct: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{correct} of {n}"):
        wilson(correct, n)


def test_the_documented_example_holds() -> None:
    assert doctest.testmod(interval) == (0, 1)
