"""`babilong sweep`: models × datasets × lengths, from one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from babilong_eval.commands.options import Scorer
from babilong_gen.commands.app import USER_ERROR
from babilong_gen.errors import BabilongError
from babilong_gen.redaction import redacted
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from babilong_eval.evaluation.config import EvaluationConfig

REPORT = "report.html"


def sweep(
    file: Annotated[Path, typer.Argument(parser=user_path, help="YAML; docs/sweeps.md lists its keys.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what is done and what is left, and ask nothing.")
    ] = False,
    scorer: Scorer = "official",
) -> None:
    """Evaluate every model of a file on each of its datasets, and write one report.

    Give the same command again to continue a sweep that was killed or interrupted. A run that fails is named,
    and the others go on.

    Example: babilong sweep sweep.yaml --dry-run
    """
    # as in `babilong evaluate`
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from babilong_eval.commands.tables import print_table
    from babilong_eval.sweep import read_sweep, runs_of

    asked = read_sweep(file)
    runs = runs_of(asked)
    if dry_run:
        print_table(f"{file}: {len(runs)} runs", _as_table(runs))
        return
    failed = [config for config in runs if not _succeeds(config)]
    done = [Path(config.out) for config in runs if config not in failed]
    if done:
        from babilong_eval.report.report import write_report
        from babilong_eval.results.load import load_runs

        report = user_path(asked.out) / REPORT
        write_report(load_runs(done, scorer), report)
        typer.echo(f"{report}: {len(done)} of {len(runs)} runs")
    if failed:
        raise typer.Exit(USER_ERROR)


def _succeeds(config: EvaluationConfig) -> bool:
    """Run one evaluation; say in a line why it failed, if it did."""
    from babilong_eval.evaluation.evaluate import evaluate
    from babilong_eval.evaluation.progress import ProgressBar

    typer.echo(f"{config.name}: {config.out}", err=True)
    try:
        with ProgressBar() as progress:
            evaluate(config, on_start=progress.start, on_result=progress.advance)
    except BabilongError as error:
        typer.echo(f"babilong: {config.name}: {redacted(' '.join(str(error).split()))}", err=True)
        return False
    for reason, count in progress.failures.most_common(3):
        typer.echo(f"failed: {count} samples, {reason}; the same command asks them again", err=True)
    return True


def _as_table(runs: Sequence[EvaluationConfig]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    from babilong_eval.sweep import progress_of

    table = Table()
    for column in ("run", "data", "folder"):
        table.add_column(column, overflow="fold")
    for column in ("done", "left"):
        table.add_column(column, justify="right", no_wrap=True)
    for config in runs:
        found = progress_of(config)
        names = (escape(redacted(str(name))) for name in (config.name, config.data, config.out))
        table.add_row(*names, f"{found.done:,}", f"{found.total - found.done:,}")
    return table
