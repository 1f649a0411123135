"""Averages over tasks and over lengths, as leaderboards give them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from babilong_gen.lengths import length_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from babilong_eval.results.records import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMean:
    """The mean accuracy of several tasks at one length; every task counts the same.

    Attributes:
        value: the mean, as a fraction.
        ci_low, ci_high: its 95 % interval.
        tasks: whose mean it is.
        n: answers behind it.
    """

    value: float
    ci_low: float
    ci_high: float
    tasks: tuple[str, ...]
    n: int


def task_mean(cells: Sequence[Cell]) -> TaskMean:
    """Return the mean accuracy of tasks at one length, a cell each; at least one.

    Its interval squares and adds the distances from each accuracy to the ends of its Wilson interval, as G.
    Y. Zou and A. Donner do in "Construction of confidence limits about effect measures", Statistics in
    Medicine 27 (2008). Of one task it is the Wilson interval.
    """
    count = len(cells)
    mean = sum(cell.accuracy for cell in cells) / count
    down = sqrt(sum((cell.accuracy - cell.ci_low) ** 2 for cell in cells)) / count
    up = sqrt(sum((cell.ci_high - cell.accuracy) ** 2 for cell in cells)) / count
    return TaskMean(
        value=mean,
        ci_low=max(0.0, mean - down),
        ci_high=min(1.0, mean + up),
        tasks=tuple(cell.task for cell in cells),
        n=sum(cell.n for cell in cells),
    )


def means_by_length(cells: Iterable[Cell]) -> dict[str, TaskMean]:
    """Return the mean over the tasks that are there at each length, from short to long."""
    at: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        at[cell.length].append(cell)
    return {length: task_mean(at[length]) for length in sorted(at, key=length_order)}


def mean_over_lengths(means: Mapping[str, TaskMean]) -> float:
    """Return the mean of all lengths, each counted the same."""
    return sum(mean.value for mean in means.values()) / len(means)


def weighted_by_length(means: Mapping[str, TaskMean]) -> tuple[float, float]:
    """Return RULER's averages whose weights grow with length, and fall: wAvg (inc) and wAvg (dec).

    The shortest of n lengths has weight 1, the next 2, and the longest n, or the other way round: the first
    stands for uses that are mostly long, the second for mostly short ones. Hsieh et al. 2024, arXiv
    2404.06654, Table 3.

    Args:
        means: from short to long.
    """
    values = [mean.value for mean in means.values()]
    ranks = range(1, len(values) + 1)
    growing = sum(rank * value for rank, value in zip(ranks, values, strict=True)) / sum(ranks)
    falling = sum(rank * value for rank, value in zip(reversed(ranks), values, strict=True)) / sum(ranks)
    return growing, falling
