"""Draws this study's figures and its table from what is recorded in results/.

    python eval/studies/kin/figures.py

Nothing is measured and nothing is typed by hand. A model that is not measured yet is left out.
"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babilong_eval.figures import style
from babilong_eval.figures.accuracy_by_length import accuracy_by_length
from babilong_eval.figures.perplexity import draw_perplexity
from babilong_eval.figures.sheet import sheet
from babilong_eval.results.load import Run, load_runs
from babilong_eval.results.perplexity import Perplexity, read_perplexities

if TYPE_CHECKING:
    from babilong_eval.results.records import Cell

HERE = Path(__file__).parent
RESULTS, FIGURES = HERE / "results", HERE / "figures"
MODELS = {
    "rmt": "RMT",
    "rmt-gated": "RMT, gated",
    "armt": "ARMT",
    "memorizing": "Memorizing",
    "rmt-lucidrains": "RMT (lucidrains)",
    "block-recurrent": "Block-Recurrent",
    "transformer-xl": "Transformer-XL",
    "mamba2": "Mamba-2",
}
# Each by its folder in results/; the recipes tell on how many segments.
LANGUAGE_MODELS = {
    "lm-rmt-1": "RMT, 4 segments",
    "lm-rmt-longer": "RMT, then 2, longer",
    "lm-rmt-six": "RMT, then 6",
    "lm-armt-1": "ARMT, 4 segments",
    "lm-armt-long": "ARMT, then 32",
}
TASKS = ("memorize", "detect", "reasoning", "qa1")
SEEDS = (1, 2)


def main() -> None:
    """A figure of accuracies and one of losses per seed, one of perplexities, and the tables."""
    FIGURES.mkdir(exist_ok=True)
    for seed in SEEDS:
        if runs := recorded(seed):
            style.save(accuracy_by_length(runs), FIGURES / f"accuracy-{seed}.svg")
            draw_losses(seed, FIGURES / f"training-{seed}.svg")
    (HERE / "table.md").write_text(table(), encoding="utf-8")
    if found := perplexities():
        style.save(draw_perplexity(found), FIGURES / "perplexity.svg")
        (HERE / "perplexity.md").write_text(table_of_perplexities(found), encoding="utf-8")


def recorded(seed: int) -> list[Run]:
    """A run per model, of what it did in all measurements."""
    runs = []
    for model, name in MODELS.items():
        folders = [
            folder
            for task in TASKS
            for part in ("short", "long")
            if (folder := RESULTS / f"{model}-{seed}" / f"{task}-{part}").is_dir()
        ]
        if folders:
            parts = load_runs(folders, "strict")
            cells = tuple(cell for run in parts for cell in run.cells)
            runs.append(replace(parts[0], info=replace(parts[0].info, name=name), cells=cells))
    return runs


def perplexities() -> list[Perplexity]:
    """What the language models made of the held-out stories."""
    measured = {
        name: folder
        for run, name in LANGUAGE_MODELS.items()
        if ((folder := RESULTS / run) / "perplexity.json").is_file()
    }
    found = read_perplexities(list(measured.values()))
    return [replace(one, run=replace(one.run, name=name)) for name, one in zip(measured, found, strict=True)]


def draw_losses(seed: int, path: Path) -> None:
    """Draw each model's training loss against tokens read."""
    with sheet(1, ax=None, height_inches=4.2) as drawn:
        (axes,) = drawn.panels
        logs = {name: RESULTS / f"{model}-{seed}" / "training.csv" for model, name in MODELS.items()}
        for index, name in enumerate(name for name, log in logs.items() if log.is_file()):
            rows = list(csv.DictReader(logs[name].read_text(encoding="utf-8").splitlines()))
            read = [int(row["tokens"]) / 1e6 for row in rows]
            losses = [float(row["loss"]) for row in rows]
            axes.plot(read, losses, **style.line(index), markevery=6, linewidth=1, label=name)
        axes.set_xlabel("tokens read, millions")
        axes.set_ylabel("loss")
        axes.legend()
    style.save(drawn.figure, path)


def table() -> str:
    """Markdown: what each model is and costs, and what it answers at the longest length."""
    columns = ["model", "seed", "parameters", "tokens trained", "state after 16", "state after 1,024"]
    columns += ["s per million tokens", "peak memory, MB", *(f"{task} at the longest" for task in TASKS)]
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for seed in SEEDS:
        by_name = {run.info.name: run for run in recorded(seed)}
        for model, name in MODELS.items():
            if run := by_name.get(name):
                lines.append(f"| {' | '.join(row(model, name, seed, run))} |")
    return "\n".join(lines) + "\n"


def table_of_perplexities(found: list[Perplexity]) -> str:
    """Markdown: each language model's perplexity with its memory and with it emptied at each segment."""
    columns = ["model", "perplexity", "memory emptied", "gain in nats a token", "tokens", "stories"]
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for one in found:
        (cell,) = (cell for cell in one.cells if cell.by == "all")
        gain = f"{cell.gain:.4f} ({cell.gain_ci_low:.4f} to {cell.gain_ci_high:.4f})"
        numbers = [
            f"{cell.perplexity:.2f}",
            f"{cell.emptied:.2f}",
            gain,
            f"{cell.tokens:,}",
            str(cell.documents),
        ]
        lines.append(f"| {' | '.join([one.run.name, *numbers])} |")
    return "\n".join(lines) + "\n"


def row(model: str, name: str, seed: int, run: Run) -> list[str]:
    made: dict[str, Any] = json.loads((RESULTS / f"{model}-{seed}" / "model.json").read_text())
    longest = {task: last for task in TASKS if (last := longest_cell(run, task))}
    speeds = [per_million_tokens(cell, run.info.segment_size) for cell in longest.values()]
    memory = max((cell.peak_memory_bytes or 0 for cell in longest.values()), default=0)
    return [
        name,
        str(seed),
        f"{made['parameters']:,}",
        f"{made['tokens']:,}",
        *(f"{number:,} B" for number in made["state_bytes"].values()),
        f"{sum(speeds) / len(speeds):.0f}",
        f"{memory / 1e6:.0f}",
        *(answered(longest[task]) if task in longest else "" for task in TASKS),
    ]


def longest_cell(run: Run, task: str) -> Cell | None:
    cells = [cell for cell in run.cells if cell.task == task]
    return max(cells, key=lambda cell: cell.segments or 0, default=None)


def per_million_tokens(cell: Cell, segment_size: int | None) -> float:
    assert cell.seconds is not None
    assert cell.segments is not None
    assert segment_size is not None
    return cell.seconds / (cell.n * cell.segments * segment_size) * 1e6


def answered(cell: Cell) -> str:
    interval = f"{cell.ci_low:.0%} to {cell.ci_high:.0%}"
    return f"{cell.accuracy:.0%} ({interval}, n = {cell.n}, {cell.segments:g} segments)"


if __name__ == "__main__":
    main()
