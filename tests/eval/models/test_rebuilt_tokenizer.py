"""One tokenizer for both halves: transformers may build another from a folder than its tokenizer.json."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel

from babilong_eval.models.tokenizers import core, find_tokenizer
from tests.conftest import Run

# The class has a pre-tokenizer of its own.
CUTS = "transformers' Qwen2Tokenizer cuts 'x_1 = y + 2;' otherwise than its tokenizer.json"


@pytest.fixture
def model(byte_bpe: Path, tmp_path: Path) -> Path:
    """A GPT-2 whose tokenizer is rebuilt into another one."""
    folder = tmp_path / "model"
    shutil.copytree(byte_bpe, folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Qwen2Tokenizer"}))
    size = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    config = GPT2Config(vocab_size=size, n_positions=2048, n_embd=8, n_layer=1, n_head=1)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def test_the_file_counts_and_that_is_said(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    stated = Tokenizer.from_file(str(model / "tokenizer.json"))
    with caplog.at_level(logging.WARNING):
        found = core(find_tokenizer(str(model)))
    assert CUTS in caplog.text
    for text in ["1984 was a year.", "It\u2019s  12345\n\n\n!", "\u4f60\u597d\u3002"]:
        assert found.encode(text).ids == stated.encode(text).ids


def test_generate_and_evaluate_say_so_and_count_the_same(
    model: Path, babilong: Run, noise_files: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    made = babilong(
        "generate", "--tasks", "qa1", "--lengths", "1k", "--samples", 2, "--noise", noise_files,
        "--tokenizer", model, "--out", data,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    asked = babilong("evaluate", data, "--model", f"hf:{model}", "--out", tmp_path / "results")
    assert asked.returncode == 0, asked.stderr
    for run in (made, asked):
        assert " ".join(run.stderr.split()).count(CUTS) == 1


def test_nothing_is_said_where_it_is_built_into_the_same(
    pretrained_encoder: Path, babilong: Run, noise_files: str, tmp_path: Path
) -> None:
    shutil.copytree(pretrained_encoder, tmp_path / "folder")
    (tmp_path / "folder" / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer"})
    )
    made = babilong(
        "generate", "--tasks", "qa1", "--lengths", "1k", "--samples", 1,
        "--noise", noise_files, "--tokenizer", tmp_path / "folder", "--out", tmp_path / "data",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "tokenizer.json" not in made.stderr
