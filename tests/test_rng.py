"""Keyed randomness."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_gen.rng import Rng


def test_equal_keys_give_equal_draws_and_others_do_not() -> None:
    first, again, other = Rng("qa1", 3), Rng("qa1", 3), Rng("qa1", 4)
    draws = [first.random() for _ in range(200)]
    assert draws == [again.random() for _ in range(200)]
    assert draws != [other.random() for _ in range(200)]


def test_the_stream_of_a_key_never_changes() -> None:
    rng = Rng("golden", 0)
    assert [rng.randrange(1_000) for _ in range(8)] == [672, 849, 575, 168, 115, 82, 650, 386]


@given(st.integers(0, 200), st.integers(0, 200))
def test_draws_in_one_go_are_those_one_by_one(first: int, then: int) -> None:
    one_by_one, at_once = Rng("draws"), Rng("draws")
    expected = [one_by_one.random() for _ in range(first + then + 1)]
    assert [*at_once.draws(first), *at_once.draws(then), at_once.random()] == expected


def test_the_orders_and_samples_of_a_key_never_change() -> None:
    rng, letters = Rng("golden", 1), list("abcdefgh")
    rng.shuffle(letters)
    assert "".join(letters) == "ghfacdbe"
    assert rng.sample(range(100_000), 4) == [14230, 45381, 9754, 73043]
    assert "".join(rng.sample("abcdefgh", 8)) == "dghfbace"


def test_the_array_order_of_a_key_never_changes() -> None:
    rng = Rng("golden", 2)
    assert rng.shuffled(np.arange(8)).tolist() == [0, 3, 7, 6, 2, 1, 5, 4]
    assert sorted(rng.shuffled(np.array([7, 7, 0, 3]))) == [0, 3, 7, 7]
    assert rng.shuffled(np.arange(0)).tolist() == []


def test_every_order_of_an_array_is_equally_likely() -> None:
    orders = Counter(tuple(Rng("array", key).shuffled(np.arange(3)).tolist()) for key in range(6_000))
    assert len(orders) == 6
    assert all(850 < count < 1_150 for count in orders.values())


@given(st.integers(), st.integers(0, 50), st.integers(0, 50))
def test_between_includes_both_ends_and_nothing_beyond(key: int, low: int, size: int) -> None:
    rng = Rng(key)
    assert all(low <= rng.randint(low, low + size) <= low + size for _ in range(50))


def test_every_order_of_a_shuffle_is_equally_likely() -> None:
    orders: Counter[str] = Counter()
    for key in range(6_000):
        items = list("abc")
        Rng("order", key).shuffle(items)
        orders["".join(items)] += 1
    assert len(orders) == 6
    assert all(850 < count < 1_150 for count in orders.values())


def test_a_sample_has_distinct_items() -> None:
    assert sorted(Rng("all").sample(range(10), 10)) == list(range(10))
    with pytest.raises(ValueError, match="cannot draw 11"):
        Rng("more").sample(range(10), 11)
