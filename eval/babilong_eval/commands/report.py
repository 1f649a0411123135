"""`babilong report`: all of a study on one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from babilong_eval.commands.options import Reference, Results, Scorer
from babilong_gen.errors import UsageError
from babilong_gen.user_paths import user_path


def _page(text: str) -> Path:
    path = user_path(text)
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{path}: a report is an HTML page; write --out REPORT.html")
    return path


def report(
    results: Results,
    out: Annotated[Path, typer.Option(parser=_page, help="The page to write: .html.")],
    reference: Reference = None,
    scorer: Scorer = "official",
) -> None:
    """Write figures, scores and failures to one HTML page.

    The page is a single file that loads nothing from the network.

    Example: babilong report results/rmt results/mamba --out report.html
    """
    from babilong_eval.figures.reference_curves import read_reference
    from babilong_eval.report.report import write_report
    from babilong_eval.results.load import load_runs

    references = read_reference(reference) if reference else []
    write_report(load_runs(results, scorer), out, references)
