"""What memories are asked by themselves follows from the facts they have read, and counts in the loss."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from babilong_eval.models.protocol import Segment
from babilong_eval.training.batch_rows import BatchSampler
from babilong_eval.training.memory_pool import NO_FACT, MemoryPool
from babilong_eval.training.memory_questions import AskedMemories
from babilong_eval.training.metrics_log import read_log
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.recipe_stages import Stage, Streams, Until
from babilong_eval.training.rows import Pools, Row
from babilong_eval.training.unroll import Batch, LossOptions
from babilong_gen.rng import Rng
from babilong_gen.solvers import solve
from babilong_gen.tokenizer import load_tokenizer
from tests.eval.training.small import PLACES, ROWS, SEGMENT, SEGMENTS, Kind, build_small, unrolled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from babilong_eval.training.samples import SampleSource

IN_SEGMENTS_OF = 40
SAMPLES_OF_BEFORE = "5b30b2644916c04db1579c639e7566a6d2edff0fc83aa28d8f43a721d3d7e1af"


def text(ids: Sequence[int]) -> str:
    """A sentence as bAbI writes it."""
    written = load_tokenizer("babilong").tokenizer.decode(list(ids))
    return written.replace(" ?", "?").replace(" .", ".")


def rows_of(
    source: SampleSource,
    recipe: Recipe,
    task: str,
    count: int,
    streams: Streams,
    questions: str | None = None,
) -> list[Row]:
    stage = Stage(
        name="any",
        segments=(3, 3),
        tasks={task: 1},
        until=Until(steps=1),
        batch=40,
        streams=streams,
        memory_questions=count,
        questions=questions,
    )
    pools = Pools(known=MemoryPool(9), empty=MemoryPool(9), false_positive=MemoryPool(9))
    sampler = BatchSampler(source, recipe.labels, seed=1, rows=40)
    return sampler.batch(stage, IN_SEGMENTS_OF, 0, pools)


@pytest.mark.parametrize(("task", "questions"), [("reasoning", 8), ("detect", 1)])
def test_facts_answer_what_a_solver_says_that_they_do(
    task: str, questions: int, source: SampleSource
) -> None:
    for number in range(20):
        sample = source.sample(Rng(number), task, 3, IN_SEGMENTS_OF, number, None)
        assert len({asked.ids for asked in sample.asked}) == questions
        for asked in sample.asked:
            facts = [
                text(sample.tokens[start:end].tolist())
                for start, end in sample.spans
                if end <= asked.known_from
            ]
            assert solve(task, facts, text(asked.ids)).answer == asked.target


def test_a_memory_is_asked_after_the_facts_and_never_after_the_last_segment(
    source: SampleSource, recipe: Recipe
) -> None:
    rows = rows_of(source, recipe, "detect", 1, Streams(empty=0.25))
    for row in rows:
        knows = range(row.last_fact_segment, 2) if row.is_fresh else ()
        assert [asked.after for asked in row.memory_questions] == [*knows]
        assert all(asked.target == row.target for asked in row.memory_questions)
        assert all(
            asked.tokens[-len(row.question) :].tolist() == [*row.question] for asked in row.memory_questions
        )
    assert any(row.memory_questions for row in rows)
    assert any(row.target == NO_FACT for row in rows)


def test_as_many_questions_a_segment_as_the_stage_says(source: SampleSource, recipe: Recipe) -> None:
    asked = [row.memory_questions for row in rows_of(source, recipe, "reasoning", 3, Streams())]
    counts = {sum(each.after == after for each in questions) for questions in asked for after in (0, 1)}
    assert counts == {0, 3}
    assert {len(each.tokens) for questions in asked for each in questions} == {24}


def test_facts_apart_are_read_one_after_the_other_before_the_last_segment(
    source: SampleSource, recipe: Recipe
) -> None:
    """So a memory of three segments is asked about the first fact alone, then about both."""
    for row in rows_of(source, recipe, "reasoning", 8, Streams(apart=1.0)):
        counts = Counter(asked.after for asked in row.memory_questions)
        assert counts == {0: 4, 1: 8}


def test_a_memory_is_asked_no_other_question_than_the_stage_wants(
    source: SampleSource, recipe: Recipe
) -> None:
    rows = rows_of(source, recipe, "reasoning", 8, Streams(), questions="What is north of")
    asked = {
        text(each.tokens[-len(row.question) :].tolist()) for row in rows for each in row.memory_questions
    }
    assert asked
    assert all(each.startswith("What is north of the ") for each in asked)


def test_recipes_of_before_them_draw_the_same_samples(source: SampleSource, recipe: Recipe) -> None:
    """Those that ship name their samples by the draws: what is not asked for draws nothing."""
    rows = rows_of(source, recipe, "reasoning", 0, Streams(hard_negatives=0.5))
    assert hashlib.sha256(b"".join(row.tokens.tobytes() for row in rows)).hexdigest() == SAMPLES_OF_BEFORE


@pytest.mark.parametrize("kind", ["replace", "gate", "decoder"])
def test_their_loss_is_that_of_the_models_own_answers(kind: Kind) -> None:
    model, generator = build_small(kind), torch.Generator().manual_seed(4)
    rows, target = torch.tensor([2, 0, 2]), torch.tensor([1, 2, 0])
    asked = AskedMemories(
        after=1, rows=rows, tokens=torch.randint(10, 900, (3, 7), generator=generator), target=target
    )
    batch = Batch(
        segments=torch.randint(10, 900, (SEGMENTS, ROWS, SEGMENT), generator=generator),
        begin=None,
        carried=torch.zeros(ROWS, dtype=torch.bool),
        target=torch.zeros(ROWS, dtype=torch.long),
        last_fact_segment=torch.zeros(ROWS, dtype=torch.long),
    )
    memory = model.start(ROWS)
    for tokens in batch.segments[:2]:
        memory = model.step(tokens, None, memory)
    answers = model.answer(Segment(asked.tokens, None), memory[rows], [PLACES] * 3)
    scores = torch.tensor([answer.scores for answer in answers]).log_softmax(dim=-1)
    without = unrolled(model)(batch, LossOptions())
    output = unrolled(model)(replace(batch, asked=(asked,)), LossOptions())
    expected = without.loss + nn.functional.nll_loss(scores, target)
    torch.testing.assert_close(output.loss, expected, rtol=1e-4, atol=1e-4)
    assert output.asked_correct.tolist() == (scores.argmax(dim=-1) == target).tolist()
    assert len(without.asked_correct) == 0


def test_a_run_logs_how_they_were_answered(undisturbed: Path) -> None:
    lines = read_log(undisturbed / "training" / "log.jsonl")
    asked = [(line["segments"], *line["asked_of_memory"]) for line in lines]
    assert all(0 <= right <= count for _, count, right in asked)
    assert any(count > 0 for segments, count, _ in asked if segments > 1)
    assert all(count == 0 for segments, count, _ in asked if segments <= 1)
