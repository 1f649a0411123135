"""Points with their 95 % Wilson intervals as bars, and how many answers each stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from babilong_eval.analysis.proportion import Proportion


def draw_proportions(
    axes: Axes, positions: Sequence[float], proportions: Sequence[Proportion], **look: Any
) -> None:
    """Draw proportions and their intervals, joined by a line, at positions from left to right."""
    if proportions:
        values = [proportion.value for proportion in proportions]
        bars = reach(values, [proportion.interval for proportion in proportions])
        axes.errorbar(positions, values, yerr=bars, **look)


def reach(values: Sequence[float], intervals: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Return how far each interval reaches below and above its value, as `errorbar` takes it."""
    pairs = list(zip(values, intervals, strict=True))
    return [[value - low for value, (low, _) in pairs], [high - value for value, (_, high) in pairs]]


def small_print(counts: Iterable[int]) -> str:
    """Return what to write below points that stand for so many answers each."""
    return f"bars: 95 % Wilson intervals, {sample_sizes(counts)} a point"


def sample_sizes(counts: Iterable[int]) -> str:
    """Return `n = 20`, or `n = 20 to 40` for counts that differ."""
    found = sorted(set(counts))
    return f"n = {found[0]:,}" if len(found) == 1 else f"n = {found[0]:,} to {found[-1]:,}"
