"""Scores and effective lengths of the same predictions: ours, and those of RULER's own `eval/evaluate.py`.

What that script said (NVIDIA/RULER, commit c3f5e3b) is recorded; with `BABILONG_RULER`, a checkout, it is
asked again. It leaves a summary per length; RULER's table of models calls the longest length whose mean over
tasks exceeds 85.6 effective.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import mean

import pytest

from babilong_eval.analysis.effective_length import effective_lengths, parse_threshold
from babilong_eval.results.load import Run, load_runs
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.records import Prediction, RunInfo, cell_of, write_predictions
from babilong_eval.scoring.score import Score
from tests.eval.rulers_evaluation import evaluate_by_ruler, prediction

LENGTHS: tuple[str, ...] = ("4k", "8k", "16k", "32k", "64k", "128k")
ANSWERS = {
    "niah_single_1": 1, "niah_single_2": 1, "niah_single_3": 1, "niah_multikey_1": 1, "niah_multikey_2": 1,
    "niah_multikey_3": 1, "niah_multivalue": 4, "niah_multiquery": 4, "vt": 5, "cwe": 10, "fwe": 3,
}  # fmt: skip
LOST: dict[str, int] = dict(zip(LENGTHS, (0, 3, 5, 6, 8, 30), strict=True))
"""At each length about so many of 60 answers are not said."""

SAMPLES = 12

SUMMARIES: dict[str, tuple[float, ...]] = dict(
    zip(
        LENGTHS,
        (
            (100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0),
            (100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 95.83, 95.83, 96.67, 95.0, 97.22),
            (91.67, 91.67, 91.67, 100.0, 100.0, 100.0, 91.67, 91.67, 93.33, 90.83, 91.67),
            (83.33, 83.33, 83.33, 91.67, 91.67, 91.67, 89.58, 89.58, 91.67, 89.17, 88.89),
            (83.33, 83.33, 83.33, 83.33, 83.33, 83.33, 87.5, 87.5, 88.33, 86.67, 86.11),
            (50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 47.92, 47.92, 50.0, 48.33, 47.22),
        ),
        strict=True,
    )
)
"""What RULER's script said: the score of each task, in the order of `ANSWERS`."""


def told(task: str, length: str) -> list[tuple[list[str], str]]:
    """The answers and the output of each sample: some left out, in capitals, or inside of longer words."""
    samples: list[tuple[list[str], str]] = []
    for number in range(SAMPLES):
        answers = [f"{task[:3]}-{7 * number + place}" for place in range(ANSWERS[task])]
        said = [
            answer
            for place, answer in enumerate(answers)
            if (17 * number + 7 * place + 5 * len(task)) % 60 >= LOST[length]
        ]
        output = f"1. {', '.join(said)}th\n".upper() if number % 3 else "\n".join(said)
        samples.append((answers, output))
    return samples


def ours(folder: Path) -> Run:
    """A run that says the same."""
    for task in ANSWERS:
        for length in LENGTHS:
            written = [
                Prediction(
                    target=",".join(answers), output=output, question="?", sample_id=f"{task}/{number}"
                )
                for number, (answers, output) in enumerate(told(task, length))
            ]
            name = FileName(task=task, length=length, config="c")
            write_predictions(folder, name, written, prompt={}, generate_kwargs={}, choices=())
    [run] = load_runs(folder)
    return run


def test_scores_and_effective_lengths_are_rulers(tmp_path: Path) -> None:
    run = ours(tmp_path)
    scores = {(cell.task, cell.length): round(100 * cell.accuracy, 2) for cell in run.cells}
    for length, summary in SUMMARIES.items():
        assert tuple(scores[task, length] for task in ANSWERS) == summary
    found = {one.task: one for one in effective_lengths([run], parse_threshold("0.856"))}
    for place, task in enumerate(ANSWERS):
        assert found[task].by_point == longest_above({at: row[place] for at, row in SUMMARIES.items()})
    means = {length: mean(summary) for length, summary in SUMMARIES.items()}
    assert found["mean"].by_point == longest_above(means) == "32k"
    assert 100 * found["mean"].mean == pytest.approx(mean(means.values()), abs=0.01)


@pytest.mark.parametrize("length", ["4k", "32k"])
def test_rulers_script_still_says_what_is_recorded(length: str, tmp_path: Path) -> None:
    lines = {
        task: [
            prediction(answers, output, number) for number, (answers, output) in enumerate(told(task, length))
        ]
        for task in ANSWERS
    }
    assert evaluate_by_ruler(tmp_path, lines) == dict(zip(ANSWERS, SUMMARIES[length], strict=True))


@pytest.mark.parametrize(
    ("percent", "published"),
    [
        # RULER's table of models (github.com/NVIDIA/RULER): 4k to 128k, and the effective length
        ((96.6, 96.3, 95.2, 93.2, 87.0, 81.2), "64k"),  # GPT-4-1106-preview
        ((96.0, 95.1, 94.0, 92.4, 85.4, 64.6), "32k"),  # Command-R-plus-0824 (104B)
        ((93.6, 91.2, 87.2, 75.4, 49.0, 13.8), "16k"),  # Mistral (7B)
        ((94.9, 93.8, 78.0, 67.8, 0.0, 0.0), "8k"),  # Qwen1.5 (72B)
        ((88.1, 85.5, 84.5, 82.7, 75.5, 68.9), "4k"),  # InternLM2.5 (7B)
        ((82.3, 78.4, 73.7, 69.1, 68.1, 65.0), None),  # LWM (7B)
    ],
)
def test_effective_lengths_are_those_that_ruler_published(
    percent: tuple[float, ...], published: str | None, tmp_path: Path
) -> None:
    cells = [
        cell_of(Score(n=1_000, correct=10 * value), task="vt", length=length, scorer="official")
        for length, value in zip(LENGTHS, percent, strict=True)
    ]
    info = RunInfo(name="m", model="m", data="d")
    run = Run(info=info, cells=tuple(cells), files=(), scorer="official", folder=tmp_path)
    (found,) = effective_lengths([run], parse_threshold("0.856"))
    assert found.by_point == published


def longest_above(percent: Mapping[str, float]) -> str | None:
    """The longest length whose score exceeds RULER's threshold."""
    return next((length for length in reversed(LENGTHS) if percent[length] > 85.6), None)
