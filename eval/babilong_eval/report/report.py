"""One page about one or several runs: a summary, figures, scores, failures, and the facts of each run.

The page is a single file that loads nothing from the network. What a model wrote is text in it, never markup:
the template escapes every value, and the page's own policy forbids every script but the one that sorts
tables, which it names by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from babilong_eval.analysis.effective_length import ALL_TASKS, Threshold, effective_lengths, remarks
from babilong_eval.figures import style
from babilong_eval.figures.accuracy_by_length import accuracy_by_length
from babilong_eval.figures.effective_lengths import draw_effective_lengths
from babilong_eval.figures.heatmaps import depth_by_length, has_depths, task_by_length
from babilong_eval.figures.memory_and_time import has_costs, memory_and_time
from babilong_eval.results.load import ScoredPrediction, lengths_of, scored_predictions, tasks_of
from babilong_eval.results.printable import visible
from babilong_gen.atomic import write_whole
from babilong_gen.lengths import length_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from babilong_eval.analysis.effective_length import EffectiveLength
    from babilong_eval.figures.reference_curves import ReferenceCurve
    from babilong_eval.results.load import Run
    from babilong_eval.results.records import Cell, RunInfo

_MOST_NAMED_IN_A_TITLE = 2
_MOST_FAILURES_OF_A_TASK = 3
_MOST_FAILURES = 24
_LONGEST_TEXT = 700
_MOST_SEGMENTS = 10**10
_WHAT_DEPTH_IS = (
    "Depth is where the supporting facts lie on average: 0 % is the start of the input. Each sample counts "
    "in the nearest row. Per cent right; below it the 95 % Wilson interval."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    """A figure on the page; folded, if there are many, until it is opened."""

    title: str
    caption: str
    svg: Markup
    folded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunSection:
    """What the page says about one run.

    Attributes:
        tasks: those with a cell; the table names the first of each as a place to link to.
    """

    name: str
    tasks: Sequence[str]
    facts: Sequence[tuple[str, str]]
    cells: Sequence[Cell]
    errors: Sequence[tuple[str, int]]
    failures: Sequence[ScoredPrediction]


def write_report(runs: Sequence[Run], path: Path, references: Sequence[ReferenceCurve] = ()) -> None:
    """Write the report of some runs as one HTML file.

    Raises:
        UsageError: the runs' lengths cannot share a figure.
        OutputError: the file cannot be written.
    """
    template = files("babilong_eval.report").joinpath("report.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(percent=_percent, excerpt=_excerpt, mebibytes=_mebibytes, sort_key=_sort_key)
    sorting = files("babilong_eval.report").joinpath("sort_tables.js").read_text(encoding="utf-8")
    threshold = Threshold()
    lengths = effective_lengths(runs, threshold)
    page = environment.from_string(template).render(
        title=_title(runs),
        scorer=runs[0].scorer,
        threshold=str(threshold),
        sorting=Markup(sorting),
        sorting_hash=base64.b64encode(hashlib.sha256(sorting.encode()).digest()).decode(),
        summary=_summary(lengths),
        effective=lengths,
        remarks=remarks(runs),
        all_tasks=ALL_TASKS,
        drawings=list(_drawings(runs, references)),
        sections=[_section(run) for run in runs],
    )
    write_whole(path, page.encode("utf-8", errors="replace"))


def hardest_failures(
    predictions: Iterable[ScoredPrediction], cells: Sequence[Cell]
) -> list[ScoredPrediction]:
    """Return the wrong answers that stand out: those in the cells where most others were right.

    There are at most three per task, in the order of the cells. Samples that failed are not among them.
    """
    accuracy = {(cell.task, cell.length): cell.accuracy for cell in cells}
    order = {(cell.task, cell.length): index for index, cell in enumerate(cells)}
    wrong = [item for item in predictions if not item.is_correct and not item.prediction.error]
    wrong.sort(key=lambda item: (-accuracy[item.task, item.length], order[item.task, item.length]))
    chosen: list[ScoredPrediction] = []
    of_task: Counter[str] = Counter()
    for item in wrong:
        if of_task[item.task] < _MOST_FAILURES_OF_A_TASK:
            of_task[item.task] += 1
            chosen.append(item)
    return sorted(chosen[:_MOST_FAILURES], key=lambda item: order[item.task, item.length])


def _title(runs: Sequence[Run]) -> str:
    """Return the names of a few runs, or how many there are."""
    if len(runs) <= _MOST_NAMED_IN_A_TITLE:
        return ", ".join(run.info.name for run in runs)
    return f"{len(runs)} runs"


def _summary(lengths: Sequence[EffectiveLength]) -> list[EffectiveLength]:
    """Return one line per run: the mean over its tasks, or its only task."""
    return list({one.run: one for one in lengths}.values())


def _drawings(runs: Sequence[Run], references: Sequence[ReferenceCurve]) -> Iterable[_Drawing]:
    yield _drawing(
        accuracy_by_length(runs, references),
        "Accuracy against length",
        "Bars are 95 % Wilson intervals. The dotted line is what guessing among a task's labels would score.",
    )
    if any(len(lengths_of([run])) > 1 for run in runs):
        lengths = effective_lengths(runs, Threshold())
        yield _drawing(
            draw_effective_lengths(runs, lengths, Threshold()),
            "Effective length",
            f"The longest length with an accuracy above {Threshold()}, RULER's threshold.",
        )
        yield _drawing(
            task_by_length(runs), "Task × length", "Per cent right; below it the 95 % Wilson interval."
        )
    if has_costs(runs):
        yield _drawing(
            memory_and_time(runs), "Memory and time", "Over all tasks: the highest peak, the mean time."
        )
    for run in runs:
        if has_depths([run]):
            title = f"Depth × length: {run.info.name}"
            yield _drawing(depth_by_length([run]), title, _WHAT_DEPTH_IS, folded=len(runs) > 1)


def _drawing(figure: Figure, title: str, caption: str, *, folded: bool = False) -> _Drawing:
    # matplotlib escapes the names that it writes into the SVG
    return _Drawing(title=title, caption=caption, svg=Markup(style.as_svg(figure)), folded=folded)


def _section(run: Run) -> _RunSection:
    predictions = list(scored_predictions(run))
    errors = Counter(item.prediction.error for item in predictions if item.prediction.error)
    return _RunSection(
        name=run.info.name,
        tasks=tasks_of([run]),
        facts=list(_facts(run.info)),
        cells=run.cells,
        errors=errors.most_common(),
        failures=hardest_failures(predictions, run.cells),
    )


def _facts(info: RunInfo) -> Iterable[tuple[str, str]]:
    for spec in fields(info):
        value: Any = getattr(info, spec.name)
        if spec.name != "name" and value not in (None, "", {}):
            yield spec.name.replace("_", " "), _as_text(value)


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_as_text(part)}" for key, part in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _percent(proportion: float) -> str:
    return f"{100 * proportion:.1f} %"


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _sort_key(length: str | None) -> Markup:
    """Return the attribute by which the page's script sorts a length: after its size, not its name."""
    if length is None:
        return Markup(' data-key="-1"')
    in_tokens, size = length_order(length)
    # segments stand before tokens, as everywhere; no number of segments is as large as that
    return Markup(' data-key="{}"').format(size + in_tokens * _MOST_SEGMENTS)


def _excerpt(text: str) -> str:
    """Return a text for the page: not too long, with its control characters made visible."""
    shown = visible(text[:_LONGEST_TEXT])
    left_out = len(text) - _LONGEST_TEXT
    return f"{shown} … ({left_out:,} characters more)" if left_out > 0 else shown
