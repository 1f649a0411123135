"""Tables, whole wherever they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

_WIDE_ENOUGH = 10_000


def print_table(title: str, table: Table) -> None:
    """Print a table below its title; no line of it is wrapped or cut, however narrow the terminal."""
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        needed = console.measure(table, options=console.options.update(width=_WIDE_ENOUGH)).maximum
        console.width = max(console.width, needed)
    else:
        console.width = _WIDE_ENOUGH
    console.print(title, markup=False, highlight=False)
    console.print(table)


def percent(proportion: float) -> str:
    """Return a proportion as a table shows it."""
    return f"{proportion:.1%}"


def interval(low: float, high: float) -> str:
    """Return the bounds of a proportion's interval."""
    return f"{low:.1%} – {high:.1%}"
