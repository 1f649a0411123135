"""Up to which length a model can be trusted: the longest at which its accuracy is above a threshold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from babilong_eval.analysis.averages import mean_over_lengths, means_by_length, weighted_by_length
from babilong_eval.results.load import tasks_of
from babilong_eval.results.run_names import few_of
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from babilong_eval.analysis.averages import TaskMean
    from babilong_eval.results.load import Run
    from babilong_eval.results.records import Cell

RULER_THRESHOLD = 0.856
"""What Llama-2-7B scores at 4k in RULER (Hsieh et al. 2024, arXiv 2404.06654)."""

ALL_TASKS = "mean"
"""Stands in place of a task for the mean over all tasks."""

_SHARE = re.compile(r"(.+)x0k")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Above what an accuracy must be.

    Attributes:
        fraction: an accuracy; or the share of the model's own accuracy at 0k.
        of_0k: which of the two.
    """

    fraction: float = RULER_THRESHOLD
    of_0k: bool = False

    def __str__(self) -> str:
        """Return it as a figure says it."""
        return f"{100 * self.fraction:g} %{' of the accuracy at 0k' if self.of_0k else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveLength:
    """Up to which length one run can be trusted in one task.

    Attributes:
        run: its name.
        task: `mean` for the mean over tasks.
        threshold: the accuracy that must be exceeded, as a fraction.
        by_interval: the longest length whose interval lies above the threshold; None where no length's does.
        by_point: the longest length whose accuracy does.
        longest: the longest length that was measured: it may hold beyond.
        failing: lengths shorter than `by_point` whose accuracy is not above the threshold.
        mean: the accuracy's mean over the lengths, each counted the same.
        wavg_inc, wavg_dec: RULER's means, whose weights grow with length, and fall.
    """

    run: str
    task: str
    threshold: float
    by_interval: str | None
    by_point: str | None
    longest: str
    failing: tuple[str, ...]
    mean: float
    wavg_inc: float
    wavg_dec: float


def parse_threshold(text: str) -> Threshold:
    """Read `0.856`, an accuracy, or `0.9x0k`, a share of the model's own accuracy at 0k.

    Raises:
        UsageError: neither of these, or not between 0 and 1.
    """
    share = _SHARE.fullmatch(text.strip())
    try:
        fraction = float(share[1] if share else text)
    except ValueError:
        fraction = -1.0
    if not 0 <= fraction <= 1:
        raise UsageError(
            f"threshold {text!r}: expected an accuracy from 0 to 1, as in 0.856, or a share of the model's "
            "own accuracy at 0k, as in 0.9x0k"
        )
    return Threshold(fraction=fraction, of_0k=share is not None)


def effective_lengths(runs: Sequence[Run], threshold: Threshold) -> list[EffectiveLength]:
    """Return the effective length of each run in each task and, of several tasks, in their mean.

    Raises:
        UsageError: the threshold is a share of 0k, and a run has no 0k in some task.
    """
    found = []
    for run in runs:
        tasks = tasks_of([run])
        for task in tasks:
            of_task = [cell for cell in run.cells if cell.task == task]
            found.append(_effective_length(run, task, of_task, threshold))
        if len(tasks) > 1:
            found.append(_effective_length(run, ALL_TASKS, run.cells, threshold))
    return found


def remarks(runs: Sequence[Run]) -> list[str]:
    """Return what a reader of the means over tasks must know: whose are over other tasks at other lengths."""
    uneven = [
        run.info.name for run in runs if len({mean.tasks for mean in means_by_length(run.cells).values()}) > 1
    ]
    if not uneven:
        return []
    return [
        "the mean over tasks is at each length over those that are there, which are not the same at all "
        f"lengths: {few_of(uneven)}"
    ]


def _effective_length(run: Run, task: str, cells: Sequence[Cell], threshold: Threshold) -> EffectiveLength:
    means = means_by_length(cells)
    needed = _needed(run, task, means, threshold)
    by_point = _last([length for length, mean in means.items() if mean.value > needed])
    growing, falling = weighted_by_length(means)
    shorter = list(means)[: list(means).index(by_point)] if by_point else []
    return EffectiveLength(
        run=run.info.name,
        task=task,
        threshold=needed,
        by_interval=_last([length for length, mean in means.items() if mean.ci_low > needed]),
        by_point=by_point,
        longest=list(means)[-1],
        failing=tuple(length for length in shorter if means[length].value <= needed),
        mean=mean_over_lengths(means),
        wavg_inc=growing,
        wavg_dec=falling,
    )


def _needed(run: Run, task: str, means: Mapping[str, TaskMean], threshold: Threshold) -> float:
    if not threshold.of_0k:
        return threshold.fraction
    if "0k" not in means:
        raise UsageError(
            f"{run.info.name}: no {'0k' if task == ALL_TASKS else f'{task} at 0k'} to take a share of; give "
            "the threshold as an accuracy, or evaluate 0k too"
        )
    return threshold.fraction * means["0k"].value


def _last(lengths: Sequence[str]) -> str | None:
    return lengths[-1] if lengths else None
