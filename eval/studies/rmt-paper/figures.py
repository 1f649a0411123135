"""Draws every figure of this study from its recorded results.

    python eval/studies/rmt-paper/figures.py

Nothing is measured and nothing is typed by hand: accuracies come from results/*/*/results.json, losses from
retention.json beside them, operations from their formula; the attention is the shipped models' to the
samples in results/attention and attention-499.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import yaml

from babilong_eval.analysis.paired_lengths import Step
from babilong_eval.commands.plot.attention import attention
from babilong_eval.commands.plot.cost import flops
from babilong_eval.figures import style
from babilong_eval.figures.accuracy_by_length import accuracy_by_length
from babilong_eval.figures.losses_by_length import losses_by_length
from babilong_eval.figures.memory_and_time import memory_and_time
from babilong_eval.figures.reference_curves import read_reference
from babilong_eval.results.load import Run, load_runs
from babilong_eval.results.records import Cell
from babilong_gen.lengths import parse_length

HERE = Path(__file__).parent
RESULTS, FIGURES = HERE / "results", HERE / "figures"

# Folder of the sample, the model that reads it, and its name there.
LOOKED_AT = (
    ("attention", "tiny-reasoning", "reasoning/4seg/000000"),
    ("attention-499", "rmt-499", "reasoning/4seg/000001"),
)
NOISE = {"statement": "leak-checked noise", "off": "raw noise"}
LONGER = {
    "499": "leak-checked noise, segments of 16 + 499",
    "499-off": "raw noise, segments of 16 + 499",
    "499-essays": "leak-checked essays, segments of 16 + 499",
    "499-procedural": "generated noise, segments of 16 + 499",
    "499-seed1": "leak-checked noise, segments of 16 + 499, seed 1",
    "499-first": "leak-checked noise, segments of 499, rmt-499-first.yaml",
    "499-first-off": "raw noise, segments of 499, rmt-499-first.yaml",
    "499-first-essays": "leak-checked essays, segments of 499, rmt-499-first.yaml",
    "499-first-procedural": "generated noise, segments of 499, rmt-499-first.yaml",
    **{
        f"499-first-seed{seed}": f"leak-checked noise, segments of 499, rmt-499-first.yaml, seed {seed}"
        for seed in (2, 3, 4)
    },
    "499-grown": "leak-checked noise, segments of 499, rmt-499-grown.yaml",
}
"""Results of segments as long as the paper's; the first four are of the shipped model."""


def main() -> None:
    """All figures whose results are recorded."""
    FIGURES.mkdir(exist_ok=True)
    with as_file(files("babilong_eval") / "figures" / "rmt_paper.csv") as path:
        paper = read_reference(path)
    for check in NOISE:
        style.save(accuracy_by_length(recorded(check), paper), FIGURES / f"figure1-{check}.svg")
    runs = recorded("statement")
    by_tokens = accuracy_by_length(runs + recorded("499"), paper, unit="tokens")
    style.save(by_tokens, FIGURES / "figure1-tokens.svg")
    style.save(memory_and_time(runs), FIGURES / "cost.svg")
    style.save(losses_by_length(runs, losses("statement")), FIGURES / "retention.svg")
    style.save(accuracy_by_length(stages()), FIGURES / "figure5.svg")
    flops(FIGURES / "figure3.svg", numbers=RESULTS / "flops.json")
    for folder, model, sample in LOOKED_AT:
        figure = FIGURES / f"{folder.replace('attention', 'figure6')}.svg"
        attention(str(RESULTS / folder), figure, model=f"rmt:{model}", sample=sample)
    (HERE / "accuracy.md").write_text(table(), encoding="utf-8")
    for path in sorted(FIGURES.iterdir()):
        print(path.relative_to(HERE))


def recorded(check: str) -> list[Run]:
    """The runs on one kind of noise; what one model did in several measurements is one run."""
    # reasoning first, as its curve is the lowest
    folders = sorted((path.parent for path in RESULTS.glob(f"{check}/*/results.json")), reverse=True)
    parts: dict[str, list[Run]] = defaultdict(list)
    for run in load_runs(folders, "strict"):
        parts[run.info.model.removeprefix("rmt:").rpartition("/")[2]].append(run)
    return [joined(name, runs) for name, runs in parts.items()]


def joined(name: str, runs: list[Run]) -> Run:
    """One run of all their cells; of two of the same task and length, the one of more samples."""
    cells: dict[tuple[str, str], Cell] = {}
    for cell in (cell for run in runs for cell in run.cells):
        key = (cell.task, cell.length)
        cells[key] = max(cell, cells.get(key, cell), key=lambda each: each.n)
    in_order = tuple(sorted(cells.values(), key=_segments))
    return replace(runs[0], info=replace(runs[0].info, name=name), cells=in_order)


def losses(check: str) -> dict[str, list[Step]]:
    """What was lost from length to length, by the run that `recorded` calls so."""
    found: dict[str, list[Step]] = defaultdict(list)
    for path in sorted(RESULTS.glob(f"{check}/*/retention.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            found[row.pop("run")].append(Step(**row))
    return found


def stages() -> list[Run]:
    """What the model of each stage's end could do; a run a stage."""
    parts: dict[int, list[Run]] = defaultdict(list)
    for path in sorted(RESULTS.glob("stages/*/results.json")):
        parts[int(path.parent.name.rpartition("-")[2])].extend(load_runs([path.parent], "strict"))
    recipe = yaml.safe_load((HERE / "figure5.yaml").read_text(encoding="utf-8"))
    return [joined(recipe["stages"][number - 1]["name"], runs) for number, runs in sorted(parts.items())]


def _segments(cell: Cell) -> int:
    return parse_length(cell.length).count


def table() -> str:
    """Markdown: every recorded accuracy."""
    lines = ["| noise | task | segments | n | accuracy | 95 % |", "|---|---|---|---|---|---|"]
    for check, words in (NOISE | LONGER).items():
        cells = [cell for run in recorded(check) for cell in run.cells]
        for cell in sorted(cells, key=lambda cell: (cell.task, _segments(cell))):
            interval = f"{cell.ci_low:.1%} to {cell.ci_high:.1%}"
            lines.append(
                f"| {words} | {cell.task} | {cell.segments:g} | {cell.n} | {cell.accuracy:.1%} | {interval} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
