"""What a figure is drawn on: a figure made for it, or axes that a caller already has.

Every function of this room that draws takes `ax` and returns the figure. Without `ax` it makes a figure, with
legend and small print. With it, it draws on a caller's axes, one per panel, and changes nothing else:

    figure, ax = plt.subplots()
    accuracy_by_length(load_runs([Path("results/mine")], "official"), ax=ax)

matplotlib's settings are those of `style` while something is drawn, and the caller's own again afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from babilong_eval.figures import style
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.artist import Artist
    from matplotlib.cm import ScalarMappable

GivenAxes = Axes | Sequence[Axes] | np.ndarray
"""One axes, or as many as a figure has panels, as `plt.subplots` returns them."""

_LETTERS_IN_A_ROW = 100
_LONGEST_LEGEND_LINE = 80
_SMALL_LETTERS_AN_INCH = 19
_SMALL_LINE_INCHES = 0.11
_LEGEND_HANDLE_LETTERS = 7
_LEGEND_ROW_INCHES = 0.175


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The panels of one drawing.

    Attributes:
        figure: the figure that holds them.
        panels: in reading order.
        columns: how many stand side by side.
        panel_inches: about the width of each.
        own: whether the figure was made for this drawing.
    """

    figure: Figure
    panels: Sequence[Axes]
    columns: int
    panel_inches: float
    own: bool

    def legend(self, entries: Mapping[str, Artist]) -> None:
        """Put a legend above all panels, so that the figure grows, or into the last of a caller's axes."""
        # matplotlib leaves out names that start with an underscore
        names = [
            fill(f"\N{ZERO WIDTH SPACE}{name}" if name.startswith("_") else name, _LONGEST_LEGEND_LINE)
            for name in entries
        ]
        if not self.own:
            self.panels[-1].legend(list(entries.values()), names)
            return
        columns = _legend_columns(names)
        self.figure.legend(list(entries.values()), names, loc="outside upper left", ncols=columns)
        wrapped = sum(name.count("\n") for name in names)
        rows = ceil(len(names) / columns) + wrapped
        self.figure.set_figheight(self.figure.get_figheight() + _LEGEND_ROW_INCHES * rows)

    def heading(self, text: str) -> None:
        """Write a line above all panels of a figure of our own."""
        if self.own:
            self.figure.suptitle(text, x=0.01, ha="left", fontsize=9.5)

    def footnote(self, text: str, warning: str = "") -> None:
        """Write small print below all panels of a figure of our own; a warning stands above it, in ink."""
        if self.own:
            letters = int(_SMALL_LETTERS_AN_INCH * self.figure.get_figwidth())
            lines = [*wrap(warning, letters), *wrap(text, letters)]
            colour = style.INK if warning else style.MUTED
            self.figure.supxlabel("\n".join(lines), x=0.99, ha="right", fontsize=6.5, color=colour)
            self.figure.set_figheight(self.figure.get_figheight() + _SMALL_LINE_INCHES * (len(lines) - 1))

    def colour_bar(self, scale: ScalarMappable, *, inches: float, below: bool = False) -> None:
        """Put a scale in per cent, at most so many inches long, to the right of all panels or below them."""
        along = self.figure.get_figwidth() if below else self.figure.get_figheight()
        shrink = min(1.0, inches / along) if self.own else 1.0
        where = "bottom" if below else "right"
        bar = self.figure.colorbar(
            scale,
            ax=list(self.panels),
            shrink=shrink,
            location=where,
            aspect=18,
            pad=0.01,
            format=PercentFormatter(1.0),
        )
        bar.ax.spines[:].set_visible(False)

    def label_outer(self) -> None:
        """Label the axes of a figure of our own only where no panel is to the left or below."""
        for index, axes in enumerate(self.panels if self.own else ()):
            label = axes.get_xlabel()
            axes.label_outer()
            if index + self.columns >= len(self.panels):
                # matplotlib counts a panel that was removed as one that is there
                axes.tick_params(labelbottom=True)
                axes.set_xlabel(label)


@contextmanager
def sheet(
    panels: int = 1,
    *,
    ax: GivenAxes | None,
    height_inches: float,
    width_inches: float = style.WIDTH_INCHES,
    columns: int = 1,
    settings: Mapping[str, Any] | None = None,
    **grid: Any,
) -> Iterator[Sheet]:
    """Yield the panels of a drawing, and draw in the project's look while they are in use.

    Args:
        panels: how many are needed.
        ax: a caller's axes; None makes a figure.
        columns: how many panels of a new figure stand side by side, at most.
        settings: of matplotlib's, beside those of the look.
        grid: what `Figure.subplots` is told about a new figure's panels.

    Raises:
        UsageError: another number of axes than of panels was given.
    """
    with style.look(settings):
        if ax is not None:
            yield _given([ax] if isinstance(ax, Axes) else list(np.ravel(np.asarray(ax))), panels)
            return
        columns = min(panels, columns)
        # the layout lets panels make room for each other
        figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
        cells = list(figure.subplots(ceil(panels / columns), columns, squeeze=False, **grid).flat)
        for unused in cells[panels:]:
            unused.remove()
        width = width_inches / columns
        yield Sheet(figure=figure, panels=cells[:panels], columns=columns, panel_inches=width, own=True)


def _given(axes: Sequence[Axes], panels: int) -> Sheet:
    if len(axes) != panels:
        raise UsageError(
            f"this figure has {panels} panels, but {len(axes)} axes were given: give one per panel, or draw "
            "fewer runs or tasks"
        )
    holder: Any = axes[0].figure
    width = axes[0].get_window_extent().width / holder.dpi
    # the figure of a subfigure is the outermost one
    return Sheet(figure=holder.figure, panels=axes, columns=panels, panel_inches=width, own=False)


def _legend_columns(names: Sequence[str]) -> int:
    """Return how many columns a legend has: one row where all fit, else columns as wide as the longest."""
    widths = [max(map(len, name.split("\n"))) + _LEGEND_HANDLE_LETTERS for name in names]
    if sum(widths) <= _LETTERS_IN_A_ROW:
        return len(names)
    widest = max(widths)
    return max(1, min(_LETTERS_IN_A_ROW // widest, len(names)))
