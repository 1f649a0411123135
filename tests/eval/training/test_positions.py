"""Short segments at the positions of long ones: sentences whole, nothing farther than in a long segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.training.memory_questions import AskedMemories
from babilong_eval.training.metrics_log import read_log
from babilong_eval.training.positions import draw_skipped, stack_skipped
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.train import train
from babilong_eval.training.unroll import Batch, LossOptions
from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng
from tests.eval.training.conftest import NARROW_BERT, NARROW_GPT2
from tests.eval.training.small import build_small, unrolled
from tests.eval.training.test_segment_size import ROTARY, recipe_of, stage

if TYPE_CHECKING:
    from pathlib import Path

STOP = 7


@given(
    tokens=st.lists(st.integers(1, 9), min_size=3, max_size=60),
    segment_size=st.integers(3, 30),
    longest=st.integers(3, 200),
    seed=st.integers(0, 10**6),
)
def test_sentences_stay_whole_and_no_segment_is_longer_than_the_longest(
    tokens: list[int], segment_size: int, longest: int, seed: int
) -> None:
    whole = len(tokens) // segment_size * segment_size or len(tokens)
    row, size = np.asarray(tokens[:whole], np.uint32), min(segment_size, whole)
    skipped = draw_skipped(Rng(seed), row, segment_size=segment_size, longest=longest, stop=STOP)
    for each, text in zip(skipped.reshape(-1, size), row.reshape(-1, size), strict=True):
        grows = np.flatnonzero(np.diff(each)) + 1
        assert (np.diff(each) >= 0).all()
        assert all(text[place - 1] == STOP for place in grows)
        assert size + each[-1] <= max(longest, size)


def test_the_distances_of_long_segments_are_all_there() -> None:
    row = np.asarray([1, 2, STOP, 3, 4, STOP, 5], np.uint32)
    drawn = [draw_skipped(Rng(n), row, segment_size=7, longest=499, stop=STOP) for n in range(400)]
    ends = np.asarray([each[-1] for each in drawn])
    assert (ends == 0).mean() == pytest.approx(0.25, abs=0.07)
    assert np.histogram(ends[ends > 0], bins=4, range=(0, 492))[0].min() > 30


def test_an_encoder_sees_tokens_where_they_are_said_to_lie() -> None:
    """Without gaps as ever; with one, it sees other distances in this row, and in this row alone."""
    model = build_small("gate")
    assert isinstance(model.network, RMTEncoder)
    network = model.network.eval()
    tokens = torch.randint(10, 900, (2, 8), generator=torch.Generator().manual_seed(1))
    memory, none = network.start(2), torch.zeros(2, 8, dtype=torch.long)
    as_ever = network.classify(tokens, memory)
    torch.testing.assert_close(network.classify(tokens, memory, none), as_ever)
    gaps = none.clone()
    gaps[1, 4:] = 20
    with_gaps = network.classify(tokens, memory, gaps)
    torch.testing.assert_close(with_gaps[0], as_ever[0])
    assert not torch.allclose(with_gaps[1], as_ever[1], atol=1e-5)
    torch.testing.assert_close(network.write(tokens, memory, gaps)[0], network.write(tokens, memory)[0])


def test_segments_and_questions_of_a_memory_are_read_at_the_positions_they_were_given() -> None:
    model, generator = build_small("replace"), torch.Generator().manual_seed(2)
    network = model.network
    assert isinstance(network, RMTEncoder)
    segments = torch.randint(10, 900, (2, 3, 8), generator=generator)
    skipped = torch.randint(0, 5, (2, 3, 8), generator=generator).cumsum(dim=-1)
    target, rows = torch.tensor([0, 1, 2]), torch.tensor([2])
    question = AskedMemories(
        after=0, rows=rows, tokens=segments[1, :1], target=target[:1], skipped=skipped[1, 1:2]
    )
    batch = Batch(
        segments=segments,
        begin=None,
        carried=torch.zeros(3, dtype=torch.bool),
        target=target,
        last_fact_segment=torch.zeros(3, dtype=torch.long),
        skipped=skipped,
        asked=(question,),
    )
    memory = network.write(segments[0], network.start(3), skipped[0])
    answers = network.classify(segments[1], memory, skipped[1])
    of_memory = network.classify(question.tokens, memory[rows], question.skipped)
    expected = nn.functional.cross_entropy(answers, target) + nn.functional.cross_entropy(
        of_memory, target[:1]
    )
    torch.testing.assert_close(unrolled(model)(batch, LossOptions()).loss, expected)


def mixed(noise: str, model: dict[str, Any], longer: int) -> Recipe:
    """Steps of every kind of row, at positions of longer segments."""
    every = {"continued": 0.25, "empty": 0.25, "after_noise": 0.5}
    only = stage(
        "only",
        segments=[0, 3],
        tasks={"reasoning": 1},
        batch=8,
        streams=every,
        memory_questions=2,
        positions_of=longer,
        until={"steps": 8},
    )
    return recipe_of(noise, {"tokenizer": "babilong", "memory_tokens": 3, "segment_size": 40, **model}, only)


def test_every_kind_of_row_is_trained_with_gaps(noise_files: str, cache: Path, tmp_path: Path) -> None:
    train(mixed(noise_files, {"backbone": ROTARY}, 200), tmp_path, cache=cache)
    lines = read_log(tmp_path / "training" / "log.jsonl")
    assert {line["segments"] for line in lines} >= {1, 3}
    assert any(line["continued"][0] for line in lines)
    assert any(line["asked_of_memory"][0] for line in lines)


@pytest.mark.parametrize(
    ("model", "longer", "says"),
    [
        ({"backbone": ROTARY}, 30, "positions_of: 30, but its segments have up to 40 tokens"),
        ({"backbone": NARROW_BERT}, 50, "this model's positions cannot be chosen"),
        ({"backbone": NARROW_GPT2, "form": "decoder"}, 50, "this model's positions cannot be chosen"),
    ],
)
def test_positions_that_cannot_be_given_are_refused_before_training(
    model: dict[str, Any], longer: int, says: str, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=says):
        train(mixed(noise_files, model, longer), tmp_path, cache=cache)
    assert not (tmp_path / "training" / "log.jsonl").exists()


def test_rows_are_put_together_segment_by_segment() -> None:
    rows = [np.arange(6), np.arange(6) + 10]
    stacked = stack_skipped(rows, 3, torch.device("cpu"))
    assert stacked is not None
    assert stacked.tolist() == [[[0, 1, 2], [10, 11, 12]], [[3, 4, 5], [13, 14, 15]]]
    assert stack_skipped([None, None], 3, torch.device("cpu")) is None
