"""How many predictions are right: one rule, applied to a file or to predictions at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from babilong_eval.results.prediction_files import FileName, read_columns
from babilong_eval.scoring.interval import wilson
from babilong_eval.scoring.official import OFFICIAL_LABELS, official_marks
from babilong_eval.scoring.strict import strict_marks
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

ScorerName = Literal["official", "strict", "label"]
SCORERS: tuple[ScorerName, ...] = get_args(ScorerName)

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A count of right answers; failed and empty outputs are in `n`."""

    n: int
    correct: int

    @property
    def accuracy(self) -> float:
        """The share that is right, 0 to 1."""
        return self.correct / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The accuracy's 95 % Wilson interval, as fractions."""
        return wilson(self.correct, self.n)


def score(columns: Columns, *, labels: Sequence[str], scorer: ScorerName) -> Score:
    """Score predictions of one task.

    Args:
        columns: `target`, `output` and `question`; for the scorer `label` also `label`.
        labels: the task's label set; see `labels_of`.
        scorer: `official`, `strict` (the modules of that name), or `label`: whether the label to which
            the model gave the highest score is the target.

    Raises:
        UsageError: no predictions, or choices were not scored and `label` is asked for.
    """
    right = marks(columns, labels=labels, scorer=scorer)
    if not right:
        raise UsageError("no predictions to score: an accuracy of nothing has no meaning")
    return Score(n=len(right), correct=sum(right))


def marks(columns: Columns, *, labels: Sequence[str], scorer: ScorerName) -> list[bool]:
    """Which predictions are right, in their order; arguments and errors as for `score`."""
    targets, outputs, questions = columns["target"], columns["output"], columns["question"]
    if scorer == "official":
        return official_marks(targets, outputs, questions, labels)
    if scorer == "strict":
        return strict_marks(targets, outputs, questions, labels)
    chosen = columns.get("label", ())
    if not any(chosen):
        raise UsageError("no column `label`: the model wrote free text; use --scorer official or strict")
    return [_spelled(label) == _spelled(target) for label, target in zip(chosen, targets, strict=True)]


def score_file(path: Path, scorer: ScorerName) -> Score:
    """Score one prediction file; its name says the task. SourceError where it cannot be read or scored."""
    task = FileName.of(path).task
    labels = labels_of(path, task, scorer)
    try:
        return score(read_columns(path), labels=labels, scorer=scorer)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def labels_of(path: Path, task: str, scorer: ScorerName) -> tuple[str, ...]:
    """The label set by which a prediction file is scored.

    `official` has its own for `qa1` to `qa20`. Otherwise it is `choices` in the `.json` beside the file,
    and for files that others made, which have none, the official set.

    Raises:
        SourceError: the task's labels are not known.
    """
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
    """The `.json` beside a prediction file; empty where there is none, SourceError where it is broken."""
    beside = path.with_name(f"{path.stem}.json")
    try:
        settings = json.loads(beside.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SourceError(f"{beside}: not readable as JSON ({error})") from error
    if not isinstance(settings, dict):
        raise SourceError(f"{beside}: expected a JSON object with `prompt` and `generate_kwargs`")
    return settings


def _spelled(label: str) -> list[str]:
    return [part.strip().lower() for part in label.split(",")]
