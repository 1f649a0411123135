"""How many right answers are lost on the way from one length to the next, and how many come back.

In a paired series of lengths the samples of one index have the same story at every length, so an answer that
is right at one length and wrong at the next was lost in what was read between. Accuracy falls by losses less
gains; the rate of losses alone says how fast a memory fades.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from babilong_eval.analysis.proportion import Proportion
from babilong_eval.results.load import lengths_of, scored_predictions, tasks_of
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from babilong_eval.results.load import Run, ScoredPrediction

_ByIndex = dict[int, "ScoredPrediction"]
"""The predictions of a task at a length, by the index of their sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From one length of a series to the next.

    Attributes:
        task: its name.
        shorter: the length that the step begins at.
        longer: the length that it ends at.
        tokens: how many more were read at the longer one, on average.
        n: samples that were answered at both.
        right: how many of these were right at the shorter length.
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
    """Return every step of every task of a run, from short to long.

    Raises:
        UsageError: predictions that do not come from a paired series, or of a single length.
    """
    by_cell = _by_cell(run)
    lengths = lengths_of([run])
    found = [
        _step(task, (shorter, longer), by_cell[task, shorter], by_cell[task, longer])
        for task in tasks_of([run])
        for shorter, longer in pairwise(length for length in lengths if (task, length) in by_cell)
    ]
    if not found:
        raise UsageError(
            f"{run.info.name}: no task has predictions at two lengths, so there is nothing to compare"
        )
    return found


def _by_cell(run: Run) -> Mapping[tuple[str, str], _ByIndex]:
    found: dict[tuple[str, str], _ByIndex] = defaultdict(dict)
    for item in scored_predictions(run):
        of_cell = found[item.task, item.length]
        index = item.prediction.sample_id.rpartition("/")[2]
        of_cell[int(index) if index.isdigit() else len(of_cell)] = item
    return found


def _step(task: str, lengths: tuple[str, str], short: _ByIndex, long: _ByIndex) -> Step:
    shorter, longer = lengths
    pairs = [(item, long[index]) for index, item in short.items() if index in long]
    if not pairs or any(_story(before) != _story(after) for before, after in pairs):
        raise UsageError(
            f"{task} at {shorter} and at {longer} tells different stories: losses are counted in data that "
            "`babilong generate --paired` made"
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
