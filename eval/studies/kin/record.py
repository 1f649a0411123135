"""Records what a training run cost and how its loss went.

    python record.py KIND RUN RESULTS

RESULTS/training.csv has a line for every ten steps: loss, and each task's accuracy on fresh samples.
RESULTS/model.json tells parameters, tokens trained on, and the bytes of a row's state by segments read.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from babilong_eval.models.registry import load_model
from babilong_eval.models.state import state_bytes

STEPS = 10
TASKS = ("memorize", "detect", "reasoning", "qa1")
SEGMENTS = (16, 1024)


def main() -> None:
    kind, run, results = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    results.mkdir(parents=True, exist_ok=True)
    log = (run / "training" / "log.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines()]
    with (results / "training.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "stage", "tokens", "loss", *TASKS])
        writer.writerows(curve(lines))
    content = json.dumps(size(f"{kind}:{run}") | {"tokens": sum(line["tokens"] for line in lines)}, indent=2)
    (results / "model.json").write_text(content + "\n", encoding="utf-8")


def curve(lines: list[dict[str, Any]]) -> list[list[Any]]:
    rows, tokens = [], 0
    for begin in range(0, len(lines), STEPS):
        part = lines[begin : begin + STEPS]
        tokens += sum(line["tokens"] for line in part)
        loss = sum(line["loss"] for line in part) / len(part)
        rows.append([part[-1]["step"], part[-1]["stage"], tokens, f"{loss:.4f}", *accuracies(part)])
    return rows


def accuracies(lines: list[dict[str, Any]]) -> list[str]:
    """Of each task's fresh rows; empty where there were none."""
    rows, correct = Counter(), Counter()
    for line in lines:
        for form, score in line["forms"].items():
            task = form.partition(":")[0]
            rows[task] += score["rows"]
            correct[task] += score["correct"]
    return [f"{correct[task] / rows[task]:.3f}" if rows[task] else "" for task in TASKS]


@torch.inference_mode()
def size(spec: str) -> dict[str, Any]:
    model: Any = load_model(spec, device="cpu")
    state, read = model.start(1), {}
    tokens = torch.full((1, model.segment_size), 10)
    for number in range(1, max(SEGMENTS) + 1):
        state = model.step(tokens, None, state)
        if number in SEGMENTS:
            read[str(number)] = state_bytes(state)
    parameters = sum(parameter.numel() for parameter in model.network.parameters())
    return {"parameters": parameters, "state_bytes": read, "bounded_state": model.bounded_state}


if __name__ == "__main__":
    main()
