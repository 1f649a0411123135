"""Streams are cut where the paper cuts them, and nothing of them is lost on the way into batches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from babilong_eval.models.protocol import Alignment
from babilong_eval.models.segments import cut, rows_of_one_length, segment_batches

alignments = st.sampled_from(["right", "left", "center"])
sizes = st.integers(1, 30)
streams = st.lists(st.integers(1, 9), max_size=100)


def lengths(n_tokens: int, size: int, alignment: Alignment) -> list[int]:
    return [place.stop - place.start for place in cut(n_tokens, size, alignment)]


@pytest.mark.parametrize(
    ("alignment", "expected"),
    [("right", [6, 17, 17, 17, 17]), ("left", [17, 17, 17, 17, 6]), ("center", [15, 15, 15, 15, 14])],
)
def test_the_remainder_goes_where_the_alignment_puts_it(alignment, expected):
    assert lengths(74, 17, alignment) == expected


@given(n_tokens=st.integers(0, 500), size=sizes, alignment=alignments)
def test_a_cut_covers_the_stream_in_order_with_as_few_segments_as_possible(n_tokens, size, alignment):
    places = cut(n_tokens, size, alignment)
    assert [i for place in places for i in range(place.start, place.stop)] == list(range(n_tokens))
    assert len(places) == -(-n_tokens // size)
    assert all(0 < place.stop - place.start <= size for place in places)


def test_with_an_overlap_the_end_of_the_segment_before_is_read_again():
    assert cut(20, 8, "right", overlap=3) == [slice(0, 4), slice(1, 12), slice(9, 20)]


@given(n_tokens=st.integers(0, 500), size=sizes, alignment=alignments, overlap=st.integers(0, 40))
def test_what_is_no_longer_than_the_overlap_and_one_token_stands_whole_in_a_segment(
    n_tokens, size, alignment, overlap
):
    places = cut(n_tokens, size, alignment, overlap)
    assert [place.stop for place in places] == [place.stop for place in cut(n_tokens, size, alignment)]
    assert all(this.stop - after.start == min(overlap, this.stop) for this, after in pairwise(places))
    for start in range(n_tokens):
        end = min(start + overlap + 1, n_tokens)
        assert any(place.start <= start and end <= place.stop for place in places)


@given(rows=st.lists(streams, min_size=1, max_size=4), size=sizes, alignment=alignments)
def test_every_row_comes_whole_out_of_its_batches(rows, size, alignment):
    read = [[] for _ in rows]
    for tokens, mask in segment_batches(rows, size, alignment):
        real = torch.ones_like(tokens, dtype=torch.bool) if mask is None else mask
        for row in range(len(rows)):
            read[row] += tokens[row][real[row]].tolist()
    assert read == rows


@given(rows=st.lists(streams.filter(bool), min_size=2, max_size=4), size=sizes)
def test_every_row_ends_in_the_last_batch_and_padding_stands_before_rows_only(rows, size):
    begun = [False] * len(rows)
    last = None
    for segment in segment_batches(rows, size, "right"):
        tokens, mask = last = segment
        real = torch.ones_like(tokens, dtype=torch.bool) if mask is None else mask
        for row in range(len(rows)):
            assert real[row].tolist() == sorted(real[row].tolist())
            assert real[row].all() or not begun[row]
            begun[row] = begun[row] or bool(real[row].any())
    assert last is not None
    assert [int(row[-1]) for row in last.tokens] == [row[-1] for row in rows]


def test_a_full_batch_has_no_mask():
    assert [mask for _, mask in segment_batches([np.arange(16), np.arange(16)], 8, "right")] == [None, None]


def test_rows_of_one_length_come_together_without_their_padding():
    tokens = torch.tensor([[0, 0, 5], [6, 7, 8], [0, 0, 9], [0, 0, 0]])
    mask = torch.tensor([[0, 0, 1], [1, 1, 1], [0, 0, 1], [0, 0, 0]]).bool()

    parts = [(rows, part.tolist()) for rows, part in rows_of_one_length(tokens, mask)]

    assert parts == [([0, 2], [[5], [9]]), ([1], [[6, 7, 8]])]
