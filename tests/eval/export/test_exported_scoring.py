"""The exported scoring: that of `babilong score`, in a Python that has no babilong-gen and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from babilong_eval.export.chosen_samples import Rule
from babilong_eval.export.export import ExportConfig, export
from babilong_eval.results.prediction_files import FileName, find_predictions, read_columns
from babilong_eval.results.scores import read_settings, scoring_labels
from babilong_eval.scoring.official import OFFICIAL_LABELS
from babilong_eval.scoring.score import shares_correct, which_are_correct
from babilong_gen.generation import Silent

_SCORE = """
import importlib.util, json, sys
folder, rule = sys.argv[1:]
spec = importlib.util.spec_from_file_location("utils", folder + "/utils.py")
utils = importlib.util.module_from_spec(spec)
spec.loader.exec_module(utils)
asked = json.load(sys.stdin)
json.dump([getattr(utils, rule)(doc, [output])["acc"] for doc, output in asked], sys.stdout)
"""


@pytest.fixture(scope="module")
def folder(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported tasks."""
    out = tmp_path_factory.mktemp("tasks") / "out"
    export(ExportConfig(data=str(dataset), form="lm-eval", out=out, limit=1), Silent())
    return out


def accuracies(folder: Path, rule: Rule, asked: list[tuple[dict[str, Any], str]]) -> list[float]:
    """What the exported rule gives each (row, output); a bare Python without site-packages runs it."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _SCORE, str(folder), rule],
        input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("rule", ["official", "strict"])
@pytest.mark.parametrize(
    ("task", "target", "output"),
    [
        ("qa1", "kitchen", "The kitchen."),
        ("qa1", "kitchen", "kitchen or office"),
        ("qa1", "kitchen", ""),
        ("qa7", "none", "none"),
        ("qa6", "no", "I know it"),
        ("qa8", "apple,milk", "milk and apple"),
        ("qa19", "n,e", "n, e"),
        ("qa11", "garden", "Mr. Bill is in the garden"),
        ("niah_multivalue", "1234567,7654321", "1234567"),
        ("niah_multivalue", "1234567,7654321", "<think>?</think> 7654321 and 1234567."),
        ("vt", "ABCDE", "ABCDEF"),
    ],
)
def test_awkward_outputs_count_as_ours_do(
    folder: Path, rule: Rule, task: str, target: str, output: str
) -> None:
    labels = OFFICIAL_LABELS.get(task, ())
    doc = {"task": task, "question": "What?", "target": target, "choices": labels}
    columns = {"target": [target], "output": [output], "question": ["What?"]}
    assert accuracies(folder, rule, [(doc, output)]) == shares_correct(columns, labels=labels, scorer=rule)


@pytest.mark.parametrize("rule", ["official", "strict"])
def test_published_predictions_count_as_ours_do(
    folder: Path, rule: Rule, shared_data: Path, tmp_path: Path
) -> None:
    subprocess.run(
        ["tar", "-xzf", shared_data / "predictions/predictions.tar.gz", "-C", tmp_path], check=True
    )
    asked, right = [], []
    for path in find_predictions(tmp_path)[::8]:
        task, columns = FileName.of(path).task, read_columns(path)
        choices = read_settings(path).get("choices") or OFFICIAL_LABELS[task]
        told = zip(columns["question"], columns["target"], columns["output"], strict=True)
        asked += [
            ({"task": task, "question": question, "target": target, "choices": choices}, output)
            for question, target, output in told
        ]
        right += which_are_correct(columns, labels=scoring_labels(path, task, rule), scorer=rule)
    assert len(asked) > 1_000
    assert accuracies(folder, rule, asked) == right
