"""What the figures' commands share: the file that they write, and the numbers beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from babilong_gen.user_paths import user_path


def figure_file(text: str) -> Path:
    """Return the file that a user names; UsageError, before anything is drawn, for another suffix."""
    from babilong_eval.figures.style import form_of

    path = user_path(text)
    form_of(path)
    return path


Out = Annotated[Path, typer.Option(parser=figure_file, help="The figure to write: .png, .svg or .pdf.")]
Numbers = Annotated[
    Path | None, typer.Option(parser=user_path, help="Write what is drawn to this .json as well.")
]


def write_numbers(path: Path | None, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as JSON, where a user asked for them."""
    from babilong_gen.atomic import write_whole

    if path is not None:
        write_whole(path, (json.dumps(rows, indent=1, ensure_ascii=False) + "\n").encode())


def rows_by_run(measured: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return what was measured of each run, with its name, as rows to write."""
    return [{"run": run, **asdict(row)} for run, rows in measured.items() for row in rows]
