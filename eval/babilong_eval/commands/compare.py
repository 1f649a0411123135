"""`babilong compare`: which run is better, by how much, and is that noise."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from babilong_eval.commands.options import Results, Scorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from babilong_eval.analysis.compare_runs import Difference


def compare(
    results: Results,
    scorer: Scorer = "official",
    form: Annotated[
        Literal["table", "json"], typer.Option("--format", help="table to read, or json to compute with.")
    ] = "table",
) -> None:
    """Compare runs over the same samples: the first with each of the others.

    Differences are in accuracy, the first run's minus the other's, with Newcombe's 95 % interval for paired
    samples. A difference counts where the exact test, corrected by Holm for all cells, has p < 0.05:
    McNemar's, or the sign-flip test where answers are right in part.

    Example: babilong compare results/rmt results/mamba --format json
    """
    from babilong_eval.analysis.compare_runs import compare_runs, verdicts
    from babilong_eval.results.load import load_runs

    found = compare_runs(load_runs(results, scorer))
    for line in found.left_out:
        typer.echo(f"left out: {line}", err=True)
    for line in found.remarks:
        typer.echo(f"note: {line}", err=True)
    if form == "json":
        print(json.dumps(_rows(found.differences), indent=2, ensure_ascii=False))
        return
    from babilong_eval.commands.tables import print_table

    for pair, differences in _by_pair(found.differences).items():
        a, b = pair
        title = f"a: {a}, b: {b}; accuracy of a minus that of b; scorer {scorer}"
        print_table(title, _as_table(differences))
    for sentence in verdicts(found.differences):
        typer.echo(sentence)


def _rows(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """Return one row per cell, p-values named by their test, and the runs where there are more than two."""
    several = len({one.b for one in differences}) > 1
    left_out = {"test"} if several else {"a", "b", "test"}
    return [
        {
            f"p_{one.test}" if key == "p_value" else key: value
            for key, value in asdict(one).items()
            if key not in left_out
        }
        for one in differences
    ]


def _by_pair(differences: Sequence[Difference]) -> dict[tuple[str, str], list[Difference]]:
    found: dict[tuple[str, str], list[Difference]] = {}
    for one in differences:
        found.setdefault((one.a, one.b), []).append(one)
    return found


def _as_table(differences: Sequence[Difference]) -> Table:
    from rich.table import Table

    from babilong_eval.commands.tables import percent

    table = Table()
    for column in ("task", "length"):
        table.add_column(column, no_wrap=True)
    for column in ("n", "a", "b", "difference", "95 % interval", "only a", "only b", "exact p", "Holm p"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in differences:
        table.add_row(
            one.task,
            one.length,
            str(one.n),
            percent(one.a_correct / one.n),
            percent(one.b_correct / one.n),
            f"{one.difference:+.1%}",
            f"{one.ci_low:+.1%} to {one.ci_high:+.1%}",
            str(one.a_only),
            str(one.b_only),
            _p_value(one.p_value),
            f"{_p_value(one.p_holm)}{' *' if one.is_significant else ''}",
        )
    return table


def _p_value(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
