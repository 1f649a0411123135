"""Tables on a terminal, and whole wherever else they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

_WIDE_ENOUGH = 10_000


def print_table(title: str, table: Table) -> None:
    """Print a table below its title; in a file or a pipe no line of it is wrapped or cut."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = _WIDE_ENOUGH
    console.print(title, markup=False, highlight=False)
    console.print(table)


def percent(proportion: float) -> str:
    """Return a proportion as a table shows it."""
    return f"{proportion:.1%}"


def interval(low: float, high: float) -> str:
    """Return the bounds of a proportion's interval."""
    return f"{low:.1%} – {high:.1%}"
