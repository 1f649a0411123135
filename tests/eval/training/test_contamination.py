"""Training and evaluation share nothing, and sharing anything stops the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_eval.training.contamination import check_dataset, check_noise
from babilong_eval.training.held_out import ContaminationError, check_story
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.samples import SampleSource, open_sample_source
from babilong_gen.rng import Rng
from babilong_gen.split import belongs
from babilong_gen.tasks.sources import Simulated

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run


def generate(babilong: Run, out: Path, noise: str, *options: str) -> Path:
    done = babilong(
        "generate", "--tasks", "detect,reasoning", "--lengths", "2seg", "--samples", "20",
        "--segment-size", "40", "--noise", noise, "--out", out, *options,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@given(st.binary())
def test_every_document_is_in_one_part(content: bytes) -> None:
    assert belongs(content, "all")
    assert belongs(content, "train") != belongs(content, "test")


def test_stories_of_the_two_parts_are_disjoint() -> None:
    told = {
        part: {Simulated(split=part).story("reasoning", Rng(number)).facts for number in range(500)}
        for part in ("train", "test")
    }
    assert told["train"].isdisjoint(told["test"])
    assert len(told["test"]) > 50


def test_training_noise_has_no_held_out_document(source: SampleSource, recipe: Recipe) -> None:
    assert check_noise(source, recipe.tasks)


def test_the_held_out_part_shares_nothing(
    babilong: Run, noise_files: str, source: SampleSource, recipe: Recipe, tmp_path: Path
) -> None:
    data = generate(babilong, tmp_path / "test", noise_files, "--split", "test")
    assert check_dataset(data, source, check_noise(source, recipe.tasks)) == 40


@pytest.mark.parametrize("part", ["train", "all"])
def test_a_dataset_of_training_stories_or_noise_is_refused(
    babilong: Run, noise_files: str, source: SampleSource, recipe: Recipe, tmp_path: Path, part: str
) -> None:
    data = generate(babilong, tmp_path / part, noise_files, "--split", part)
    with pytest.raises(ContaminationError, match="training"):
        check_dataset(data, source, check_noise(source, recipe.tasks))


def test_a_planted_story_is_refused() -> None:
    held_out = Simulated(split="test").story("detect", Rng(1))
    with pytest.raises(ContaminationError, match="held-out story"):
        check_story(held_out.facts)


def test_a_planted_document_is_refused(recipe: Recipe, cache: Path) -> None:
    from dataclasses import replace

    source = open_sample_source(recipe, "babilong", cache=cache, report=lambda _: None, notify=lambda _: None)
    haystack = source.context(0, "detect")
    everything = replace(haystack.pool, kept=haystack.pool.corpus.usable.nonzero()[0])
    source._contexts[0, "detect"] = replace(haystack, pool=everything)
    with pytest.raises(ContaminationError, match="held-out document"):
        check_noise(source, recipe.tasks)
