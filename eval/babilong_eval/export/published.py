"""The form of the published BABILong: a JSON array of {question, input, target} for each task and length.

Files lie as in `RMT-team/babilong` (`data/qa1/4k.json`), and the card's `configs:` make the line that loads
the published set load this one: `load_dataset(FOLDER, "4k", split="qa1")`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.data.layout import Pair
    from babilong_eval.export.chosen_samples import ChosenSamples


def write_published(chosen: ChosenSamples, folder: Path) -> None:
    """Write all samples and a card below a folder."""
    for pair in chosen.sizes:
        _write_array(chosen, pair, folder / _name(pair))
    (folder / "README.md").write_text(_card(chosen), encoding="utf-8")


def _name(pair: Pair) -> str:
    task, length = pair
    return f"data/{task}/{length}.json"


def _write_array(chosen: ChosenSamples, pair: Pair, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        before = "["
        for sample in chosen.samples(pair):
            row = {"question": sample.question, "input": sample.input, "target": sample.target}
            file.write(before + json.dumps(row))
            before = ", "
        file.write("]")


def _card(chosen: ChosenSamples) -> str:
    lines = ["---", "configs:"]
    for length in chosen.lengths:
        lines += [f"- config_name: {length}", "  data_files:"]
        for task in chosen.tasks:
            if (task, length) in chosen.sizes:
                lines += [f"  - split: {task}", f"    path: {_name((task, length))}"]
    lines += [
        "---",
        "",
        "Facts in long text, exported by babilong-gen in the form of the published BABILong. What it was",
        "made from, and under which licences, is said by the card of the dataset that it was exported from",
        f"(fingerprint `{chosen.dataset.fingerprint}`).",
        "",
    ]
    return "\n".join(lines)
