"""The log of a run, one line per step, and the figure drawn from it.

The log holds nothing that differs between two runs of one recipe: no time of day, no speed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter

from babilong_eval.results.line_log import LineLog, whole_lines
from babilong_eval.training.question_forms import FormScore
from babilong_gen.atomic import write_whole
from babilong_gen.errors import SourceError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.axes import Axes

LOG, FIGURE = "log.jsonl", "training.png"
_ASKED = ("fresh", "continued")
_SMOOTHED_OVER = 50
_NAME_HEIGHT = 0.02
"""How much of the axis a turned name takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One step.

    Attributes:
        step: number of the step, from 1.
        stage: name of the stage.
        segments: of the batch.
        loss: mean over all processes.
        rate: the learning rate.
        fresh: rows with new facts, and how many of them were answered correctly.
        continued: rows that continue an earlier one, likewise.
        forms: the rows with new facts by the form of their question; see `form_of_question`.
        sure: mean probability of the likeliest answer of rows without facts; None without such rows.
        open_on_noise: mean openness of the gates in rows without facts; see `UnrollOutput`.
        tokens: text tokens read by all processes.
        asked_of_memory: questions of the memory alone, likewise.
        entries_held: entries that memories shall hold, likewise.
    """

    step: int
    stage: str
    segments: int
    loss: float
    rate: float
    fresh: tuple[int, int]
    continued: tuple[int, int]
    sure: float | None
    open_on_noise: float | None
    tokens: int
    # A log of before they were counted has none of these.
    asked_of_memory: tuple[int, int] = (0, 0)
    entries_held: tuple[int, int] = (0, 0)
    forms: dict[str, FormScore] = field(default_factory=dict)


_LINE = TypeAdapter(LogLine)


class MetricsLog:
    """The log as it grows; lines beyond the step from which a run continues are dropped."""

    def __init__(self, folder: Path, *, step: int) -> None:
        path = folder / LOG
        write_whole(path, b"".join(line for line, known in _lines(path) if known["step"] <= step))
        self._log = LineLog(path)

    def write(self, line: LogLine) -> None:
        """Append a line."""
        self._log.append(asdict(line))

    def flush(self) -> None:
        """Force what was written to the disk."""
        self._log.sync()


def read_log(path: Path) -> list[dict]:
    """Return the lines of a log, as plain data; one that was cut off is left out.

    Raises:
        SourceError: a line in the middle is not a step.
    """
    return [known for _, known in _lines(path)]


def _lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield the whole lines of a log, each as it is and what it says."""
    for number, line in enumerate(whole_lines(path) if path.is_file() else (), start=1):
        try:
            known = json.loads(line)
            _LINE.validate_python(known)
        except ValueError as error:
            raise SourceError(
                f"{path}: line {number} is not a step of a training run ({first_line(error)}); take it out"
            ) from error
        yield line, known


def draw(folder: Path) -> Path | None:
    """Draw loss and accuracies against tokens read; return None while there is too little to see."""
    lines = read_log(folder / LOG)
    if len(lines) < 2:
        return None
    from babilong_eval.figures import style
    from babilong_eval.figures.sheet import sheet

    read = np.cumsum([line["tokens"] for line in lines]) / 1e6
    asks = any(line[name][0] for line in lines for name in _ASKED)
    with sheet(1 + asks, ax=None, height_inches=4.2 if asks else 2.6, sharex=True) as drawn:
        upper, *lower = drawn.panels
        upper.plot(read, _smoothed([line["loss"] for line in lines]), color=style.INK, linewidth=1)
        upper.set_ylabel("loss")
        for axes in lower:
            _draw_accuracies(axes, lines, read)
        drawn.panels[-1].set_xlabel("tokens read, millions")
        _mark_stages(upper, lines, read)
        drawn.footnote(f"running means over {_SMOOTHED_OVER} steps")
    target = folder / FIGURE
    style.save(drawn.figure, target)
    return target


def _draw_accuracies(axes: Axes, lines: list[dict], read: np.ndarray) -> None:
    from babilong_eval.figures import style

    for index, name in enumerate(_ASKED):
        accuracies = [correct / n if n else np.nan for n, correct in (line[name] for line in lines)]
        if not np.isnan(accuracies).all():
            colour = style.colour(index)
            axes.plot(read, _smoothed(accuracies), color=colour, linewidth=1, label=f"{name} rows")
    style.accuracy_axis(axes)
    axes.legend()


def _mark_stages(axes: Axes, lines: list[dict], read: np.ndarray) -> None:
    """Mark where stages begin, and name those that last long enough to have room for a name."""
    from babilong_eval.figures import style

    names = [line["stage"] for line in lines]
    begins = [number for number, name in enumerate(names) if number == 0 or name != names[number - 1]]
    room = _NAME_HEIGHT * (read[-1] - read[0])
    where = {"transform": axes.get_xaxis_transform(), "rotation": 90, "ha": "left", "va": "top"}
    for begin, end in pairwise([*begins, len(lines) - 1]):
        axes.axvline(read[begin], color=style.FAINT, linewidth=0.8, zorder=0)
        if read[end] - read[begin] >= room:
            axes.text(read[begin], 0.98, names[begin], fontsize=6.5, color=style.MUTED, **where)


def _smoothed(values: list[float]) -> np.ndarray:
    """Return the running mean over the last steps, gaps left out."""
    array = np.asarray(values, float)
    known = ~np.isnan(array)
    sums, counts = np.cumsum(np.where(known, array, 0.0)), np.cumsum(known)
    before = np.arange(len(array)) - _SMOOTHED_OVER
    sums = sums - np.where(before >= 0, sums[np.maximum(before, 0)], 0.0)
    counts = counts - np.where(before >= 0, counts[np.maximum(before, 0)], 0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
