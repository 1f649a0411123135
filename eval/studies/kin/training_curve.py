"""Prints the curve of a log, a line for every ten steps: python training_curve.py RUN/training/log.jsonl"""

import csv
import json
import sys
from collections import Counter
from pathlib import Path

STEPS = 10
TASKS = ("memorize", "detect", "reasoning", "qa1")


def main() -> None:
    lines = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["step", "stage", "tokens", "loss", *TASKS])
    tokens = 0
    for begin in range(0, len(lines), STEPS):
        part = lines[begin : begin + STEPS]
        tokens += sum(line["tokens"] for line in part)
        loss = sum(line["loss"] for line in part) / len(part)
        writer.writerow([part[-1]["step"], part[-1]["stage"], tokens, f"{loss:.4f}", *accuracies(part)])


def accuracies(lines: list[dict]) -> list[str]:
    """Of each task's fresh rows; empty where there were none."""
    rows, correct = Counter(), Counter()
    for line in lines:
        for form, score in line["forms"].items():
            task = form.partition(":")[0]
            rows[task] += score["rows"]
            correct[task] += score["correct"]
    return [f"{correct[task] / rows[task]:.3f}" if rows[task] else "" for task in TASKS]


if __name__ == "__main__":
    main()
