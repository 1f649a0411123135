"""How many right answers get lost on the way from one length to the next, and how many come back.

In a paired ladder the samples of one index have the same story at every length, so an answer that is right at
one length and wrong at the next was lost in what was read between. Accuracy falls by the balance of the two
kinds of flips; the rate of losses alone says how fast a memory fades.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from babilong_eval.results.load import lengths_of, scored_predictions, tasks_of
from babilong_eval.scoring.interval import wilson
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from babilong_eval.results.load import Run, ScoredPrediction

Rung = dict[int, "ScoredPrediction"]
"""The predictions of a task at a length, by the index of their sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """How many of some samples something happened to, with its 95 % Wilson interval."""

    count: int
    n: int

    @property
    def value(self) -> float:
        """As a fraction."""
        return self.count / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Both bounds, as fractions."""
        return wilson(self.count, self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From one length of a ladder to the next.

    Attributes:
        task: its name.
        shorter: the length that the step begins at.
        longer: the length that it ends at.
        tokens: how many more were read there, on average.
        n: samples that were answered at both.
        right: of these, how many were right at the shorter length.
        lost: right ones that became wrong.
        regained: wrong ones that became right.
    """

    task: str
    shorter: str
    longer: str
    tokens: float
    n: int
    right: int
    lost: int
    regained: int

    @property
    def losses(self) -> Proportion:
        """Lost answers, of all."""
        return Proportion(count=self.lost, n=self.n)

    @property
    def gains(self) -> Proportion:
        """Regained answers, of all."""
        return Proportion(count=self.regained, n=self.n)

    @property
    def risk(self) -> Proportion | None:
        """Lost answers, of those that could be lost; None where none was right."""
        return Proportion(count=self.lost, n=self.right) if self.right else None


def steps(run: Run) -> list[Step]:
    """Every step of every task of a run, from short to long.

    Raises:
        UsageError: predictions are not those of a paired ladder, or of a single length.
    """
    rungs = _rungs(run)
    lengths = lengths_of([run])
    found = [
        _step(task, shorter, longer, rungs)
        for task in tasks_of([run])
        for shorter, longer in pairwise(length for length in lengths if (task, length) in rungs)
    ]
    if not found:
        raise UsageError(
            f"{run.info.name}: no task has predictions at two lengths, so that none can be compared"
        )
    return found


def _rungs(run: Run) -> Mapping[tuple[str, str], Rung]:
    rungs: dict[tuple[str, str], Rung] = defaultdict(dict)
    for item in scored_predictions(run):
        rung = rungs[item.task, item.length]
        number = item.prediction.sample_id.rpartition("/")[2]
        rung[int(number) if number.isdigit() else len(rung)] = item
    return rungs


def _step(task: str, shorter: str, longer: str, rungs: Mapping[tuple[str, str], Rung]) -> Step:
    one, other = rungs[task, shorter], rungs[task, longer]
    pairs = [(item, other[index]) for index, item in one.items() if index in other]
    if not pairs or any(_story(before) != _story(after) for before, after in pairs):
        raise UsageError(
            f"{task} at {shorter} and at {longer} tells different stories: losses are counted along ladders "
            "that `babilong generate --paired` made"
        )
    return Step(
        task=task,
        shorter=shorter,
        longer=longer,
        tokens=sum(_tokens(after) - _tokens(before) for before, after in pairs) / len(pairs),
        n=len(pairs),
        right=sum(before.is_correct for before, _ in pairs),
        lost=sum(before.is_correct and not after.is_correct for before, after in pairs),
        regained=sum(after.is_correct and not before.is_correct for before, after in pairs),
    )


def _story(item: ScoredPrediction) -> tuple[str, str]:
    return item.prediction.question, item.prediction.target


def _tokens(item: ScoredPrediction) -> int:
    return item.prediction.n_tokens or 0
