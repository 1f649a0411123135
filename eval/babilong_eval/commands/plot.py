"""`babilong plot`: figures and the report of one or several runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from babilong_eval.scoring.score import ScorerName
from babilong_gen.errors import UsageError

Kind = Literal["length", "heatmap", "depth", "memory"]


def plot(
    results: Annotated[
        list[Path],
        typer.Argument(help="Results folders of `babilong evaluate`, or folders of published predictions."),
    ],
    out: Annotated[
        Path, typer.Option(help="A figure as .png, .svg or .pdf; or all of them in a report, .html.")
    ],
    kind: Annotated[
        Kind,
        typer.Option(
            help="length: accuracy against length; heatmap: task × length; depth: facts' depth × length; "
            "memory: peak memory and time against length."
        ),
    ] = "length",
    reference: Annotated[
        Path | None,
        typer.Option(help="CSV of published curves to draw too: task,evaluated_segments,accuracy_percent."),
    ] = None,
    scorer: Annotated[
        ScorerName, typer.Option(help="The rule by which answers count as right: see `babilong score`.")
    ] = "official",
) -> None:
    """Draw a figure of one or several runs, or write their report.

    Every accuracy is shown with its 95 % Wilson interval. Each run is named as its run.json says.

    Example: babilong plot results/rmt results/mamba --out curve.pdf --kind length
    """
    from babilong_eval.figures.reference import read_reference
    from babilong_eval.runs import load_runs

    references = read_reference(reference) if reference else []
    if references and kind != "length":
        raise UsageError("--reference is a curve of accuracy against length: use it with --kind length")
    runs = load_runs(results, scorer)
    if out.suffix.lower() == ".html":
        from babilong_eval.report import write_report

        write_report(runs, out, references)
        return

    from babilong_eval.figures import cost, curves, grids, style

    # fails before drawing where the suffix is not one of a figure
    style.form_of(out)
    draw = {
        "length": lambda: curves.accuracy_by_length(runs, references),
        "heatmap": lambda: grids.task_by_length(runs),
        "depth": lambda: grids.depth_by_length(runs),
        "memory": lambda: cost.memory_and_time(runs),
    }
    style.save(draw[kind](), out)
