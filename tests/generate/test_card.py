"""The dataset card: the Hub's metadata, its figure, whom it names, and a sample that reads as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard
from hypothesis import given
from hypothesis import strategies as st

from babilong_gen.errors import UsageError
from babilong_gen.presets import PRESETS, with_preset
from babilong_gen.spec import make_spec
from babilong_gen.write.card import excerpt, templates
from babilong_gen.write.credits import citations, licences
from babilong_gen.write.depths import histogram, sparkline
from tools.render_cards import example_card


def test_the_hub_reads_its_metadata(dataset: Path) -> None:
    data = DatasetCard.load(dataset / "README.md").data.to_dict()
    assert [config["config_name"] for config in data["configs"]] == ["0k", "1k"]
    assert data["configs"][1]["data_files"][0] == {"split": "qa1", "path": "data/1k/qa1-*.parquet"}
    assert data["language"] == ["en"]
    assert data["size_categories"] == ["n<1K"]


def test_it_names_every_source_and_the_spec(dataset: Path) -> None:
    text = (dataset / "README.md").read_text(encoding="utf-8")
    manifest = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["fingerprint"] in text
    assert manifest["stories"]["credit"] in text
    assert f"Licence: {manifest['noise']['credit']['licence']}" in text
    assert "| qa2 | 1k | 3 | 3,000 |" in text


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_has_a_rendered_card_that_is_up_to_date(preset: str, cache: Path, tmp_path: Path) -> None:
    rendered = (templates() / "rendered" / f"{preset}.md").read_text(encoding="utf-8")
    assert rendered == example_card(preset, tmp_path, cache), "run: python tools/render_cards.py"


@pytest.mark.parametrize("preset", PRESETS)
def test_the_hub_finds_what_it_asks_for_in_every_card(preset: str) -> None:
    data = DatasetCard.load(templates() / "rendered" / f"{preset}.md").data.to_dict()
    assert data["task_categories"] == ["question-answering"]
    assert data["size_categories"] == ["n<1K"]
    assert data["license"] == (["apache-2.0", "cc-by-4.0"] if preset == "rmt-paper" else ["apache-2.0"])
    splits = {file["split"] for config in data["configs"] for file in config["data_files"]}
    assert splits == set(PRESETS[preset]["tasks"])


def test_the_figure_counts_every_supporting_fact_that_has_noise_around_it(dataset: Path) -> None:
    counts = [0] * 10
    for shard in dataset.glob("data/1k/*.parquet"):
        for row in pq.read_table(shard).to_pylist():
            for fact in row["facts"]:
                counts[fact["token_start"] * 10 // row["n_tokens"]] += fact["supporting"]
    manifest = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))
    figure = histogram(manifest["cells"])
    assert [int(line.split("%")[1].split()[0]) for line in figure.splitlines()] == counts
    assert figure in (dataset / "README.md").read_text(encoding="utf-8")


def test_a_set_of_facts_only_has_no_figure() -> None:
    assert histogram([{"length": "0k", "supporting_facts_by_depth": [1] * 10}]) == ""


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_a_sparkline_is_as_high_as_its_counts(counts: list[int]) -> None:
    heights = ["·▁▂▃▄▅▆▇█".index(character) for character in sparkline(counts)]
    assert [height == 0 for height in heights] == [count == 0 for count in counts]
    assert max(heights) == (8 if any(counts) else 0)
    assert sorted(heights) == [height for _, height in sorted(zip(counts, heights, strict=True))]


def about(tasks: list[str], stories: str, licence: str) -> dict[str, Any]:
    """As much of a manifest as says who is to be named."""
    credit = {"licence": licence, "citation": "@misc{noise}"}
    return {"spec": {"tasks": tasks, "stories": stories}, "noise": {"credit": credit}}


@pytest.mark.parametrize(
    ("stories", "licence", "expected"),
    [
        ("simulate", "CC-BY-4.0", ["apache-2.0", "cc-by-4.0"]),
        ("simulate", "Apache-2.0", ["apache-2.0"]),
        ("babi:tasks.tar.gz", "unknown", ["cc-by-3.0", "unknown"]),
        ("simulate", "cc-by-sa-4.0, gfdl", ["apache-2.0", "cc-by-sa-4.0", "gfdl"]),
        ("simulate", "Ask the publisher", ["apache-2.0", "other"]),
    ],
)
def test_all_licences_of_the_text_are_given_as_the_hub_calls_them(
    stories: str, licence: str, expected: list[str]
) -> None:
    assert licences(about(["qa1"], stories, licence)) == expected


@pytest.mark.parametrize(
    ("tasks", "cited"),
    [
        (["qa1", "qa20"], ["@misc{noise}", "kuratov2024babilong", "weston2015towards"]),
        (["detect"], ["@misc{noise}", "bulatov2023scaling"]),
    ],
)
def test_what_the_tasks_come_from_is_cited_and_nothing_else(tasks: list[str], cited: list[str]) -> None:
    found = citations(about(tasks, "simulate", "mit"))
    assert len(found) == len(cited)
    assert all(key in entry for key, entry in zip(cited, found, strict=True))


def test_markup_in_the_noise_stays_text() -> None:
    fact = {"char_start": 13, "char_end": 20}
    row = {"input": "<b>*oh*</b>  A fact.  [x](y)", "facts": [fact]}
    assert excerpt(row) == r"\<b\>\*oh\*\</b\>  **A fact.**  \[x\](y)"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_whole_spec_and_options_override_it(preset: str) -> None:
    spec = make_spec(**with_preset(preset, {"samples": 7, "noise": None, "tokenizer": "babilong"}))
    assert (spec.samples, spec.tokenizer, spec.preset) == (7, "babilong", preset)
    assert spec.noise == PRESETS[preset]["noise"]


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown preset 'paper'"):
        with_preset("paper", {})
