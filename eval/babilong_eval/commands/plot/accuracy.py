"""Figures of accuracy: against length, task, depth and the distance between facts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from babilong_eval.commands.options import Reference, Results, Scorer, ThresholdOption
from babilong_eval.commands.plot.options import Numbers, Out, rows_by_run, write_numbers

UnitOption = Annotated[
    Literal["tokens", "segments"] | None,
    typer.Option(
        help="Count lengths in tokens or in segments.",
        show_default="segments where all lengths are given so, or the reference counts nothing else",
    ),
]


def length(
    results: Results,
    out: Out,
    reference: Reference = None,
    unit: UnitOption = None,
    scorer: Scorer = "official",
) -> None:
    """Draw accuracy against length.

    One run with few tasks takes one panel, with a line per task; otherwise each task has a panel, with a line
    per run, named as its run.json says.

    Example: babilong plot length results/rmt results/mamba --out curve.pdf
    """
    from babilong_eval.figures.accuracy_by_length import accuracy_by_length
    from babilong_eval.figures.reference_curves import read_reference
    from babilong_eval.figures.style import save
    from babilong_eval.results.load import load_runs

    references = read_reference(reference) if reference else []
    save(accuracy_by_length(load_runs(results, scorer), references, unit=unit), out)


def heatmap(results: Results, out: Out, scorer: Scorer = "official") -> None:
    """Draw the accuracy of each task at each length.

    Example: babilong plot heatmap results/rmt --out heatmap.pdf
    """
    from babilong_eval.figures.heatmaps import task_by_length
    from babilong_eval.figures.style import save
    from babilong_eval.results.load import load_runs

    save(task_by_length(load_runs(results, scorer)), out)


def depth(results: Results, out: Out, scorer: Scorer = "official") -> None:
    """Draw accuracy by depth of the supporting facts.

    Depth is where in the input they are, 0 % at its start; each length has a column.

    Example: babilong plot depth results/rmt --out depth.pdf
    """
    from babilong_eval.figures.heatmaps import depth_by_length
    from babilong_eval.figures.style import save
    from babilong_eval.results.load import load_runs

    save(depth_by_length(load_runs(results, scorer)), out)


def leaderboard(results: Results, out: Out, scorer: Scorer = "official") -> None:
    """Draw each model's mean accuracy over tasks at each length.

    A folder of folders counts as all runs below it; `babilong score --table` prints the numbers.

    Example: babilong plot leaderboard babilong_evals/ --out leaderboard.pdf
    """
    from babilong_eval.figures.heatmaps import model_by_length
    from babilong_eval.figures.style import save
    from babilong_eval.results.load import load_runs

    save(model_by_length(load_runs(results, scorer)), out)


def effective(
    results: Results,
    out: Out,
    scorer: Scorer = "official",
    threshold: ThresholdOption = "0.856",
    numbers: Numbers = None,
) -> None:
    """Draw the longest length at which each run's accuracy is above a threshold.

    Example: babilong plot effective results/rmt results/mamba --threshold 0.9x0k --out effective.pdf
    """
    from babilong_eval.analysis.effective_length import effective_lengths, parse_threshold
    from babilong_eval.figures.effective_lengths import draw_effective_lengths
    from babilong_eval.figures.style import save
    from babilong_eval.results.load import load_runs

    above, runs = parse_threshold(threshold), load_runs(results, scorer)
    found = effective_lengths(runs, above)
    write_numbers(numbers, [asdict(one) for one in found])
    save(draw_effective_lengths(runs, found, above), out)


def difference(results: Results, out: Out, scorer: Scorer = "official") -> None:
    """Draw by how much the first run is better than the others.

    All must be over the same data; `babilong compare` prints the numbers.

    Example: babilong plot difference results/rmt results/mamba --out difference.pdf
    """
    from babilong_eval.analysis.compare_runs import compare_runs
    from babilong_eval.figures.differences_by_length import differences_by_length
    from babilong_eval.figures.style import save
    from babilong_eval.results.load import load_runs

    runs = load_runs(results, scorer)
    save(differences_by_length(runs, compare_runs(runs).differences), out)


def gap(results: Results, out: Out, scorer: Scorer = "official", numbers: Numbers = None) -> None:
    """Draw accuracy against the tokens between the facts.

    The dataset that each run was made from must still be there.

    Example: babilong plot gap results/rmt --out gap.pdf --numbers gap.json
    """
    from babilong_eval.analysis.fact_distance import gap_bins
    from babilong_eval.figures.accuracy_by_gap import accuracy_by_gap
    from babilong_eval.figures.style import save
    from babilong_eval.results.load import load_runs

    runs = load_runs(results, scorer)
    measured = {run.info.name: gap_bins(run) for run in runs}
    write_numbers(numbers, rows_by_run(measured))
    save(accuracy_by_gap(runs, measured), out)
