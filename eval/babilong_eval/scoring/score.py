"""How many predictions are correct: one rule, applied to the predictions of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from babilong_eval.scoring.interval import wilson
from babilong_eval.scoring.official import official_correct
from babilong_eval.scoring.strict import strict_correct
from babilong_eval.scoring.string_match import all_named, shares_found
from babilong_gen.errors import UsageError

ScorerName = Literal["official", "strict", "label", "string_match_all", "string_match_part"]
SCORERS: tuple[ScorerName, ...] = get_args(ScorerName)
OPEN_SCORERS: tuple[ScorerName, ...] = ("string_match_all", "string_match_part")
"""RULER's rules by name, which need no labels."""

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How much was answered correctly; failed and empty outputs are in `n`.

    Attributes:
        n: how many answers.
        correct: how many are correct, or the sum of their shares where they can be right in part.
    """

    n: int
    correct: float

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
        labels: the task's label set; empty where answers are open.
        scorer: `official`, the rule of the benchmark that the task comes from: BABILong's, or RULER's
            `string_match_all` where answers are open; `strict`, the same question asked carefully (the module
            of that name, or `all_named`); `label`: whether the label to which the model gave the highest
            score is the target; or RULER's `string_match_all` and `string_match_part` for any task.

    Raises:
        UsageError: no predictions, or choices were not scored and `label` is asked for.
    """
    correct = shares_correct(columns, labels=labels, scorer=scorer)
    if not correct:
        raise UsageError("no predictions to score: an accuracy of nothing has no meaning")
    return Score(n=len(correct), correct=sum(correct))


def shares_correct(columns: Columns, *, labels: Sequence[str], scorer: ScorerName) -> Sequence[float]:
    """Return how correct each prediction is, 0 to 1; arguments and errors as for `score`.

    It is a whole number where an answer is right or wrong; of several answers some may be right.
    """
    targets, outputs, questions = columns["target"], columns["output"], columns["question"]
    if scorer in OPEN_SCORERS or (scorer == "official" and not labels):
        return shares_found(targets, outputs, any_will_do=scorer == "string_match_part")
    if scorer == "official":
        return official_correct(targets, outputs, questions, labels)
    if scorer == "strict":
        return strict_correct(targets, outputs, questions, labels) if labels else all_named(targets, outputs)
    chosen = columns.get("label", ())
    if not any(chosen):
        raise UsageError("no column `label`: the model wrote free text; use --scorer official or strict")
    return [_spelled(label) == _spelled(target) for label, target in zip(chosen, targets, strict=True)]


def which_are_correct(columns: Columns, *, labels: Sequence[str], scorer: ScorerName) -> list[bool]:
    """Return for each prediction whether it is correct as a whole; arguments and errors as for `score`."""
    return [share == 1 for share in shares_correct(columns, labels=labels, scorer=scorer)]


def _spelled(label: str) -> list[str]:
    return [part.strip().lower() for part in label.split(",")]
