"""One look for all figures: readable in a paper's column, in grey, and without telling red from green."""

from __future__ import annotations

import io
import re
import sys
import warnings
from contextlib import contextmanager
from textwrap import fill
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import style
from matplotlib.ticker import MultipleLocator, PercentFormatter

from babilong_gen.atomic import write_whole
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.proportion import Proportion

INK = "#1b1f24"
MUTED = "#767c85"
FAINT = "#d7dade"
PAPER = "#fefefe"

# Okabe and Ito (2008), "Color universal design", with a khaki for the yellow; neighbours differ in grey too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", INK, "#a08a50")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

WIDTH_INCHES = 6.75
"""The text width of most conference papers; a panel takes all or part of it."""

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
    # names of runs and tasks are plain text, whatever characters they contain
    "text.parse_math": False,
    # type 3 fonts are refused by most submission systems
    "pdf.fonttype": 42,
    # the same figure is the same file
    "svg.hashsalt": "babilong",
}
BARE: Mapping[str, Any] = {"axes.grid": False, "axes.spines.left": False, "axes.spines.bottom": False}
"""Further settings for panels of coloured cells."""

_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
_NO_METADATA: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_PNG_DOTS_PER_INCH = 300

EMPTY_MARK: Mapping[str, Any] = {"markerfacecolor": PAPER}
"""Further settings for a mark that stands for less than the others."""

_TITLE_LETTERS_AN_INCH = 13

_MISSING_GLYPH = re.compile(r"Glyph (\d+) .*missing from font")
_MOST_NAMED = 10

# things in an order have colours in an order, from light to dark
_SHADES, _LIGHTEST = "viridis_r", 0.12


@contextmanager
def look(settings: Mapping[Any, Any] | None = None) -> Iterator[None]:
    """Apply the look to what is drawn inside, and further settings, but none of a user's own."""
    with style.context({**_LOOK, **(settings or {})}, after_reset=True):
        yield


def colour(index: int) -> str:
    """Return the colour of the index-th series."""
    return COLOURS[index % len(COLOURS)]


def line(index: int) -> dict[str, Any]:
    """Return colour and marker of the index-th series; together they stay distinct for 56 of them."""
    return {"color": colour(index), "marker": MARKERS[index % len(MARKERS)]}


def shade(index: int, count: int) -> tuple[float, float, float, float]:
    """Return the colour of the index-th of `count` things that have an order."""
    return mpl.colormaps[_SHADES](_LIGHTEST + (1 - _LIGHTEST) * index / max(count - 1, 1))


def wrapped(title: str, width_inches: float) -> str:
    """Return a panel's title, broken into lines that fit above a panel of about that width."""
    return fill(title, max(1, int(width_inches * _TITLE_LETTERS_AN_INCH)))


def accuracy_axis(axes: Axes) -> None:
    """Let the vertical axis run from 0 to 100 %."""
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("accuracy")
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def draw_proportions(
    axes: Axes, positions: Sequence[float], proportions: Sequence[Proportion], **look: Any
) -> None:
    """Draw proportions and their intervals, joined by a line, at positions from left to right."""
    if proportions:
        values = [proportion.value for proportion in proportions]
        bars = reach(values, [proportion.interval for proportion in proportions])
        axes.errorbar(positions, values, yerr=bars, **look)


def reach(values: Sequence[float], intervals: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Return how far each interval reaches below and above its value, as `errorbar` takes it."""
    pairs = list(zip(values, intervals, strict=True))
    return [[value - low for value, (low, _) in pairs], [high - value for value, (_, high) in pairs]]


def small_print(counts: Iterable[int]) -> str:
    """Return what to write below points that stand for so many answers each."""
    return f"bars: 95 % Wilson intervals, {sample_sizes(counts)} per point"


def sample_sizes(counts: Iterable[int]) -> str:
    """Return `n = 20`, or `n = 20 to 40` for counts that differ."""
    found = sorted(set(counts))
    return f"n = {found[0]:,}" if len(found) == 1 else f"n = {found[0]:,} to {found[-1]:,}"


def form_of(path: Path) -> str:
    """Return `png`, `svg` or `pdf`, the suffix of a path; UsageError for any other."""
    form = path.suffix.lower().removeprefix(".")
    if form not in _METADATA:
        raise UsageError(
            f"{path}: unknown form of figure; use .png, .svg or .pdf (`babilong report` writes .html)"
        )
    return form


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the form that the path's suffix names; say so where the fonts lack characters.

    Raises:
        UsageError: not .png, .svg or .pdf.
        OutputError: the file cannot be written.
    """
    form, image = form_of(path), io.BytesIO()
    with look(), _missing_characters() as missing:
        figure.savefig(image, format=form, dpi=_PNG_DOTS_PER_INCH, metadata=_METADATA[form])
    write_whole(path, image.getvalue())
    if missing:
        named = " ".join(sorted(missing)[:_MOST_NAMED])
        print(f"note: {path}: the fonts here have no {named}, boxes stand for them", file=sys.stderr)


def as_svg(figure: Figure) -> str:
    """Return a figure as an SVG element for an HTML page.

    Text stays text. Ink takes the page's text colour, grid lines its `--faint` and gaps its `--paper`: the
    figure can be read on light pages and on dark ones.
    """
    image = io.StringIO()
    # a browser has fonts of its own
    with look({"svg.fonttype": "none"}), _missing_characters():
        figure.savefig(image, format="svg", transparent=True, metadata=_NO_METADATA)
    element = image.getvalue()
    element = element[element.index("<svg") :].replace(INK, "currentColor")
    return element.replace(FAINT, f"var(--faint, {FAINT})").replace(PAPER, f"var(--paper, {PAPER})")


@contextmanager
def _missing_characters() -> Iterator[set[str]]:
    """Collect the characters that no font has for what is drawn inside, in place of matplotlib's warnings."""
    missing: set[str] = set()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield missing
    for one in caught:
        if glyph := _MISSING_GLYPH.match(str(one.message)):
            missing.add(chr(int(glyph[1])))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
