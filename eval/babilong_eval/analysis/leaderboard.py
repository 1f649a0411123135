"""Models against lengths: the mean over tasks, a row per model.

A folder of published predictions often holds a model's tasks under several prompts. They are one row, as long
as no task and length is there twice; otherwise each prompt has a row of its own.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from babilong_eval.analysis.averages import mean_over_lengths, means_by_length, weighted_by_length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from babilong_eval.analysis.averages import TaskMean
    from babilong_eval.results.load import Run
    from babilong_eval.results.records import Cell


_NAMED = 5


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
    groups: dict[object, list[Run]] = defaultdict(list)
    for place, run in enumerate(runs):
        groups[run.folder if run.is_published else place].append(run)
    named = [found for group in groups.values() for found in _named(group)]
    names = [name for name, _ in named]
    return [
        Row(
            model=f"{part[0].folder.parent.name}/{name}" if names.count(name) > 1 else name,
            means=means_by_length(_cells(part)),
            prompts=len(part),
        )
        for name, part in named
    ]


def remarks(rows: Sequence[Row]) -> list[str]:
    """Return what a reader of the rows must know: where means are over other tasks, lengths or prompts."""
    found = []
    if len({mean.tasks for row in rows for mean in row.means.values()}) > 1:
        found.append(
            "means are over the tasks that are there, which are not the same in all rows and lengths"
        )
    if len({tuple(row.means) for row in rows}) > 1:
        found.append(
            "mean and wAvg are over the lengths that are there, which are not the same in all rows: compare "
            "rows length by length"
        )
    if mixed := [row.model for row in rows if row.prompts > 1]:
        more = f" and {len(mixed) - _NAMED} more" if len(mixed) > _NAMED else ""
        found.append(f"tasks were asked with different prompts: {', '.join(mixed[:_NAMED])}{more}")
    return found


def _named(group: Sequence[Run]) -> list[tuple[str, list[Run]]]:
    """Return the runs of one folder as one row, or as a row each where two of them answer the same cell."""
    places = [(cell.task, cell.length) for cell in _cells(group)]
    if group[0].is_published and len(set(places)) == len(places):
        return [(group[0].info.model, list(group))]
    return [(run.info.name, [run]) for run in group]


def _cells(runs: Sequence[Run]) -> list[Cell]:
    return [cell for run in runs for cell in run.cells]
