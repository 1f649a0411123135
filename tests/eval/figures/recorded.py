"""Results as they are recorded, and what is looked for in the figures of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.records import (
    Prediction,
    RunInfo,
    cell_of,
    write_cells,
    write_predictions,
    write_run,
)
from babilong_eval.scoring.score import Score

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

LENGTHS = ("0k", "1k", "4k", "16k", "1M", "10M")
ACCURACIES = (1.0, 0.9, 0.75, 0.5, 0.25, 0.0)


def record(
    folder: Path,
    *,
    name: str = "RMT",
    tasks: Sequence[str] = ("qa1",),
    lengths: Sequence[str] = LENGTHS,
    n: int = 20,
    costs: bool = True,
    segment_size: int | None = None,
) -> Path:
    """A results folder whose accuracies fall along `ACCURACIES`."""
    cells = []
    for task in tasks:
        for length, accuracy in zip(lengths, ACCURACIES, strict=False):
            correct = round(accuracy * n)
            right = Prediction(target="kitchen", output="kitchen", question="Where is Mary?", depth=0.1)
            wrong = Prediction(target="kitchen", output="garden", question="Where is Mary?", depth=0.9)
            predictions = [right] * correct + [wrong] * (n - correct)
            file = FileName(task=task, length=length, config="x")
            write_predictions(folder, file, predictions, prompt={}, generate_kwargs={}, choices=())
            cells.append(
                cell_of(
                    Score(n=n, correct=correct),
                    task=task,
                    length=length,
                    scorer="official",
                    segments=int(length.removesuffix("seg")) if length.endswith("seg") else None,
                    seconds=n * 0.5 if costs else None,
                    peak_memory_bytes=2**30 if costs else None,
                )
            )
    write_cells(folder, cells)
    write_run(folder, RunInfo(name=name, model="rmt:x", data="data", segment_size=segment_size))
    return folder


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_title(loc="left") or axes.get_title()]


def drawn(axes: Axes) -> list[ErrorbarContainer]:
    return [item for item in axes.containers if isinstance(item, ErrorbarContainer)]


def heights(line: Line2D) -> list[float]:
    return np.asarray(line.get_ydata()).tolist()


def texts(axes: Axes) -> set[str]:
    return {text.get_text() for text in axes.texts}
