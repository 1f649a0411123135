"""Writes into a shipped checkpoint's card what it can do, as recorded by `babilong evaluate`.

    python tools/card_accuracy.py rmt-499 eval/studies/rmt-paper/results/{499,499-essays}/*

The table in the card is replaced by one of these results alone.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from babilong_eval.results.load import load_runs

if TYPE_CHECKING:
    from babilong_eval.results.records import Cell

SHIPPED = Path(__file__).parents[1] / "eval" / "babilong_eval" / "checkpoints"
# What a folder of results is called, by the noise that was read.
NOISE = {
    "statement": "leak-checked",
    "499": "leak-checked",
    "499-off": "raw",
    "499-essays": "leak-checked essays",
    "499-procedural": "generated",
    "off": "raw",
}


def main() -> None:
    """Replace the card's table."""
    parser = argparse.ArgumentParser(description="Write what was measured into a checkpoint's card.")
    parser.add_argument("name")
    parser.add_argument("results", type=Path, nargs="+", help="folders of `babilong evaluate`")
    arguments = parser.parse_args()
    path = SHIPPED / arguments.name / "README.md"
    table = accuracy_table(arguments.results)
    card, n = re.subn(
        r"(?<=intervals\.\n\n).*?(?=\n## Limits)", table, path.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    if n != 1:
        raise SystemExit(f"{path} has no part between 'intervals.' and '## Limits' to write the table into")
    path.write_text(card, encoding="utf-8")


def accuracy_table(results: list[Path]) -> str:
    """Markdown: a line a kind of noise, task and length; of two measurements that of more samples."""
    cells: dict[tuple[str, str, int], Cell] = {}
    for folder in results:
        for run in load_runs([folder], "strict"):
            for cell in run.cells:
                key = (cell.task, NOISE[folder.parent.name], cell.segments or 0)
                cells[key] = max(cell, cells.get(key, cell), key=lambda each: each.n)
    lines = ["| noise | task | segments | n | accuracy | 95 % |", "|---|---|---|---|---|---|"]
    for (task, noise, segments), cell in sorted(cells.items()):
        interval = f"{cell.ci_low:.1%} to {cell.ci_high:.1%}"
        lines.append(f"| {noise} | {task} | {segments:g} | {cell.n} | {cell.accuracy:.1%} | {interval} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
