"""Writes into the cards of the shipped checkpoints what they can do, as the study of the paper recorded it.

python tools/card_accuracy.py
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from babilong_eval.results.load import load_runs

if TYPE_CHECKING:
    from babilong_eval.results.records import Cell

EVAL = Path(__file__).parents[1] / "eval"
SHIPPED, RESULTS = EVAL / "babilong_eval" / "checkpoints", EVAL / "studies" / "rmt-paper" / "results"
# The noise that was read, by the folder of results; other folders are of models that do not ship.
NOISE = {
    "statement": "leak-checked",
    "499": "leak-checked",
    "499-off": "raw",
    "499-essays": "leak-checked essays",
    "499-procedural": "generated",
    "off": "raw",
}


def main() -> None:
    """Replace the table of each card."""
    for path in sorted(SHIPPED.glob("*/README.md")):
        card, n = re.subn(
            r"(?<=intervals\.\n\n).*?(?=\n## Limits)",
            accuracy_table(path.parent.name),
            path.read_text(encoding="utf-8"),
            flags=re.DOTALL,
        )
        if n != 1:
            raise SystemExit(f"{path} has no part between 'intervals.' and '## Limits' to write a table into")
        path.write_text(card, encoding="utf-8")


def accuracy_table(name: str) -> str:
    """Markdown: a line a task, kind of noise and length; of two measurements that of more samples."""
    cells: dict[tuple[str, str, int], Cell] = {}
    for folder in (path.parent for noise in NOISE for path in RESULTS.glob(f"{noise}/*/results.json")):
        for run in load_runs([folder], "strict"):
            for cell in run.cells if re.split("[:/]", run.info.model)[-1] == name else ():
                key = (cell.task, NOISE[folder.parent.name], cell.segments or 0)
                cells[key] = max(cell, cells.get(key, cell), key=lambda each: each.n)
    lines = ["| noise | task | segments | n | accuracy | 95 % |", "|---|---|---|---|---|---|"]
    for (task, noise, segments), cell in sorted(cells.items()):
        interval = f"{cell.ci_low:.1%} to {cell.ci_high:.1%}"
        lines.append(f"| {noise} | {task} | {segments:g} | {cell.n} | {cell.accuracy:.1%} | {interval} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
