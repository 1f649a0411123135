"""Lengths as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_gen.errors import UsageError
from babilong_gen.lengths import length_order, parse_length


@pytest.mark.parametrize(
    ("text", "tokens"), [("1k", 1_000), ("128k", 128_000), ("1M", 1_000_000), ("10M", 10_000_000)]
)
def test_k_and_m_count_the_tokens_of_the_input(text: str, tokens: int) -> None:
    assert parse_length(text).input_tokens(question_tokens=9, segment_size=499, reserve=0) == tokens


def test_reserve_is_kept_free_for_a_prompt() -> None:
    assert parse_length("4k").input_tokens(question_tokens=9, segment_size=499, reserve=300) == 3_700


def test_segments_count_input_and_question() -> None:
    assert parse_length("8seg").input_tokens(question_tokens=9, segment_size=499, reserve=0) == 8 * 499 - 9


def test_0k_has_no_noise() -> None:
    assert parse_length("0k").facts_only


@given(st.text(max_size=8))
def test_whatever_is_written_is_a_length_or_refused_in_one_line(text: str) -> None:
    try:
        assert parse_length(text).name == text.strip().lstrip("0") or text.strip().startswith("0")
    except UsageError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("text", ["", "k", "-1k", "1.5k", "4K", "0seg", "0M", "999999999M", "4 k", "٤k"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="length"):
        parse_length(text)


@pytest.mark.parametrize(("text", "meant"), [("4K", "4k"), ("1m", "1M"), ("8SEG", "8seg")])
def test_a_unit_in_another_case_is_refused_with_the_right_one(text: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"unknown length '{text}'.*; write it {meant}$"):
        parse_length(text)


def test_lengths_sort_from_short_to_long_segments_first() -> None:
    assert sorted(("1M", "4seg", "128k", "0k", "16seg"), key=length_order) == [
        "4seg",
        "16seg",
        "0k",
        "128k",
        "1M",
    ]
