"""lm-evaluation-harness itself runs the exported tasks, and counts as we do."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from babilong_eval.commands.score import score_folders
from babilong_eval.export.export import ExportConfig, export
from babilong_eval.results.prediction_files import FileName
from babilong_gen.generation import Silent

Run = tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]


@pytest.fixture
def model(tokenizer: Tokenizer, tmp_path: Path) -> Path:
    """A GPT-2 that writes "bathroom" and nothing else: right for some samples, wrong for others."""
    folder = tmp_path / "model"
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="[SEP]", pad_token="[PAD]").save_pretrained(
        folder
    )
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(), n_positions=512, n_embd=8, n_layer=1, n_head=1,
        tie_word_embeddings=False,
    )  # fmt: skip
    network = GPT2LMHeadModel(config)
    with torch.no_grad():
        network.transformer.ln_f.bias.fill_(1.0)
        network.lm_head.weight[tokenizer.token_to_id("bathroom")] = 10.0
    network.save_pretrained(folder)
    return folder


def run_lm_eval(tasks: Path, model: Path) -> Run:
    """The harness's results, and its log of samples by task: two of each task at 0k.

    As `lm_eval --include_path TASKS --tasks babilong_0k …` does, but without reading its own 13,000 tasks.
    """
    lm_eval = pytest.importorskip("lm_eval")
    manager = pytest.importorskip("lm_eval.tasks").TaskManager(
        include_path=str(tasks), include_defaults=False
    )
    done = lm_eval.simple_evaluate(
        model="hf", model_args=f"pretrained={model},dtype=float32", device="cpu", tasks=["babilong_0k"],
        limit=2, task_manager=manager, bootstrap_iters=0,
    )  # fmt: skip
    samples = done["samples"].items()
    return done["results"], {name.removeprefix("babilong_").partition("_")[0]: rows for name, rows in samples}


def as_predictions(logs: dict[str, list[dict[str, Any]]], folder: Path) -> Path:
    """The harness's outputs in the files that `babilong score` reads."""
    folder.mkdir()
    for task, samples in logs.items():
        with (folder / f"{task}_0k_lm_eval.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["", "target", "output", "question"])
            for number, sample in enumerate(samples):
                doc = sample["doc"]
                writer.writerow([number, doc["target"], sample["resps"][0][0], doc["question"]])
        settings = {"choices": samples[0]["doc"]["choices"]}
        (folder / f"{task}_0k_lm_eval.json").write_text(json.dumps(settings))
    return folder


def test_its_accuracy_is_ours_on_the_same_outputs(
    dataset: Path, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("lm_eval")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    tasks = tmp_path / "tasks"
    export(ExportConfig(data=str(dataset), form="lm-eval", out=tasks, scorer="strict"), Silent())
    tasks = tasks.rename(tmp_path / "moved")
    results, logs = run_lm_eval(tasks, model)
    scored = score_folders([as_predictions(logs, tmp_path / "predictions")], "strict")
    ours = {FileName.of(path).task: counted for path, counted in scored.items()}
    assert {task: counted.n for task, counted in ours.items()} == {"qa1": 2, "qa8": 2, "qa19": 2}
    assert ours["qa1"].correct == 1
    theirs = {task: results[f"babilong_{task}_0k"]["acc,none"] for task in ours}
    assert theirs == {task: counted.accuracy for task, counted in ours.items()}
    mean = sum(counted.accuracy for counted in ours.values()) / 3
    assert results["babilong_0k"]["acc,none"] == pytest.approx(mean)
