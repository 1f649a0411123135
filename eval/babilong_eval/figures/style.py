"""One look for all figures: readable in a paper's column, in grey, and without telling red from green."""

from __future__ import annotations

import io
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from babilong_gen.atomic import write_whole
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.artist import Artist

INK = "#1b1f24"
MUTED = "#767c85"
FAINT = "#d7dade"
PAPER = "#fefefe"

# Okabe and Ito (2008), "Color universal design", without black and yellow; neighbours differ in grey too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

WIDTH_INCHES = 6.75
"""The text width of most conference papers; a panel takes the whole or a part of it."""

_LOOK: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.minor.size": 2,
    "xtick.minor.width": 0.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    # names of runs and tasks are text, whatever signs they hold
    "text.parse_math": False,
    # type 3 fonts are refused by most submission systems
    "pdf.fonttype": 42,
    # the same figure is the same file
    "svg.hashsalt": "babilong",
}
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
_NO_METADATA: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_LETTERS_IN_A_ROW = 100
_LEGEND_HANDLE_LETTERS = 7
_LEGEND_ROW_INCHES = 0.175
_PNG_DOTS_PER_INCH = 300


@contextmanager
def look() -> Iterator[None]:
    """The look, for figures that are made and drawn inside."""
    with mpl.rc_context(_LOOK):
        yield


def new_figure(height_inches: float, width_inches: float = WIDTH_INCHES) -> Figure:
    """An empty figure whose panels make room for each other."""
    return Figure(figsize=(width_inches, height_inches), layout="constrained")


def colour(index: int) -> str:
    """The colour of the index-th series."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """The marker of the index-th series; with the colour it stays distinct for 42 of them."""
    return MARKERS[index % len(MARKERS)]


def legend(figure: Figure, entries: Mapping[str, Artist]) -> None:
    """A legend above all panels; the figure grows by its height."""
    # matplotlib leaves out names that start with an underscore
    names = [f"\N{ZERO WIDTH SPACE}{name}" if name.startswith("_") else name for name in entries]
    columns = _legend_columns(names)
    figure.legend(list(entries.values()), names, loc="outside upper left", ncols=columns)
    figure.set_figheight(figure.get_figheight() + _LEGEND_ROW_INCHES * ceil(len(names) / columns))


def _legend_columns(names: Sequence[str]) -> int:
    """All names in one row where they fit, and otherwise in columns as wide as the longest."""
    if sum(len(name) + _LEGEND_HANDLE_LETTERS for name in names) <= _LETTERS_IN_A_ROW:
        return len(names)
    widest = max(map(len, names)) + _LEGEND_HANDLE_LETTERS
    return max(1, min(_LETTERS_IN_A_ROW // widest, len(names)))


def footnote(figure: Figure, text: str) -> None:
    """A line in small print below all panels."""
    figure.supxlabel(text, x=0.99, ha="right", fontsize=6.5, color=MUTED)


def form_of(path: Path) -> str:
    """`png`, `svg` or `pdf`, as the path's suffix says; UsageError for another one."""
    form = path.suffix.lower().removeprefix(".")
    if form not in _METADATA:
        raise UsageError(f"{path}: unknown form of figure; use .png, .svg, .pdf, or .html for the report")
    return form


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the form that the path's suffix says.

    Raises:
        UsageError: not .png, .svg or .pdf.
        OutputError: the file cannot be written.
    """
    form, image = form_of(path), io.BytesIO()
    with look():
        figure.savefig(image, format=form, dpi=_PNG_DOTS_PER_INCH, metadata=_METADATA[form])
    write_whole(path, image.getvalue())


def as_svg(figure: Figure) -> str:
    """A figure as an SVG element to stand in a page.

    Its text stays text. Ink takes the page's text colour, grid lines its `--faint` and gaps its `--paper`, so
    that the figure can be read on a light page and on a dark one.
    """
    image = io.StringIO()
    with look(), mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(image, format="svg", transparent=True, metadata=_NO_METADATA)
    element = image.getvalue()
    element = element[element.index("<svg") :].replace(INK, "currentColor")
    return element.replace(FAINT, f"var(--faint, {FAINT})").replace(PAPER, f"var(--paper, {PAPER})")
