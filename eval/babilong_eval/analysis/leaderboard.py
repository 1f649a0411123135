"""Models against lengths: the mean over tasks, a row per model.

The prompts of a published model are one row, as long as no task and length is there twice; otherwise each has
a row of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from babilong_eval.analysis.averages import mean_over_lengths, means_by_length, weighted_by_length
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.run_names import few_of, with_merged_prompts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from babilong_eval.analysis.averages import TaskMean
    from babilong_eval.results.load import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model.

    Attributes:
        model: its name.
        means: over the tasks that are there, by length, from short to long.
        prompts: how many prompts its predictions were made with.
    """

    model: str
    means: Mapping[str, TaskMean]
    prompts: int

    @property
    def mean(self) -> float:
        """The mean over the lengths that are there, each counted the same."""
        return mean_over_lengths(self.means)

    @property
    def weighted(self) -> tuple[float, float]:
        """RULER's averages, whose weights grow with length, and fall."""
        return weighted_by_length(self.means)


def leaderboard(runs: Sequence[Run]) -> list[Row]:
    """Return a row per model, in the order of the runs."""
    return [
        Row(model=run.info.name, means=means_by_length(run.cells), prompts=_prompts(run))
        for run in with_merged_prompts(runs)
    ]


def remarks(rows: Sequence[Row]) -> list[str]:
    """Return what a reader of the rows must know: where means are over other tasks, lengths or prompts."""
    found = remarks_on_cells(rows)
    if len({tuple(row.means) for row in rows}) > 1:
        found.append(
            "mean and wAvg are over the lengths that are there, which are not the same in all rows: compare "
            "rows length by length"
        )
    return found


def remarks_on_cells(rows: Sequence[Row]) -> list[str]:
    """Return what a reader of single cells must know: where they are over other tasks or prompts."""
    found = []
    if len({mean.tasks for row in rows for mean in row.means.values()}) > 1:
        found.append(
            "means are over the tasks that are there, which are not the same in all rows and lengths"
        )
    if mixed := [row.model for row in rows if row.prompts > 1]:
        found.append(f"tasks were asked with different prompts: {few_of(mixed)}")
    return found


def _prompts(run: Run) -> int:
    return len({FileName.of(path).config for path in run.files}) if run.is_published else 1
