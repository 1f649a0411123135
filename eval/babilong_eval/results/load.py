"""Runs as figures and reports take them: a results folder's cells under one scoring rule.

Folders made here are read with their `results.json` and `run.json`. A folder with nothing but predictions
(one that others published) is scored on the spot, and is as many runs as there are models and prompt
configs in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from babilong_eval.results.prediction_files import FileName, find_predictions
from babilong_eval.results.printable import visible
from babilong_eval.results.records import (
    RESULTS_FILE,
    Cell,
    RunInfo,
    cell_of,
    read_cells,
    read_predictions,
    read_run,
)
from babilong_eval.scoring.score import labels_of, marks, score_file
from babilong_gen.errors import UsageError
from babilong_gen.lengths import parse_length
from babilong_gen.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from babilong_eval.results.records import Prediction
    from babilong_eval.scoring.score import ScorerName

_PROMPT_PART = re.compile(r"([a-z_]+?)_(yes|no)(?:_|$)")
_TASK_PLACES = {task: place for place, task in enumerate(TASKS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One model over tasks and lengths.

    Attributes:
        info: what must be known of the run; its `name` labels the figures.
        cells: in the order of tasks and lengths; at most one a (task, length).
        files: the prediction files behind them; none where only `results.json` was kept.
        scorer: the rule by which the cells were counted.
    """

    info: RunInfo
    cells: tuple[Cell, ...]
    files: tuple[Path, ...]
    scorer: ScorerName


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPrediction:
    """A prediction, where it belongs, and whether it is right."""

    task: str
    length: str
    prediction: Prediction
    right: bool


def load_runs(folders: str | Path | Iterable[str | Path], scorer: ScorerName = "official") -> list[Run]:
    """Read results folders, one or several.

    Raises:
        SourceError: a folder has neither results nor predictions, or one of its files cannot be read.
        UsageError: a length that is none, or a (task, length) twice in one run.
    """
    several = [folders] if isinstance(folders, str | Path) else folders
    runs = [run for folder in several for run in _runs_in(Path(folder), scorer)]
    if not runs:
        raise UsageError("no results folder was given: name at least one")
    return _told_apart(runs)


def judged(run: Run) -> Iterator[ScoredPrediction]:
    """Every prediction of a run with its mark, file by file; nothing where only the cells were kept."""
    for path in run.files:
        name, predictions = FileName.of(path), read_predictions(path)
        columns = {
            column: [getattr(prediction, column) for prediction in predictions]
            for column in ("target", "output", "question", "label")
        }
        rights = marks(columns, labels=labels_of(path, name.task, run.scorer), scorer=run.scorer)
        for prediction, right in zip(predictions, rights, strict=True):
            yield ScoredPrediction(task=name.task, length=name.length, prediction=prediction, right=right)


def chance(task: str) -> float | None:
    """How often a guess among a task's labels is right; None for tasks whose labels are not known here."""
    return 1 / len(TASKS[task].choices) if task in TASKS else None


def tasks_of(runs: Iterable[Run]) -> list[str]:
    """The tasks of some runs in their usual order."""
    return sorted({cell.task for run in runs for cell in run.cells}, key=_task_order)


def lengths_of(runs: Iterable[Run]) -> list[str]:
    """The lengths of some runs from short to long; tokens before segments."""
    return sorted({cell.length for run in runs for cell in run.cells}, key=_length_order)


def _runs_in(folder: Path, scorer: ScorerName) -> list[Run]:
    if not (folder / RESULTS_FILE).is_file():
        return _runs_of_others(folder, scorer)
    recorded, info = read_cells(folder), read_run(folder)
    files = tuple(sorted(folder.glob("*.csv")))
    cells = [cell for cell in recorded if cell.scorer == scorer]
    if not cells:
        costs = {(cell.task, cell.length): cell for cell in recorded}
        cells = [_with_costs(cell, costs) for cell in _scored(find_predictions(folder), scorer)]
    return [Run(info=info, cells=_in_order(cells, folder), files=files, scorer=scorer)]


def _runs_of_others(folder: Path, scorer: ScorerName) -> list[Run]:
    groups: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for path in find_predictions(folder):
        groups[path.parent, FileName.of(path).config].append(path)
    runs = []
    for (parent, config), paths in groups.items():
        info = RunInfo(
            name=parent.resolve().name,
            model=parent.resolve().name,
            data="published",
            options={"config": config},
        )
        cells = _in_order(_scored(paths, scorer), parent)
        runs.append(Run(info=info, cells=cells, files=tuple(paths), scorer=scorer))
    return runs


def _scored(paths: Iterable[Path], scorer: ScorerName) -> list[Cell]:
    names = {path: FileName.of(path) for path in paths}
    return [
        cell_of(score_file(path, scorer), task=name.task, length=name.length, scorer=scorer)
        for path, name in names.items()
    ]


def _with_costs(cell: Cell, costs: dict[tuple[str, str], Cell]) -> Cell:
    known = costs.get((cell.task, cell.length))
    if known is None:
        return cell
    return replace(
        cell, segments=known.segments, seconds=known.seconds, peak_memory_bytes=known.peak_memory_bytes
    )


def _in_order(cells: Iterable[Cell], folder: Path) -> tuple[Cell, ...]:
    ordered = sorted(cells, key=lambda cell: (_task_order(cell.task), _length_order(cell.length)))
    for cell, following in pairwise(ordered):
        if (cell.task, cell.length) == (following.task, following.length):
            raise UsageError(f"{folder}: {cell.task} at {cell.length} is there twice; keep one run a folder")
    return tuple(ordered)


def _told_apart(runs: list[Run]) -> list[Run]:
    """Runs of the same name get their prompt's parts after it, and those that are still the same a number."""
    names = [visible(run.info.name) for run in runs]
    with_parts = [
        f"{name}, {_prompt_parts(config)}" if names.count(name) > 1 and (config := _config(run)) else name
        for run, name in zip(runs, names, strict=True)
    ]
    told = [
        f"{name} ({with_parts[: place + 1].count(name)})" if with_parts.count(name) > 1 else name
        for place, name in enumerate(with_parts)
    ]
    return [replace(run, info=replace(run.info, name=name)) for run, name in zip(runs, told, strict=True)]


def _config(run: Run) -> str:
    return run.info.options.get("config", "")


def _prompt_parts(config: str) -> str:
    """The parts that a prompt config says yes to: `instruction+examples`; other configs as they are."""
    parts = _PROMPT_PART.findall(config)
    if "_".join(f"{part}_{answer}" for part, answer in parts) != config:
        return config
    return "+".join(part.replace("_", " ") for part, answer in parts if answer == "yes") or "bare prompt"


def _task_order(task: str) -> tuple[int, str]:
    return _TASK_PLACES.get(task, len(_TASK_PLACES)), task


def _length_order(length: str) -> tuple[bool, int]:
    parsed = parse_length(length)
    return parsed.unit == "seg", parsed.count * {"k": 1_000, "M": 1_000_000, "seg": 1}[parsed.unit]
