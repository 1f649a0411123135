"""The checkpoints that ship do what their cards say, on documents and stories they were not trained on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from babilong_eval.checkpoints import shipped, shipped_folder
from babilong_eval.models.rmt.serialization import from_pretrained
from babilong_eval.training.recipe import read_recipe
from babilong_gen.noise.sources.procedural import procedural_documents
from babilong_gen.split import belongs
from babilong_gen.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from tests.conftest import Run

_MOST_BYTES = 9_000_000
_STUDY = Path(__file__).parents[3] / "eval" / "studies" / "rmt-paper"
_RECIPES = sorted(_STUDY.glob("*.yaml"))
# tasks, lengths and samples
_ASKED = {
    "tiny-detect": ("memorize,detect", "1seg,16seg", 30),
    "tiny-reasoning": ("reasoning", "1seg,16seg", 30),
    "rmt-499": ("memorize,detect,reasoning", "1seg,4seg", 10),
}


def test_together_they_are_small() -> None:
    folders = [shipped_folder(name) for name in shipped()]
    assert sum(file.stat().st_size for folder in folders if folder for file in folder.iterdir()) < _MOST_BYTES


@pytest.mark.parametrize("name", shipped())
def test_a_card_tells_data_recipe_commit_and_accuracy(name: str) -> None:
    folder = shipped_folder(name)
    assert folder is not None
    card = (folder / "README.md").read_text(encoding="utf-8")
    for needed in ("license:", "stages:", "commit `", "held-out documents", "95 %", "| 64 |"):
        assert needed in card


@pytest.fixture(scope="module")
def held_out_documents(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Prose of the kind they were trained on: `procedural` itself would tokenize ten times as much."""
    folder = tmp_path_factory.mktemp("held_out")
    held_out = (each for each in procedural_documents() if belongs(each.text.encode(), "test"))
    for document in islice(held_out, 24):
        (folder / f"{document.name}.txt").write_text(document.text, encoding="utf-8")
    return f"files:{folder}/*.txt"


@pytest.mark.parametrize("name", shipped())
def test_it_remembers_through_several_segments(
    babilong: Run, held_out_documents: str, name: str, tmp_path: Path
) -> None:
    folder = shipped_folder(name)
    assert folder is not None
    tasks, lengths, samples = _ASKED[name]
    made = babilong(
        "generate", "--tasks", tasks, "--lengths", lengths, "--samples", samples, "--split", "test",
        "--segment-size", from_pretrained(folder).segment_size, "--tokenizer", name, "--seed", "5",
        "--noise", held_out_documents, "--out", tmp_path / "data",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert json.loads((tmp_path / "data" / "manifest.json").read_text())["tokenizer"]["name"] == name
    done = babilong(
        "evaluate", tmp_path / "data", "--model", f"rmt:{name}", "--out", tmp_path / "results",
        "--batch-size", samples,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for cell in json.loads((tmp_path / "results" / "results.json").read_text()):
        assert cell["accuracy"] >= 0.8, cell


def test_noise_takes_nothing_from_the_memory_of_rmt_499(
    babilong: Run, held_out_documents: str, tmp_path: Path
) -> None:
    data, results = tmp_path / "data", tmp_path / "results"
    made = babilong(
        "generate", "--tasks", "reasoning", "--lengths", "16seg", "--samples", "6", "--split", "test",
        "--segment-size", "499", "--tokenizer", "rmt-499", "--noise", held_out_documents, "--out", data,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    done = babilong("evaluate", data, "--model", "rmt:rmt-499", "--out", results)
    assert done.returncode == 0, done.stderr
    asked = (data, "reasoning/16seg", "rmt:rmt-499")
    assert script("facts_alone.py", *asked, results).endswith("reading all gave the same to 6 of 6\n")
    assert re.search(r"\b0 of [78]\d segments of noise change the memory", script("gate_at_noise.py", *asked))


def test_a_fact_among_the_noise_counts_as_a_change_of_the_memory(babilong: Run, tmp_path: Path) -> None:
    noise, data = tmp_path / "noise.txt", tmp_path / "data"
    noise.write_text(("The lamps were lit early that day. " * 30 + "Mary went to the garden.\n\n") * 20)
    made = babilong(
        "generate", "--tasks", "detect", "--lengths", "8seg", "--samples", "1", "--leak-check", "off",
        "--segment-size", "499", "--tokenizer", "rmt-499", "--noise", f"files:{noise}", "--out", data,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    counted = script("gate_at_noise.py", data, "detect/8seg", "rmt:rmt-499")
    assert "mary went to the garden" in counted.lower()
    assert re.search(r"\b[1-9] of \d segments of noise change the memory", counted)


def script(name: str, *arguments: Path | str) -> str:
    """What a script of the study prints."""
    command = [sys.executable, _STUDY / name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


@pytest.mark.parametrize("name", shipped())
def test_their_tokenizers_reserve_no_piece_of_a_word(name: str) -> None:
    """Such a piece would keep every sentence that holds it out of the noise, and facts from being read."""
    folder = shipped_folder(name)
    assert folder is not None
    tokenizer = load_tokenizer(str(folder))
    words = tokenizer.continued("Daniel and Sandra journeyed to Xylophone Quay with Jekyll.")
    assert tokenizer.reserved.isdisjoint(words)


@pytest.mark.parametrize("path", _RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_the_study_can_be_read(path: Path) -> None:
    assert read_recipe(path).labels
