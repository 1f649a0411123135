"""Draws every figure of this study from its recorded results.

    python eval/studies/rmt-paper/figures.py

Nothing is measured and nothing is typed by hand: accuracies come from results/*/*/results.json, operations
from results/flops.json's own command.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

from babilong_eval.commands.plot import plot
from babilong_eval.figures import style
from babilong_eval.figures.cost import memory_and_time
from babilong_eval.figures.curves import accuracy_by_length
from babilong_eval.figures.reference import read_reference
from babilong_eval.results import Cell
from babilong_eval.runs import Run, load_runs
from babilong_gen.lengths import parse_length

HERE = Path(__file__).parent
RESULTS, FIGURES = HERE / "results", HERE / "figures"
NOISE = {"statement": "leak-checked noise", "off": "raw noise"}


def main() -> None:
    """All figures whose results are recorded."""
    FIGURES.mkdir(exist_ok=True)
    with as_file(files("babilong_eval") / "figures" / "rmt_paper.csv") as path:
        paper = read_reference(path)
    for check, words in NOISE.items():
        runs = recorded(check)
        if runs:
            style.save(accuracy_by_length(runs, paper), FIGURES / f"figure1-{check}.svg")
            style.save(memory_and_time(runs), FIGURES / f"cost-{check}.svg")
            print(f"{words}: figure1-{check}.svg, cost-{check}.svg")
    plot([], FIGURES / "figure3.svg", kind="flops", numbers=RESULTS / "flops.json")
    print("operations: figure3.svg")
    (HERE / "accuracy.md").write_text(table(), encoding="utf-8")


def recorded(check: str) -> list[Run]:
    """The runs on one kind of noise; what one model did in several measurements is one run."""
    # the longest last, so that a model's cells come in the order of their lengths
    folders = sorted((path.parent for path in RESULTS.glob(f"{check}/*/results.json")), reverse=True)
    parts: dict[str, list[Run]] = defaultdict(list)
    for run in load_runs(folders, "strict") if folders else []:
        parts[run.info.model.removeprefix("rmt:")].append(run)
    return [
        replace(
            same[0],
            info=replace(same[0].info, name=name),
            cells=tuple(cell for run in same for cell in sorted(run.cells, key=_segments)),
        )
        for name, same in parts.items()
    ]


def _segments(cell: Cell) -> int:
    return parse_length(cell.length).count


def table() -> str:
    """Markdown: every recorded accuracy."""
    lines = ["| noise | task | segments | n | accuracy | 95 % |", "|---|---|---|---|---|---|"]
    for check, words in NOISE.items():
        cells = [cell for run in recorded(check) for cell in run.cells]
        for cell in sorted(cells, key=lambda cell: (cell.task, _segments(cell))):
            interval = f"{cell.ci_low:.1%} to {cell.ci_high:.1%}"
            lines.append(
                f"| {words} | {cell.task} | {cell.segments:g} | {cell.n} | {cell.accuracy:.1%} | {interval} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
