"""RULER's own `scripts/eval/evaluate.py`, run on predictions, where there is a checkout of NVIDIA/RULER.

It reads and writes lines of JSON by two functions of NeMo, which is large; two of ours stand in for them.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

_NEMO = """
import json

def read_manifest(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]

def write_manifest(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\\n" for line in lines)
"""


def rulers_scripts() -> Path:
    """RULER's folder `scripts`; skips where no checkout is named."""
    checkout = os.environ.get("BABILONG_RULER")
    if not checkout:
        pytest.skip("set BABILONG_RULER to a checkout of NVIDIA/RULER")
    pytest.importorskip("nltk")
    return Path(checkout) / "scripts"


def prediction(answers: Sequence[str], output: str, index: int) -> dict[str, Any]:
    """A line as `pred/call_api.py` writes it."""
    return {
        "index": index, "pred": output, "input": "", "outputs": list(answers), "others": {},
        "truncation": -1, "length": -1,
    }  # fmt: skip


def evaluate_by_ruler(
    folder: Path, predictions: Mapping[str, Sequence[dict[str, Any]]], tasks: str = ""
) -> dict[str, float]:
    """Return the score of each task that RULER's summary gives, 0 to 100.

    Args:
        folder: an empty one, to work in.
        predictions: of each task, a line per sample.
        tasks: lines for RULER's list of tasks.
    """
    scripts = shutil.copytree(rulers_scripts(), folder / "scripts")
    with (scripts / "synthetic.yaml").open("a") as known:
        known.write(f"\n{tasks}")
    stand_in = folder / "nemo/collections/asr/parts/utils/manifest_utils.py"
    stand_in.parent.mkdir(parents=True)
    stand_in.write_text(_NEMO)
    # it looks whether this folder is there, and reads nothing in it
    (folder / "nltk_data/tokenizers/punkt").mkdir(parents=True)
    (folder / "pred").mkdir()
    for task, lines in predictions.items():
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"pred/{task}.jsonl").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, scripts / "eval/evaluate.py", "--data_dir", folder / "pred"],
        env={**os.environ, "PYTHONPATH": str(folder), "NLTK_DATA": str(folder / "nltk_data")},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (folder / "pred/summary.csv").open(newline="") as file:
        _, [_, *names], [_, *scores], _ = csv.reader(file)
    return dict(zip(names, map(float, scores), strict=True))
