"""The rows of a batch: full segments that end with a question, none of them seen before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from babilong_eval.training.batch_rows import BatchSampler
from babilong_eval.training.hard_negatives import plant_hard_negatives
from babilong_eval.training.memory_pool import CarriedMemory, MemoryPool
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.recipe_stages import Stage, Streams, Until
from babilong_eval.training.rows import Pools, as_segments
from babilong_eval.training.samples import SampleSource
from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.simulators.rmt_paper import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    Spans = Sequence[tuple[int, int]]

SEGMENT, BATCH = 40, 8


def stage(segments: int = 2, batch: int = BATCH, **shares: float) -> Stage:
    return Stage(
        name="any",
        segments=(segments, segments),
        tasks={"detect": 1},
        until=Until(steps=1),
        batch=batch,
        streams=Streams.model_validate(shares),
    )


def pools(*known: CarriedMemory) -> Pools:
    return Pools(known=MemoryPool(100, [*known]), empty=MemoryPool(100), false_positive=MemoryPool(100))


def sampler_of(source: SampleSource, recipe: Recipe, process: int = 0) -> BatchSampler:
    return BatchSampler(source, recipe.labels, seed=recipe.seed, process=process, rows=2 * BATCH)


def rows(sampler: BatchSampler, stage: Stage, steps: range) -> list[tuple[int, ...]]:
    return [tuple(row.tokens) for step in steps for row in sampler.batch(stage, SEGMENT, step, pools())]


def planted(tokens: np.ndarray, number: int, source: SampleSource, spans: Spans = ()) -> np.ndarray:
    """The tokens with a hard negative in each segment, half of them half a fact."""
    streams = Streams(hard_negatives=1.0, half_facts=0.5)
    return plant_hard_negatives(
        tokens, Rng(number), source, "detect", streams, segment_size=SEGMENT, protected_spans=[*spans]
    )


def test_a_fresh_sample_fills_its_segments_and_ends_with_its_question(
    source: SampleSource, recipe: Recipe
) -> None:
    made = sampler_of(source, recipe).batch(stage(segments=3), SEGMENT, 0, pools())
    assert as_segments(made, SEGMENT).shape == (3, BATCH, SEGMENT)
    assert all(tuple(row.tokens[-len(row.question) :]) == row.question for row in made)
    assert all(0 <= row.last_fact_segment < 3 and row.start is None for row in made)


def test_a_step_makes_the_same_rows_again(source: SampleSource, recipe: Recipe) -> None:
    first, again = (sampler_of(source, recipe) for _ in range(2))
    shares = stage(empty=0.3, hard_negatives=0.5, cut=0.5)
    assert rows(first, shares, range(3)) == rows(again, shares, range(3))


def test_no_sample_comes_twice_even_when_batches_shrink(source: SampleSource, recipe: Recipe) -> None:
    sampler = sampler_of(source, recipe)
    made = rows(sampler, stage(batch=2 * BATCH), range(10)) + rows(sampler, stage(batch=BATCH), range(10, 20))
    assert len(set(made)) == len(made) == 240


def test_no_two_processes_make_the_same_sample(source: SampleSource, recipe: Recipe) -> None:
    first, second = (set(rows(sampler_of(source, recipe, n), stage(), range(10))) for n in range(2))
    assert first.isdisjoint(second)


def test_a_continued_row_keeps_its_question_and_its_answer(source: SampleSource, recipe: Recipe) -> None:
    question = source.question(Rng(1), "detect")
    old = CarriedMemory(memory=torch.ones(3, 32), task="detect", question=question, target=1, age=5)
    waiting = pools(old)
    (row,) = [
        r
        for r in sampler_of(source, recipe).batch(stage(continued=0.25), SEGMENT, 0, waiting)
        if not r.is_fresh
    ]
    assert (row.question, row.target, row.age) == (question, 1, 5)
    assert row.start is old.memory
    assert tuple(row.tokens[-len(question) :]) == question
    assert not waiting.known.waiting


@pytest.mark.parametrize("segment_size", [24, 64])
def test_a_stage_may_have_segments_of_its_own_size(
    source: SampleSource, recipe: Recipe, segment_size: int
) -> None:
    mixed = stage(segments=3, empty=0.3, cut=0.5)
    made = sampler_of(source, recipe).batch(mixed, segment_size, 0, pools())
    assert as_segments(made, segment_size).shape == (3, BATCH, segment_size)


def test_hard_negatives_spare_facts_and_question(source: SampleSource) -> None:
    tokens = source.noise(Rng(1), "detect", 5 * SEGMENT)
    spans = [(10, 20), (77, 90), (190, 200)]
    changed = 0
    for number in range(100):
        found = planted(tokens, number, source, spans)
        assert len(found) == len(tokens)
        assert all(np.array_equal(found[a:b], tokens[a:b]) for a, b in spans)
        changed += not np.array_equal(found, tokens)
    assert changed > 50


def test_half_facts_stand_where_a_boundary_would_have_cut_them(source: SampleSource) -> None:
    tokens = source.noise(Rng(1), "detect", 4 * SEGMENT)
    names = {int(source.ids("detect", name)[0]) for name in NAMES} - set(tokens.tolist())
    places = {int(source.ids("detect", place)[0]) for place in PLACES} - set(tokens.tolist())
    firsts = seconds = 0
    for number in range(200):
        found = planted(tokens, number, source)
        for boundary in range(SEGMENT, len(tokens), SEGMENT):
            first = any(int(token) in names for token in found[boundary - 4 : boundary - 1])
            second = any(int(token) in places for token in found[boundary : boundary + 2])
            firsts, seconds = firsts + first, seconds + second
    assert firsts > 25
    assert seconds > 25


def test_no_two_halves_make_a_fact(source: SampleSource) -> None:
    tokenizer = source.context(0, "detect").tokenizer.tokenizer
    tokens = source.noise(Rng(1), "detect", 6 * SEGMENT)
    for number in range(300):
        text = tokenizer.decode(planted(tokens, number, source).tolist())
        assert not re.search(rf"({'|'.join(NAMES)}) \w+( back)? to the ({'|'.join(PLACES)})", text)
