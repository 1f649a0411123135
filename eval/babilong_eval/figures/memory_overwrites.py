"""What the windows that make a model forget have in common, beside how common it is in all windows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from babilong_eval.analysis.memory_overwrites import words_of
from babilong_eval.analysis.proportion import Proportion
from babilong_eval.figures import style
from babilong_eval.figures.intervals import reach
from babilong_eval.figures.sheet import sheet
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.memory_overwrites import Flip, Watched
    from babilong_eval.figures.sheet import GivenAxes

_MOST_WORDS = 14
_FEWEST_WINDOWS = 2
_ROW_INCHES = 0.22
_LOST, _ANY = style.COLOURS[1], style.COLOURS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Feature:
    """Something that windows contain.

    Attributes:
        name: what to call it in the figure.
        lost: how many of the windows that lost an answer contain it.
        all: how many of all windows contain it.
    """

    name: str
    lost: Proportion
    all: Proportion


def memory_overwrites(watched: Sequence[Watched], *, ax: GivenAxes | None = None) -> Figure:
    """Draw how many windows that lost a right answer, and how many of all, name a label or contain a word.

    The words are those that losing windows contain more often, judged by the lower end of the 95 % Wilson
    interval. Of the many words of a text a few will do so by chance.

    Args:
        ax: axes to draw on; None makes a figure.

    Raises:
        UsageError: no answer was lost, or several axes were given.
    """
    losing = [flip for one in watched for flip in one.flips if flip.lost]
    windows = sum(one.windows for one in watched)
    if not losing:
        raise UsageError(
            f"no answer was lost in {windows:,} windows of {len(watched):,} samples, so there is nothing to "
            "draw: watch longer samples, or more of them"
        )
    features = [_naming(watched, losing, windows), *_words(watched, losing, windows)]
    height = 0.7 + _ROW_INCHES * len(features)
    with sheet(ax=ax, height_inches=height, width_inches=5.0) as drawn:
        _draw(drawn.panels[0], features)
        drawn.legend(
            {
                "of the windows that lost a right answer": Line2D([], [], color=_LOST, marker="o"),
                "of all windows": Line2D([], [], color=_ANY, marker="|", linestyle="none"),
            }
        )
        drawn.footnote(f"bars: 95 % Wilson intervals; {len(losing):,} losing windows of {windows:,} in all")
    return drawn.figure


def _naming(watched: Sequence[Watched], losing: Sequence[Flip], windows: int) -> _Feature:
    labels = {word for one in watched for label in one.labels for word in words_of(label)}
    naming = sum(not labels.isdisjoint(words_of(flip.text)) for flip in losing)
    return _Feature(
        name="a label of the task",
        lost=Proportion(count=naming, n=len(losing)),
        all=Proportion(count=sum(one.naming for one in watched), n=windows),
    )


def _words(watched: Sequence[Watched], losing: Sequence[Flip], windows: int) -> list[_Feature]:
    found = Counter(word for flip in losing for word in words_of(flip.text))
    everywhere = Counter[str]()
    for one in watched:
        everywhere.update(one.words)
    features = [
        _Feature(
            name=word,
            lost=Proportion(count=count, n=len(losing)),
            all=Proportion(count=everywhere[word], n=windows),
        )
        for word, count in found.items()
        if count >= _FEWEST_WINDOWS
    ]
    features = [feature for feature in features if feature.lost.interval[0] > feature.all.value]
    features.sort(key=lambda feature: (-feature.lost.interval[0] / feature.all.value, feature.name))
    return features[:_MOST_WORDS]


def _draw(axes: Axes, features: Sequence[_Feature]) -> None:
    rows = range(len(features))
    values = [feature.lost.value for feature in features]
    axes.errorbar(
        values,
        rows,
        xerr=reach(values, [feature.lost.interval for feature in features]),
        color=_LOST,
        marker="o",
        linestyle="none",
        elinewidth=0.9,
        capsize=1.8,
    )
    every = [feature.all.value for feature in features]
    axes.plot(every, rows, color=_ANY, marker="|", markersize=9, linestyle="none")
    axes.set_yticks(rows, [feature.name for feature in features])
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="x")
    axes.set_title("what the window holds")
