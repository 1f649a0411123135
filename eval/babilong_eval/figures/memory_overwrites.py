"""What stands in the windows that make a model forget, beside how often it stands anywhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from babilong_eval.analysis.memory_overwrites import words_of
from babilong_eval.analysis.paired_lengths import Proportion
from babilong_eval.figures import style
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.memory_overwrites import Flip, Watched

_MOST_WORDS = 14
_FEWEST_WINDOWS = 2
_ROW_INCHES = 0.22
_LOST, _ANY = style.COLOURS[1], style.COLOURS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sign:
    """Something that stands in windows: in how many of those that lost an answer, and in how many of all."""

    name: str
    lost: Proportion
    all: Proportion


def windows_that_lose(watched: Sequence[Watched]) -> Figure:
    """How many windows that lost a right answer, and how many of all, name a label or hold a word.

    Words are those that losing windows hold more often, the 95 % Wilson interval's lower end included. Of the
    many words of a text a few will do so by chance.

    Raises:
        UsageError: no answer was lost.
    """
    losing = [flip for one in watched for flip in one.flips if flip.lost]
    windows = sum(one.windows for one in watched)
    if not losing:
        raise UsageError(
            f"no answer was lost in {windows:,} windows of {len(watched):,} samples, so there is nothing to "
            "draw: watch longer samples, or more of them"
        )
    signs = [_naming(watched, losing, windows), *_words(watched, losing, windows)]
    with style.look():
        figure = style.new_figure(height_inches=0.7 + _ROW_INCHES * len(signs), width_inches=5.0)
        axes = figure.subplots()
        _draw(axes, signs)
        style.legend(
            figure,
            {
                "of the windows that lost a right answer": Line2D([], [], color=_LOST, marker="o"),
                "of all windows": Line2D([], [], color=_ANY, marker="|", linestyle="none"),
            },
        )
        style.footnote(
            figure, f"bars: 95 % Wilson intervals; {len(losing):,} losing windows of {windows:,} in all"
        )
    return figure


def _naming(watched: Sequence[Watched], losing: Sequence[Flip], windows: int) -> _Sign:
    labels = {word for one in watched for label in one.labels for word in words_of(label)}
    naming = sum(not labels.isdisjoint(words_of(flip.text)) for flip in losing)
    return _Sign(
        name="a label of the task",
        lost=Proportion(count=naming, n=len(losing)),
        all=Proportion(count=sum(one.naming for one in watched), n=windows),
    )


def _words(watched: Sequence[Watched], losing: Sequence[Flip], windows: int) -> list[_Sign]:
    found = Counter(word for flip in losing for word in words_of(flip.text))
    everywhere = Counter[str]()
    for one in watched:
        everywhere.update(one.words)
    signs = [
        _Sign(
            name=word,
            lost=Proportion(count=count, n=len(losing)),
            all=Proportion(count=everywhere[word], n=windows),
        )
        for word, count in found.items()
        if count >= _FEWEST_WINDOWS
    ]
    signs = [sign for sign in signs if sign.lost.interval[0] > sign.all.value]
    signs.sort(key=lambda sign: (-sign.lost.interval[0] / sign.all.value, sign.name))
    return signs[:_MOST_WORDS]


def _draw(axes: Axes, signs: Sequence[_Sign]) -> None:
    rows = range(len(signs))
    shares = [sign.lost for sign in signs]
    axes.errorbar(
        [share.value for share in shares],
        rows,
        xerr=[
            [share.value - share.interval[0] for share in shares],
            [share.interval[1] - share.value for share in shares],
        ],
        color=_LOST,
        marker="o",
        linestyle="none",
        elinewidth=0.9,
        capsize=1.8,
    )
    axes.plot(
        [sign.all.value for sign in signs], rows, color=_ANY, marker="|", markersize=9, linestyle="none"
    )
    axes.set_yticks(rows, [sign.name for sign in signs])
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="x")
    axes.set_title("what the window holds")
