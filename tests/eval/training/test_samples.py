"""Training samples of official stories, of which there are only so many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_eval.training.recipe import Recipe
from babilong_eval.training.samples import open_sample_source
from babilong_gen.rng import Rng
from babilong_gen.split import belongs
from tests.eval.training.conftest import recipe_content

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE, PLACES = ("Mary", "John", "Sandra", "Daniel"), ("kitchen", "garden", "office", "hallway", "bathroom")
STORIES = [
    f"1 {who} went to the {place}.\n2 Where is {who}? \t{place}\t1\n" for who in PEOPLE for place in PLACES
]


def test_official_stories_come_again_with_other_noise(noise_files: str, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "qa1_single-supporting-fact_train.txt").write_text("".join(STORIES))
    content = recipe_content(noise_files)
    content["data"]["stories"] = f"babi:{tmp_path}#train"
    content["stages"] = [content["stages"][0] | {"tasks": {"qa1": 1}}]
    source = open_sample_source(
        Recipe(**content), "babilong", cache=cache, report=lambda _: None, notify=lambda _: None
    )
    samples = [source.sample(Rng(number), "qa1", 2, 40, number, "Mary") for number in range(60)]
    facts = {tuple(sample.tokens[start:end]) for sample in samples for start, end in sample.supporting}
    kept = [place for place in PLACES if belongs(f"Mary went to the {place}.".encode(), "train")]
    assert len(facts) == len(kept)
    assert len({tuple(sample.tokens) for sample in samples}) == 60
