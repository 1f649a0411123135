"""Published curves to draw beside ours."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from babilong_gen.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.figures.length_axis import Unit

_REQUIRED = ("task", "evaluated_segments", "accuracy_percent")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCurve:
    """One published curve.

    Attributes:
        task: its task.
        name: for the legend.
        segments: lengths in segments, ascending.
        tokens: the same lengths in tokens; empty if the source does not say.
        accuracies: from 0 to 1, one per length.
    """

    task: str
    name: str
    segments: tuple[float, ...]
    tokens: tuple[float, ...]
    accuracies: tuple[float, ...]

    def lengths(self, unit: Unit) -> tuple[float, ...]:
        """Return the lengths in a unit; empty if they are not known in it."""
        return self.segments if unit == "segments" else self.tokens


def read_reference(path: Path) -> list[ReferenceCurve]:
    """Read curves from CSV: `task,evaluated_segments,accuracy_percent`.

    The columns `tokens` (the same length in tokens) and `trained_segments` (a curve for each) are optional.
    A curve is named after the file, with spaces for underscores.

    Raises:
        SourceError: the file is missing or empty, lacks those columns, or has text in place of a number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read as a reference curve ({error})") from error
    if not rows or not set(_REQUIRED) <= rows[0].keys():
        raise SourceError(
            f"{path}: expected a CSV with the columns {','.join(_REQUIRED)} and at least one row"
        )
    groups: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        groups[row["task"], row.get("trained_segments", "")].append(row)
    try:
        return [_curve(task, _name(path, trained), points) for (task, trained), points in groups.items()]
    except (TypeError, ValueError) as error:
        raise SourceError(f"{path}: not a number in a reference curve ({error})") from error


def _name(path: Path, trained_segments: str) -> str:
    name = f"reference: {path.stem.replace('_', ' ')}"
    return f"{name}, trained on {trained_segments}" if trained_segments else name


def _curve(task: str, name: str, rows: list[dict[str, str]]) -> ReferenceCurve:
    ordered = sorted(rows, key=lambda row: float(row["evaluated_segments"]))
    return ReferenceCurve(
        task=task,
        name=name,
        segments=tuple(float(row["evaluated_segments"]) for row in ordered),
        tokens=tuple(float(row["tokens"]) for row in ordered) if "tokens" in ordered[0] else (),
        accuracies=tuple(float(row["accuracy_percent"]) / 100 for row in ordered),
    )
