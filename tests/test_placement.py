"""Placements as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_gen.errors import UsageError
from babilong_gen.placement import parse_placement

GOOD = [
    "uniform",
    "start",
    "end",
    "depth:0.25",
    "depth-grid:11",
    "range:0.2-0.6",
    "segment:0",
    "segment-start",
    "gap:0",
]
BAD = [
    "", "middle", "uniform:1", "depth", "depth:", "depth:1.5", "depth:nan", "depth:-0.1", "depth-grid:1",
    "depth-grid:2.5", "range:0.6-0.2", "range:0.5", "range:0.5-0.5", "range:a-b", "segment:-1", "segment:x",
    "segment-start:3", "gap:", "gap:-5", "gap:1e3",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_a_placement_is_read(text: str) -> None:
    assert parse_placement(text).kind == text.partition(":")[0]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_placement_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="placement"):
        parse_placement(text)


@given(st.sampled_from(["depth", "range", "segment", "gap", "depth-grid", "?"]), st.text(max_size=10))
def test_whatever_is_written_is_read_or_refused(kind: str, value: str) -> None:
    try:
        parse_placement(f"{kind}:{value}")
    except UsageError as error:
        assert "\n" not in str(error)
