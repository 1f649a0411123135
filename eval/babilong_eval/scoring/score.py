"""How many predictions are correct: one rule, applied to the predictions of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from babilong_eval.scoring.interval import wilson
from babilong_eval.scoring.official import official_correct
from babilong_eval.scoring.strict import strict_correct
from babilong_gen.errors import UsageError

ScorerName = Literal["official", "strict", "label"]
SCORERS: tuple[ScorerName, ...] = get_args(ScorerName)

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A count of correct answers; failed and empty outputs are in `n`."""

    n: int
    correct: int

    @property
    def accuracy(self) -> float:
        """The correct answers as a fraction."""
        return self.correct / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The accuracy's 95 % Wilson interval, as fractions."""
        return wilson(self.correct, self.n)


def score(columns: Columns, *, labels: Sequence[str], scorer: ScorerName) -> Score:
    """Score predictions of one task.

    Args:
        columns: `target`, `output` and `question`; for the scorer `label` also `label`.
        labels: the task's label set.
        scorer: `official`, `strict` (the modules of that name), or `label`: whether the label to which
            the model gave the highest score is the target.

    Raises:
        UsageError: no predictions, or choices were not scored and `label` is asked for.
    """
    correct = which_are_correct(columns, labels=labels, scorer=scorer)
    if not correct:
        raise UsageError("no predictions to score: an accuracy of nothing has no meaning")
    return Score(n=len(correct), correct=sum(correct))


def which_are_correct(columns: Columns, *, labels: Sequence[str], scorer: ScorerName) -> list[bool]:
    """Return for each prediction whether it is correct; arguments and errors as for `score`."""
    targets, outputs, questions = columns["target"], columns["output"], columns["question"]
    if scorer == "official":
        return official_correct(targets, outputs, questions, labels)
    if scorer == "strict":
        return strict_correct(targets, outputs, questions, labels)
    chosen = columns.get("label", ())
    if not any(chosen):
        raise UsageError("no column `label`: the model wrote free text; use --scorer official or strict")
    return [_spelled(label) == _spelled(target) for label, target in zip(chosen, targets, strict=True)]


def _spelled(label: str) -> list[str]:
    return [part.strip().lower() for part in label.split(",")]
