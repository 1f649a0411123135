"""Which of two runs is better, by how much, and whether that is more than chance: cell by cell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from babilong_eval.analysis.paired_samples import JudgedCell, judged_cells, pair, refuse_other_data
from babilong_eval.analysis.paired_tests import holm, mcnemar, newcombe, sign_flip
from babilong_eval.results.load import task_and_length_order
from babilong_eval.results.run_names import prompt_parts, with_merged_prompts
from babilong_gen.counted import counted
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from babilong_eval.analysis.paired_tests import Pairs
    from babilong_eval.results.load import Run

Test = Literal["mcnemar", "sign_flip"]

SIGNIFICANT = 0.05
"""A corrected p-value below it counts as a difference."""

_Cells = dict[tuple[str, str], JudgedCell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two runs in one cell.

    Attributes:
        a, b: the runs' names.
        n: samples that both were asked about.
        a_correct, b_correct: how many of them each answered correctly, or the sum of its shares.
        a_only, b_only: how many one answered better than the other: wins of a, and of b.
        difference: the accuracy of a minus that of b, as a fraction.
        ci_low, ci_high: its 95 % interval, Newcombe's for paired proportions.
        test: which exact test was made: McNemar's, or where answers are right in part the sign-flip test.
        p_value: its p-value.
        p_holm: that p-value, corrected for all cells that were compared.
    """

    a: str
    b: str
    task: str
    length: str
    n: int
    a_correct: float
    b_correct: float
    a_only: int
    b_only: int
    difference: float
    ci_low: float
    ci_high: float
    test: Test
    p_value: float
    p_holm: float

    @property
    def is_significant(self) -> bool:
        """Whether chance alone hardly explains it."""
        return self.p_holm < SIGNIFICANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One or several runs, each compared with the first.

    Attributes:
        differences: in the order of runs, tasks and lengths.
        left_out: what could not be compared, a line each.
        remarks: what the reader of the differences should know, a line each.
    """

    differences: Sequence[Difference]
    left_out: Sequence[str]
    remarks: Sequence[str]


def compare_runs(runs: Sequence[Run]) -> Comparison:
    """Compare the first run with each of the others, over the samples that they share.

    The prompts of a published model count as one run, as long as no two answer the same task and length.
    Holm's correction takes in all cells of all pairs.

    Raises:
        UsageError: fewer than two runs, runs over different data, without predictions, or without a cell that
            two of them share.
        SourceError: a file cannot be read.
    """
    first, *others = with_merged_prompts(runs)
    if not others:
        raise UsageError("one run alone cannot be compared: name at least two results folders")
    cells_of_first = judged_cells(first)
    tables: list[tuple[str, tuple[str, str], Pairs]] = []
    left_out: list[str] = []
    prompts: list[str] = []
    for other in others:
        cells = judged_cells(other)
        shared = _shared(first, other, cells_of_first, cells)
        tables += ((other.info.name, cell, pairs) for cell, pairs in shared.items())
        left_out += _left_out(first, other, cells_of_first, cells, shared)
        prompts += _other_prompts(first, other, cells_of_first, cells, shared)
    if not tables:
        raise UsageError(f"{first.info.name} has no task and length in common with the others")
    tested = [_p_value(pairs) for _, _, pairs in tables]
    rows = zip(tables, tested, holm(tested), strict=True)
    return Comparison(
        differences=[
            _difference(first.info.name, other, cell, pairs, p_value, p_holm)
            for (other, cell, pairs), p_value, p_holm in rows
        ],
        left_out=left_out,
        remarks=[*_remarks(tables), *prompts],
    )


def verdicts(differences: Sequence[Difference]) -> list[str]:
    """Return a sentence for each pair of runs and task: who is better, and at which lengths."""
    of_task: dict[tuple[str, str, str], list[Difference]] = defaultdict(list)
    for found in differences:
        of_task[found.a, found.b, found.task].append(found)
    several = len({found.b for found in differences}) > 1
    return [
        f"{task}, {a} and {b}: {_verdict(found)}" if several else f"{task}: {_verdict(found)}"
        for (a, b, task), found in of_task.items()
    ]


def _verdict(found: Sequence[Difference]) -> str:
    unsure = [one for one in found if not one.is_significant]
    if len(unsure) == len(found):
        reach = max(max(-one.ci_low, one.ci_high) for one in found)
        return f"no difference that these samples show (it could be up to {100 * reach:.1f} points)"
    clauses = [
        f"{name} is better at {_and([_by(one) for one in won])}"
        for name, sign in ((found[0].a, 1), (found[0].b, -1))
        if (won := [one for one in found if one.is_significant and sign * one.difference > 0])
    ]
    if unsure:
        clauses.append(f"no difference that these samples show at {_and([one.length for one in unsure])}")
    return "; ".join(clauses)


def _by(won: Difference) -> str:
    return f"{won.length} (by {100 * abs(won.difference):.1f} points)"


def _and(parts: Sequence[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def _shared(a: Run, b: Run, cells_a: _Cells, cells_b: _Cells) -> dict[tuple[str, str], Pairs]:
    shared = sorted(cells_a.keys() & cells_b.keys(), key=task_and_length_order)
    refuse_other_data(a, b, [cells[at] for cells in (cells_a, cells_b) for at in shared])
    return {at: pair(a, b, _place(at), cells_a[at], cells_b[at]) for at in shared}


def _left_out(
    a: Run, b: Run, cells_a: _Cells, cells_b: _Cells, shared: Mapping[tuple[str, str], Pairs]
) -> Iterator[str]:
    """Yield what two runs do not share, a line each."""
    for at, pairs in shared.items():
        of_a, of_b = len(cells_a[at].shares), len(cells_b[at].shares)
        if pairs.n < max(of_a, of_b):
            yield (
                f"{_place(at)}: only {counted(pairs.n, 'sample')} in common, of {of_a:,} of {a.info.name} "
                f"and {of_b:,} of {b.info.name}"
            )
    for run, other, cells in ((a, b, cells_a), (b, a, cells_b)):
        if alone := sorted(cells.keys() - shared.keys(), key=task_and_length_order):
            asked = _and([_place(at) for at in alone])
            yield f"{run.info.name} was asked about {asked}, and {other.info.name} was not"


def _other_prompts(
    a: Run, b: Run, cells_a: _Cells, cells_b: _Cells, shared: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """Yield where two runs were asked with different prompts, a line for each two prompts."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for at in shared:
        if cells_a[at].config != cells_b[at].config:
            places[cells_a[at].config, cells_b[at].config].append(_place(at))
    for (one, other), found in places.items():
        yield (
            f"different prompts at {_and(found)}: {prompt_parts(one)} for {a.info.name}, "
            f"{prompt_parts(other)} for {b.info.name}"
        )


def _remarks(tables: Iterable[tuple[str, tuple[str, str], Pairs]]) -> Iterator[str]:
    in_part = {task for _, (task, _), pairs in tables if not pairs.is_whole}
    if in_part:
        yield (
            f"{_and(sorted(in_part))}: some answers are right in part, so an accuracy is the mean of the "
            "shares, only a and only b count samples that one answered better, and p is the sign-flip test's"
        )


def _p_value(pairs: Pairs) -> float:
    return mcnemar(pairs.a_only, pairs.b_only) if pairs.is_whole else sign_flip(pairs)


def _place(cell: tuple[str, str]) -> str:
    task, length = cell
    return f"{task} at {length}"


def _difference(
    a: str, b: str, cell: tuple[str, str], pairs: Pairs, p_value: float, p_holm: float
) -> Difference:
    low, high = newcombe(pairs)
    return Difference(
        a=a,
        b=b,
        task=cell[0],
        length=cell[1],
        n=pairs.n,
        a_correct=pairs.a_correct,
        b_correct=pairs.b_correct,
        a_only=pairs.a_only,
        b_only=pairs.b_only,
        difference=pairs.difference,
        ci_low=low,
        ci_high=high,
        test="mcnemar" if pairs.is_whole else "sign_flip",
        p_value=p_value,
        p_holm=p_holm,
    )
