"""Noise of exactly so many tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babilong_gen.assemble.fill import Noise, NoiseStart, fill
from babilong_gen.noise.corpus.corpus import NoiseCorpus
from babilong_gen.noise.corpus.pool import NoisePool
from babilong_gen.rng import Rng


def pool_of(lengths: list[int]) -> NoisePool:
    """A pool of sentences with these token lengths; filling looks at nothing else."""
    empty = np.zeros(0, np.int64)
    corpus = NoiseCorpus(
        folder=Path(),
        key="",
        text=np.zeros(0, np.uint8),
        tokens=np.zeros(0, np.uint32),
        byte_end=empty,
        char_end=empty,
        token_end=np.cumsum(lengths),
        usable=np.ones(len(lengths), bool),
        document_end=np.array([len(lengths)]),
        name_end=empty,
        names=np.zeros(0, np.uint8),
    )
    return NoisePool(
        corpus=corpus,
        kept=np.arange(len(lengths)),
        tokens_before=np.concatenate(([0], np.cumsum(lengths))),
        start_below=len(lengths),
        leaks=0,
        unusable=0,
    )


def sentences(noise: Noise) -> list[int]:
    """The pool indices of all its sentences."""
    return [index for first, last in noise.runs for index in range(first, last)]


def prose(seed: int) -> list[int]:
    """Token lengths of 400 sentences as prose has them: most of 5 to 30 tokens, some shorter or longer."""
    rng = Rng("prose", seed)
    return [1 + int(rng.random() * rng.random() * 70) for _ in range(400)]


LENGTHS = st.integers(0, 10_000).map(prose)


@settings(deadline=None)
@given(lengths=LENGTHS, start=st.integers(0, 199), tokens=st.integers(64, 2_000))
def test_noise_has_exactly_the_tokens_asked_for(lengths: list[int], start: int, tokens: int) -> None:
    pool = pool_of(lengths)
    noise = fill(pool, NoiseStart(starts=(start, 0)), tokens)
    assert noise is not None
    assert sum(lengths[index] for index in sentences(noise)) == noise.tokens == tokens


@settings(deadline=None)
@given(lengths=LENGTHS, tokens=st.integers(64, 2_000))
def test_sentences_keep_their_order_and_none_stands_twice(lengths: list[int], tokens: int) -> None:
    noise = fill(pool_of(lengths), NoiseStart(starts=(0,)), tokens)
    assert noise is not None
    indices = sentences(noise)
    assert indices == sorted(set(indices))


@settings(deadline=None)
@given(lengths=LENGTHS, tokens=st.integers(64, 1_000))
def test_only_a_few_sentences_near_the_end_are_skipped(lengths: list[int], tokens: int) -> None:
    noise = fill(pool_of(lengths), NoiseStart(starts=(0,)), tokens)
    assert noise is not None
    indices = sentences(noise)
    skipped = set(range(indices[-1] + 1)) - set(indices)
    assert all(index > len(indices) - 70 for index in skipped)


@settings(deadline=None)
@given(lengths=LENGTHS, first=st.integers(64, 500), more=st.integers(500, 2_000))
def test_shorter_noise_is_part_of_longer_noise(lengths: list[int], first: int, more: int) -> None:
    pool = pool_of(lengths)
    short, long = (
        fill(pool, NoiseStart(starts=(3, 0)), first),
        fill(pool, NoiseStart(starts=(3, 0)), first + more),
    )
    assert short is not None
    assert long is not None
    assert set(sentences(short)) <= set(sentences(long))


@given(lengths=LENGTHS, tokens=st.integers(200, 2_000), wanted=st.floats(0, 1))
def test_borders_are_found_by_their_tokens(lengths: list[int], tokens: int, wanted: float) -> None:
    noise = fill(pool_of(lengths), NoiseStart(starts=(5, 0)), tokens)
    assert noise is not None
    ends = np.concatenate(([0], np.cumsum([lengths[index] for index in sentences(noise)])))
    at = wanted * tokens
    assert [noise.tokens_at(border) for border in range(len(ends))] == ends.tolist()
    assert noise.border_at_or_before(at) == np.flatnonzero(ends <= at)[-1]
    assert noise.border_at_or_after(at) == np.flatnonzero(ends >= at)[0]
    assert abs(ends[noise.nearest_border(at)] - at) == np.abs(ends - at).min()


def test_a_pool_that_is_too_short_is_read_again_from_another_start() -> None:
    pool = pool_of([10, 7, 5, 3, 9, 4])
    noise = fill(pool, NoiseStart(starts=(2, 4, 1)), 90)
    assert noise is not None
    assert noise.tokens == 90
    assert noise.runs[:3] == [(2, 6), (0, 2), (4, 6)]


@pytest.mark.parametrize("tokens", [15, 1_001])
def test_what_no_choice_of_sentences_adds_up_to_is_none(tokens: int) -> None:
    assert fill(pool_of([10] * 300), NoiseStart(starts=(0,)), tokens) is None


def test_without_reuse_the_end_of_the_pool_is_the_end() -> None:
    assert fill(pool_of([10, 10]), NoiseStart(starts=(1,)), 30) is None
