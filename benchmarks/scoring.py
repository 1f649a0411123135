"""How many predictions a second are scored on one core, reading included, beside a DataFrame scorer.

    python benchmarks/scoring.py [PREDICTIONS] [--rounds 5]

PREDICTIONS is a folder of prediction files in the published form; without it 40 files of 1,000 rows are made
up. The DataFrame scorer is what the published collector does: pandas reads a file, and a function is applied
to it row by row. Both are timed in turns in the same process, and must count the same number as correct.
CPU time; the best of the rounds.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from babilong_eval.results.prediction_files import FileName, find_predictions
from babilong_eval.results.records import Prediction, write_predictions
from babilong_eval.results.scores import score_file
from babilong_eval.scoring.official import OFFICIAL_LABELS, official_correct
from babilong_eval.scoring.score import ScorerName

_TEMPLATES = (
    "{}",
    "{}.",
    "The answer is {}.",
    "Based on the context provided, it is the {}. The last fact that concerns it is the second one",
    "Answer: The {}\n\nQuestion: And what comes next, do you think?",
    "{} or {}",
    "I do not know",
    "",
)
Count = tuple[int, float]


def main() -> None:
    """Time the scorers and print a line each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predictions", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = find_predictions(asked.predictions or _make_up(Path(folder)))
        scorers: dict[str, Callable[[Path], Count]] = {
            "DataFrame, row by row": _row_by_row,
            "official": lambda path: _count(path, "official"),
            "strict": lambda path: _count(path, "strict"),
        }
        rates, counts = _race(scorers, paths, asked.rounds)
    for name, rate in rates.items():
        n, correct = counts[name]
        times = rate / rates["DataFrame, row by row"]
        print(f"{name:24} {rate:10,.0f} predictions/s  {times:5.2f} x  {correct:,} of {n:,} correct")
    if counts["official"] != counts["DataFrame, row by row"]:
        sys.exit("the two official counts differ")


def _race(
    scorers: dict[str, Callable[[Path], Count]], paths: list[Path], rounds: int
) -> tuple[dict[str, float], dict[str, Count]]:
    rates = dict.fromkeys(scorers, 0.0)
    counts: dict[str, Count] = {}
    for _ in range(rounds):
        for name, count in scorers.items():
            start = time.process_time()
            ns, corrects = zip(*map(count, paths), strict=True)
            seconds = time.process_time() - start
            counts[name] = sum(ns), sum(corrects)
            rates[name] = max(rates[name], sum(ns) / seconds)
    return rates, counts


def _count(path: Path, scorer: ScorerName) -> Count:
    score = score_file(path, scorer)
    return score.n, score.correct


def _row_by_row(path: Path) -> Count:
    frame = pd.read_csv(path)
    labels = OFFICIAL_LABELS[FileName.of(path).task]
    frame["output"] = frame["output"].astype(str).where(frame["output"].notna(), "")
    right = frame.apply(
        lambda row: official_correct([row["target"]], [row["output"]], [row["question"]], labels)[0], axis=1
    )
    return len(frame), int(right.to_numpy().sum())


def _make_up(folder: Path, files: int = 40, rows: int = 1_000) -> Path:
    draw = random.Random(0)
    tasks = list(OFFICIAL_LABELS)
    for number in range(files):
        task = tasks[number % len(tasks)]
        labels = OFFICIAL_LABELS[task]
        predictions = [
            Prediction(
                target=draw.choice(labels),
                output=draw.choice(_TEMPLATES).format(draw.choice(labels), draw.choice(labels)),
                question=f"Where is {draw.choice(('Mary', 'John', 'Sandra', 'Daniel'))}? ",
            )
            for _ in range(rows)
        ]
        name = FileName(task=task, length="0k", config=f"run_{number}")
        write_predictions(folder, name, predictions, prompt={}, generate_kwargs={}, choices=labels)
    return folder


if __name__ == "__main__":
    main()
