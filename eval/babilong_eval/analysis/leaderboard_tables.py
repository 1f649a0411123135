"""A leaderboard as text for a paper: Markdown, LaTeX without packages, or plain CSV."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from babilong_gen.lengths import length_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from babilong_eval.analysis.averages import TaskMean
    from babilong_eval.analysis.leaderboard import Row

_LATEX_SIGNS = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        # the usual fonts have other characters in these places
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"{\ttfamily\char34}",
        "`": r"\`{}",
        # the end of the row above would take these for its own
        "[": "{[}",
        "*": "{*}",
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    }
)
# joined, two of them are a longer dash
_JOINED_HYPHEN = re.compile("-(?=-)")
_PDFLATEX_HAS = re.compile("[\\u0000-\\u017f–—‘’“”…•]")
# an underscore inside a word is no sign, and stays as it is
_MARKDOWN_SIGNS = re.compile(r"[\\`*\[\]<~|$]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
_MEANS = ("mean", "wAvg (inc)", "wAvg (dec)")


def lengths_in(rows: Sequence[Row]) -> list[str]:
    """Return all lengths of a leaderboard from short to long."""
    return sorted({length for row in rows for length in row.means}, key=length_order)


def as_csv(rows: Sequence[Row]) -> str:
    """Return `model,0k,1k,…,mean`, in per cent with one decimal; empty where nothing was measured."""
    lengths, text = lengths_in(rows), io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", *lengths, "mean"])
    for row in rows:
        means = [row.means.get(length) for length in lengths]
        writer.writerow(
            [row.model, *("" if mean is None else _percent(mean.value) for mean in means), _percent(row.mean)]
        )
    return text.getvalue()


def as_markdown(rows: Sequence[Row]) -> str:
    """Return a table with intervals, the best of each column in bold."""
    body = _body(rows, _markdown_cell, lambda text: f"**{text}**")
    lines = [["model", *lengths_in(rows), *_MEANS], *([_in_markdown(name), *cells] for name, cells in body)]
    lines.insert(1, ["---", *["---:"] * (len(lines[0]) - 1)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_latex(rows: Sequence[Row]) -> str:
    """Return a `tabular` with intervals below the numbers, the best of each column in bold.

    It needs no package, and is set small enough that six lengths fit the width of an `article`.
    """
    body = _body(rows, _latex_cell, lambda text: rf"\textbf{{{text}}}")
    columns = [*lengths_in(rows), *_MEANS]
    return "\n".join(
        [
            r"% mean accuracy over tasks in per cent, with its 95 % interval",
            r"\begingroup\scriptsize\setlength{\tabcolsep}{1.5pt}",
            rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
            r"\hline",
            _latex_line(["model", *map(_latex_heading, columns)]),
            r"\hline",
            *(_latex_line([_in_latex(name), *cells]) for name, cells in body),
            r"\hline",
            r"\end{tabular}\endgroup",
            "",
        ]
    )


def remarks_on_latex(rows: Sequence[Row]) -> list[str]:
    """Return what a reader of the LaTeX must know: which characters `pdflatex` refuses."""
    if refused := sorted({sign for row in rows for sign in _PDFLATEX_HAS.sub("", row.model)}):
        return [
            f"pdflatex may refuse {' '.join(refused)} in names of models: compile with lualatex or xelatex "
            "and a font that has them, or rename the models"
        ]
    return []


def _body(
    rows: Sequence[Row], cell: Callable[[str, TaskMean], str], bold: Callable[[str], str]
) -> list[tuple[str, list[str]]]:
    """Return each row's name and cells; of rows that round to the same number in a column all are best."""
    lengths = lengths_in(rows)
    best = {length: max(row.means[length].value for row in rows if length in row.means) for length in lengths}
    summaries = [(row.mean, *row.weighted) for row in rows]
    best_summaries = [max(column) for column in zip(*summaries, strict=True)]

    def shown(value: float, highest: float) -> str:
        text = _percent(value)
        return bold(text) if text == _percent(highest) else text

    return [
        (
            row.model,
            [
                cell(shown(row.means[length].value, best[length]), row.means[length])
                if length in row.means
                else ""
                for length in lengths
            ]
            + [shown(value, highest) for value, highest in zip(summary, best_summaries, strict=True)],
        )
        for row, summary in zip(rows, summaries, strict=True)
    ]


def _markdown_cell(text: str, mean: TaskMean) -> str:
    return f"{text} ({_percent(mean.ci_low)}–{_percent(mean.ci_high)})"


def _latex_cell(text: str, mean: TaskMean) -> str:
    return _stacked(text, rf"{{\tiny {_percent(mean.ci_low)}--{_percent(mean.ci_high)}}}")


def _latex_heading(name: str) -> str:
    return _stacked(*name.split(" ")) if " " in name else name


def _stacked(above: str, below: str) -> str:
    return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{above}\\[-2pt]{below}\end{{tabular}}"


def _latex_line(cells: Sequence[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _in_latex(name: str) -> str:
    return _JOINED_HYPHEN.sub("-{}", name.translate(_LATEX_SIGNS))


def _in_markdown(name: str) -> str:
    return _MARKDOWN_SIGNS.sub(r"\\\g<0>", " ".join(name.split()))


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"
