"""The dataset card: the Hub's metadata, what is in it, and a sample that reads as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import DatasetCard

from babilong_gen.errors import UsageError
from babilong_gen.presets import PRESETS, with_preset
from babilong_gen.spec import make_spec
from babilong_gen.write.card import excerpt, render_card
from tests.conftest import Run


@pytest.fixture(scope="module")
def dataset(babilong: Run, noise_files: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset."""
    out = tmp_path_factory.mktemp("card") / "out"
    options = ["--tasks", "qa1,qa2", "--lengths", "0k,1k", "--samples", 3, "--noise", noise_files]
    done = babilong("generate", *options, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


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


@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_each_preset_has_a_template(dataset: Path, preset: str | None) -> None:
    manifest: dict[str, Any] = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))
    manifest["spec"]["preset"] = preset
    row = {"input": "A fact.", "facts": [], "sample_id": "s", "n_tokens": 2, "question": "Q?", "target": "t"}
    assert "## How it was made" in render_card(manifest, row)


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
