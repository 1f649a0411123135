"""Accuracy by how far apart the facts lie: those that the answer needs or, where one is enough, all of them.

Predictions do not say where each fact was, so the dataset that they were made from is read again for it,
without its texts.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from operator import itemgetter
from statistics import median
from typing import TYPE_CHECKING

from babilong_eval.analysis.proportion import Proportion
from babilong_eval.data.dataset import open_dataset
from babilong_eval.data.row_readers import read_rows
from babilong_eval.results.load import scored_predictions
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from babilong_eval.data.dataset import Dataset
    from babilong_eval.results.load import Run

_BINS = 4
_FEWEST_IN_A_BIN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class GapBin:
    """Samples of a task and length whose facts lie about as far apart.

    Attributes:
        task: its name.
        length: as in `4k`.
        tokens: between the first and the last fact, the median of the bin.
        right: how many answers are right.
    """

    task: str
    length: str
    tokens: float
    right: Proportion


def gap_bins(run: Run) -> list[GapBin]:
    """Return each task and length in up to four bins of about equally many samples, from near to far.

    Samples with a single fact have no gap and are left out.

    Raises:
        SourceError: the run's dataset is gone, or has changed.
        UsageError: no sample has two facts.
    """
    dataset = open_dataset(run.info.data)
    if run.info.data_fingerprint and dataset.fingerprint != run.info.data_fingerprint:
        raise SourceError(
            f"{run.info.data}: not the data of {run.info.name} any more; its fingerprint differs"
        )
    shares: dict[tuple[str, str], list[float]] = {}
    for item in scored_predictions(run):
        shares.setdefault((item.task, item.length), []).append(item.share)
    bins = [
        found
        for (task, length), correct in shares.items()
        for found in _binned(task, length, list(_gaps(dataset, task, length)), correct)
    ]
    if not bins:
        raise UsageError(f"{run.info.name}: no sample has two facts, so there are no gaps between facts")
    return bins


def _binned(task: str, length: str, gaps: Sequence[int | None], correct: Sequence[float]) -> Iterator[GapBin]:
    # predictions are of the first samples, in order
    known = [(gap, right) for gap, right in zip(gaps, correct, strict=False) if gap is not None]
    ordered = sorted(gap for gap, _ in known)
    bins = max(1, min(_BINS, len(known) // _FEWEST_IN_A_BIN))
    parts: dict[int, list[tuple[int, float]]] = {}
    for gap, right in sorted(known, key=itemgetter(0)):
        # by the rank of the first sample with that gap: equal gaps stay together
        parts.setdefault(bisect_left(ordered, gap) * bins // len(known), []).append((gap, right))
    for part in parts.values():
        right = Proportion(count=sum(right for _, right in part), n=len(part))
        yield GapBin(task=task, length=length, tokens=median(gap for gap, _ in part), right=right)


def _gaps(dataset: Dataset, task: str, length: str) -> Iterator[int | None]:
    """Yield each sample's tokens between its first and its last fact; None for fewer than two facts."""
    for name in dataset.files[task, length]:
        for row in read_rows(dataset.fetch(name), ["facts"]):
            facts = row.get("facts") or ()
            needed = [fact for fact in facts if fact.get("supporting")]
            yield _gap(needed if len(needed) > 1 else facts)


def _gap(facts: Sequence[Mapping[str, Any]]) -> int | None:
    return max(0, facts[-1]["token_start"] - facts[0]["token_end"]) if len(facts) > 1 else None
