"""Runs as figures and reports take them: a results folder's cells under one scoring rule.

Folders made here are read with their `results.json` and `run.json`. A folder with nothing but predictions
(one that others published) is scored as it is read, and gives one run per model and prompt config. A folder
of such folders gives all their runs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from babilong_eval.results.prediction_files import FileName, find_predictions
from babilong_eval.results.records import (
    RESULTS_FILE,
    RUN_FILE,
    Cell,
    RunInfo,
    cell_of,
    predictions_of,
    read_cells,
    read_run,
)
from babilong_eval.results.run_names import with_distinct_names
from babilong_eval.results.scores import judged_file, score_file, scoring_labels
from babilong_eval.scoring.explain import explain
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.foreign_files import is_visible
from babilong_gen.lengths import length_order
from babilong_gen.tasks import RULER_TASKS, TASK_NAMES, TASKS
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from babilong_eval.results.records import Prediction
    from babilong_eval.scoring.score import Score, ScorerName

_MOST_NAMED = 6
_TASK_PLACES = {task: place for place, task in enumerate(TASK_NAMES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One model over tasks and lengths.

    Attributes:
        info: the record of the run; its `name` labels the figures.
        cells: in the order of tasks and lengths; at most one per (task, length).
        files: the prediction files behind them; none where only `results.json` was kept.
        scorer: the rule by which the cells were counted.
        folder: where it was found.
        is_published: whether nothing but predictions was found there.
    """

    info: RunInfo
    cells: tuple[Cell, ...]
    files: tuple[Path, ...]
    scorer: ScorerName
    folder: Path
    is_published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPrediction:
    """A prediction, its task and length, and how correct it is.

    Attributes:
        share: how much of the answer is right, 0 to 1: 0 or 1 where there is one answer.
        labels: the label set by which it was scored; empty where answers are open.
        scorer: the rule by which it was scored.
    """

    task: str
    length: str
    prediction: Prediction
    share: float
    labels: tuple[str, ...]
    scorer: ScorerName

    @property
    def is_correct(self) -> bool:
        """Whether all of the answer is right."""
        return self.share == 1

    @property
    def why(self) -> str:
        """What the rule found in the answer, in a sentence."""
        one = self.prediction
        return explain(
            one.output,
            target=one.target,
            question=one.question,
            labels=self.labels,
            scorer=self.scorer,
            label=one.label,
        )


def load_runs(folders: str | Path | Iterable[str | Path], scorer: ScorerName = "official") -> list[Run]:
    """Read results folders, one or several.

    Raises:
        SourceError: a folder has neither results nor predictions, or one of its files cannot be read.
        UsageError: no folder is named, a length is malformed, or a (task, length) is twice in one run.
    """
    several = [folders] if isinstance(folders, str | Path) else folders
    runs = [run for folder in several for run in _runs_in(user_path(str(folder)), scorer)]
    if not runs:
        raise UsageError("no results folder was given: name at least one")
    return with_distinct_names(runs)


def scored_predictions(run: Run) -> Iterator[ScoredPrediction]:
    """Yield every prediction of a run with its score, by files; nothing where only the cells were kept."""
    for path in run.files:
        yield from scored_file(path, run.scorer)


def scored_file(path: Path, scorer: ScorerName) -> Iterator[ScoredPrediction]:
    """Yield every prediction of a file with its score; errors as for `score_file`."""
    name = FileName.of(path)
    labels = scoring_labels(path, name.task, scorer)
    columns, shares = judged_file(path, scorer)
    for prediction, share in zip(predictions_of(columns, path), shares, strict=True):
        yield ScoredPrediction(
            task=name.task,
            length=name.length,
            prediction=prediction,
            share=share,
            labels=labels,
            scorer=scorer,
        )


def chance(task: str) -> float | None:
    """Return the accuracy of guessing among a task's labels; None where they are not known here."""
    return 1 / len(TASKS[task].choices) if task in TASKS else None


def task_title(task: str) -> str:
    """Return a task's name and what it is about."""
    if task in RULER_TASKS:
        return f"{task}: {RULER_TASKS[task][0]}"
    return f"{task}: {TASKS[task].title}" if task in TASKS else task


def tasks_of(runs: Iterable[Run]) -> list[str]:
    """Return the tasks of some runs in their usual order."""
    return sorted({cell.task for run in runs for cell in run.cells}, key=task_order)


def lengths_of(runs: Iterable[Run]) -> list[str]:
    """Return the lengths of some runs from short to long; segments before tokens."""
    return sorted({cell.length for run in runs for cell in run.cells}, key=length_order)


def data_remark(runs: Sequence[Run]) -> str:
    """Return a warning where runs are over different data, whose accuracies do not compare; else nothing."""
    over: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        over[run.info.data_fingerprint or run.info.data].append(run.info.name)
    if len(over) < 2:
        return ""
    names = "; ".join(", ".join(group) for group in over.values())
    listed = f": {names}" if len(runs) <= _MOST_NAMED else ""
    return f"these runs are over {len(over)} different datasets{listed}"


def task_order(task: str) -> tuple[int, str]:
    """Return a sort key for tasks: their usual order, unknown ones at the end."""
    return _TASK_PLACES.get(task, len(_TASK_PLACES)), task


def task_and_length_order(cell: tuple[str, str]) -> tuple[object, ...]:
    """Return a sort key for (task, length): tasks in their usual order, lengths from short to long."""
    task, length = cell
    return task_order(task), length_order(length)


def runs_of_scores(scores: Mapping[Path, Score], scorer: ScorerName) -> list[Run]:
    """Return the runs that some scored prediction files belong to, without the costs that a run recorded.

    Raises:
        SourceError, UsageError: as for `load_runs`.
    """
    return with_distinct_names(_by_folder(scores, scorer))


def _runs_in(folder: Path, scorer: ScorerName) -> list[Run]:
    """Return the run that was made in a folder; or, of any other folder, all that is found below it."""
    if (folder / RESULTS_FILE).is_file():
        return [_run_made_here(folder, scorer)]
    made = sorted(path.parent for path in folder.rglob(RESULTS_FILE) if is_visible(path.relative_to(folder)))
    found = find_predictions(folder) if not made or any(folder.rglob("*.csv")) else []
    scores = {path: score_file(path, scorer) for path in found if path.parent not in made}
    return [_run_made_here(place, scorer) for place in made] + _by_folder(scores, scorer)


def _by_folder(scores: Mapping[Path, Score], scorer: ScorerName) -> list[Run]:
    groups: dict[Path, dict[Path, Score]] = defaultdict(dict)
    for path, counted in scores.items():
        groups[path.parent][path] = counted
    return [run for folder, found in groups.items() for run in _runs_of_scores(folder, found, scorer)]


def _run_made_here(folder: Path, scorer: ScorerName) -> Run:
    recorded, info = read_cells(folder), read_run(folder)
    files = tuple(sorted(path for path in folder.glob("*.csv") if is_visible(path.name)))
    cells = [cell for cell in recorded if cell.scorer == scorer]
    costs = {(cell.task, cell.length): cell for cell in recorded}
    if lacking := costs.keys() - {(cell.task, cell.length) for cell in cells}:
        names = {path: FileName.of(path) for path in find_predictions(folder)}
        again = [path for path, name in names.items() if not cells or (name.task, name.length) in lacking]
        scores = {path: score_file(path, scorer) for path in again}
        cells += [_with_costs(cell, costs) for cell in _cells(scores, scorer)]
    if unknown := costs.keys() - {(cell.task, cell.length) for cell in cells}:
        task, length = min(unknown)
        raise SourceError(
            f"{folder}: {task} at {length} was not scored by {scorer}, and its predictions are gone: "
            "keep the .csv files, or use the scorer that results.json names"
        )
    return Run(info=info, cells=_in_order(cells, folder), files=files, scorer=scorer, folder=folder)


def _runs_of_scores(folder: Path, scores: Mapping[Path, Score], scorer: ScorerName) -> Iterator[Run]:
    if (folder / RUN_FILE).is_file():
        cells = _in_order(_cells(scores, scorer), folder)
        yield Run(info=read_run(folder), cells=cells, files=tuple(scores), scorer=scorer, folder=folder)
        return
    by_config: dict[str, dict[Path, Score]] = defaultdict(dict)
    for path, counted in scores.items():
        by_config[FileName.of(path).config][path] = counted
    for config, found in by_config.items():
        name = folder.resolve().name
        yield Run(
            info=RunInfo(name=name, model=name, data="published", options={"config": config}),
            cells=_in_order(_cells(found, scorer), folder),
            files=tuple(found),
            scorer=scorer,
            folder=folder.resolve(),
            is_published=True,
        )


def _cells(scores: Mapping[Path, Score], scorer: ScorerName) -> list[Cell]:
    names = {path: FileName.of(path) for path in scores}
    return [
        cell_of(counted, task=names[path].task, length=names[path].length, scorer=scorer)
        for path, counted in scores.items()
    ]


def _with_costs(cell: Cell, costs: dict[tuple[str, str], Cell]) -> Cell:
    known = costs.get((cell.task, cell.length))
    if known is None:
        return cell
    return replace(
        cell, segments=known.segments, seconds=known.seconds, peak_memory_bytes=known.peak_memory_bytes
    )


def _in_order(cells: Iterable[Cell], folder: Path) -> tuple[Cell, ...]:
    ordered = sorted(cells, key=lambda cell: task_and_length_order((cell.task, cell.length)))
    for cell, following in pairwise(ordered):
        if (cell.task, cell.length) == (following.task, following.length):
            raise UsageError(
                f"{folder}: {cell.task} at {cell.length} is there twice; keep one run per folder"
            )
    return tuple(ordered)
