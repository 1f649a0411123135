"""Scores of prediction files: ours, and those that others published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from babilong_eval.results.prediction_files import FileName, read_columns
from babilong_eval.results.records import read_json
from babilong_eval.scoring.official import OFFICIAL_LABELS
from babilong_eval.scoring.score import OPEN_SCORERS, Score, score, shares_correct
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tasks import RULER_TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from babilong_eval.scoring.score import Columns, ScorerName


def rules_for(task: str, *, labelled: bool) -> tuple[ScorerName, ...]:
    """Return the rules by which a run's answers to a task are scored.

    Args:
        labelled: whether the model chose among labels.
    """
    if task in RULER_TASKS:
        return "official", "strict", "string_match_part"
    return ("official", "strict", "label") if labelled else ("official", "strict")


def score_file(path: Path, scorer: ScorerName) -> Score:
    """Score one prediction file, whose name says the task.

    Raises:
        SourceError: the file cannot be read, or its task's labels are not known.
        UsageError: the scorer does not suit the file.
    """
    labels = scoring_labels(path, FileName.of(path).task, scorer)
    columns = read_columns(path)
    try:
        return score(columns, labels=labels, scorer=scorer)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def judged_file(path: Path, scorer: ScorerName) -> tuple[Columns, Sequence[float]]:
    """Return the columns of one prediction file, and for each row how correct it is, 0 to 1.

    Raises:
        SourceError, UsageError: as for `score_file`.
    """
    labels = scoring_labels(path, FileName.of(path).task, scorer)
    columns = read_columns(path)
    try:
        return columns, shares_correct(columns, labels=labels, scorer=scorer)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def scoring_labels(path: Path, task: str, scorer: ScorerName) -> tuple[str, ...]:
    """Return the label set by which a prediction file is scored; none where answers are open.

    `official` has its own for `qa1` to `qa20`. Otherwise it is `choices` in the `.json` beside the file,
    or the official set for files of others, which have no `choices`.

    Raises:
        SourceError: the task's labels are not known.
        UsageError: the task has none, and the scorer is `label`.
    """
    if task in RULER_TASKS and scorer == "label":
        raise UsageError(f"{path}: {task} has open answers and no labels: use --scorer official or strict")
    if task in RULER_TASKS or scorer in OPEN_SCORERS:
        return ()
    published = OFFICIAL_LABELS.get(task)
    if scorer == "official" and published:
        return published
    labels = read_settings(path).get("choices") or published
    if not labels:
        beside = path.with_suffix(".json").name
        raise SourceError(
            f"{path}: the labels of task {task!r} are not known; list them in {beside} as `choices`"
        )
    return tuple(labels)


def read_settings(path: Path) -> Mapping[str, Any]:
    """Read the `.json` beside a prediction file; empty if there is none, SourceError if it is broken."""
    beside = path.with_name(f"{path.stem}.json")
    settings = read_json(beside) if beside.exists() else {}
    if not isinstance(settings, dict):
        raise SourceError(f"{beside}: expected a JSON object with `prompt` and `generate_kwargs`")
    return settings
