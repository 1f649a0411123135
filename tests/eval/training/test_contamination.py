"""Training and evaluation share nothing, and sharing anything stops the run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_eval.training.contamination import check_dataset, check_noise
from babilong_eval.training.held_out import ContaminationError, check_story
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.samples import SampleSource
from babilong_gen import BabilongError, generate
from babilong_gen.rng import Rng
from babilong_gen.split import belongs
from babilong_gen.tasks.sources import Simulated

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_gen.split import Split


def make_dataset(out: Path, noise: str, cache: Path, part: Split) -> Path:
    """Twenty samples of two tasks of a part of stories and noise."""
    generate(
        tasks=("detect", "reasoning"),
        lengths=("2seg",),
        samples=20,
        segment_size=40,
        noise=noise,
        split=part,
        out=out,
        workers=1,
        cache=cache,
    )
    return out


@given(st.binary())
def test_every_document_is_in_one_part(content: bytes) -> None:
    assert belongs(content, "all")
    assert belongs(content, "train") != belongs(content, "test")


def test_stories_of_the_two_parts_are_disjoint() -> None:
    stories = {
        part: {Simulated(split=part).story("reasoning", Rng(number)).facts for number in range(300)}
        for part in ("train", "test")
    }
    assert stories["train"].isdisjoint(stories["test"])
    assert len(stories["test"]) > 50


def test_training_noise_has_no_held_out_document(source: SampleSource, recipe: Recipe) -> None:
    assert check_noise(source, recipe.tasks)


def test_the_held_out_part_shares_nothing(
    noise_files: str, cache: Path, source: SampleSource, recipe: Recipe, tmp_path: Path
) -> None:
    data = make_dataset(tmp_path / "test", noise_files, cache, "test")
    held_out = check_noise(source, recipe.tasks)
    assert check_dataset(data, source, held_out) == 40
    shard = next(data.glob("data/*/*.parquet"))
    shard.rename(tmp_path / "elsewhere")
    with pytest.raises(BabilongError, match=shard.name):
        check_dataset(data, source, held_out)


@pytest.mark.parametrize("part", ["train", "all"])
def test_a_dataset_of_training_stories_or_noise_is_refused(
    noise_files: str, cache: Path, source: SampleSource, recipe: Recipe, tmp_path: Path, part: Split
) -> None:
    data = make_dataset(tmp_path / part, noise_files, cache, part)
    with pytest.raises(ContaminationError, match="training"):
        check_dataset(data, source, check_noise(source, recipe.tasks))


def test_a_planted_story_is_refused() -> None:
    held_out = Simulated(split="test").story("detect", Rng(1))
    with pytest.raises(ContaminationError, match="held-out story"):
        check_story(held_out.facts)


def test_a_planted_document_is_refused(source: SampleSource, recipe: Recipe) -> None:
    planted = SampleSource(prepared=source.prepared)
    context = planted.context(0, "detect")
    everything = replace(context.pool, kept=context.pool.corpus.usable.nonzero()[0])
    planted._contexts[0, "detect", context.segment_size] = replace(context, pool=everything)
    with pytest.raises(ContaminationError, match="held-out document"):
        check_noise(planted, recipe.tasks)
