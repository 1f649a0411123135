"""Trains the first stage of the study's `tiny-detect` from nothing, and asks about held-out stories.

    python benchmarks/first_minutes.py

Prints the accuracy and the minutes; exits 1 where it stays below 95 % or takes more than five minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

RECIPE = Path(__file__).parents[1] / "eval" / "studies" / "rmt-paper" / "tiny-detect.yaml"
_GOAL, _MINUTES = 0.95, 5


def main() -> int:
    """Train, generate, evaluate."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
        (work / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "stages": recipe["stages"][:1]}))
        began = time.monotonic()
        babilong("train", work / "recipe.yaml", "--noise", "procedural", "--out", work / "model")
        minutes = (time.monotonic() - began) / 60
        babilong(
            "generate", "--tasks", "memorize,detect", "--lengths", "1seg", "--samples", 500, "--segment-size",
            48, "--tokenizer", work / "model", "--split", "test", "--seed", 11, "--out", work / "data",
        )  # fmt: skip
        babilong(
            "evaluate", work / "data", "--model", f"rmt:{work / 'model'}", "--out", work / "results",
            "--batch-size", 50,
        )  # fmt: skip
        cells = json.loads((work / "results" / "results.json").read_text())
    reached = {cell["task"]: cell for cell in cells if cell["scorer"] == "strict"}
    for task, cell in reached.items():
        print(
            f"{task}: {cell['accuracy']:.1%} ({cell['ci_low']:.1%} to {cell['ci_high']:.1%}), n {cell['n']}"
        )
    print(f"trained for {minutes:.1f} minutes")
    return int(min(cell["accuracy"] for cell in reached.values()) < _GOAL or minutes > _MINUTES)


def babilong(*arguments: object) -> None:
    """The command line, in a process of its own."""
    command = [sys.executable, "-c", "from babilong_eval.cli import main; main()", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
