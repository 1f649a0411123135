"""The form of NVIDIA's RULER: a `validation.jsonl` for each task, below a folder for each length.

`FOLDER/4k/babilong_qa1/validation.jsonl` is what `pred/call_api.py --data_dir FOLDER/4k --task babilong_qa1`
reads. RULER knows the tasks that its `synthetic.yaml` lists; `FOLDER/synthetic.yaml` holds the lines to add.

RULER scores by its own rule: each of `outputs` found anywhere in the answer counts. Labels that contain one
another or that an answer lists are told apart by `babilong score`, not by RULER.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.data.dataset import Sample
    from babilong_eval.export.chosen_samples import ChosenSamples

# Of RULER's own kinds of task, the one that asks for a short answer (30 tokens) and counts all of `outputs`;
# needles have their own (128 tokens).
_LIKE = "variable_tracking"
_LIKE_NEEDLES = "niah"

_LENGTH_NOT_KNOWN = -1
_LONGEST_PATH = 3
"""`n,e` is one answer, in that order; `apple,milk` is a list of two. The published rule's own limit."""


def write_ruler(chosen: ChosenSamples, folder: Path) -> None:
    """Write all samples, and the lines for RULER's list of tasks, below a folder."""
    for task, length in chosen.sizes:
        path = folder / length / f"babilong_{task}" / "validation.jsonl"
        path.parent.mkdir(parents=True)
        with path.open("w", encoding="utf-8") as file:
            for sample in chosen.samples((task, length)):
                file.write(json.dumps(_line(chosen, sample)) + "\n")
    entries = [
        f"babilong_{task}:\n  task: {_LIKE_NEEDLES if task.startswith('niah_') else _LIKE}\n  args: {{}}\n"
        for task in chosen.tasks
    ]
    (folder / "synthetic.yaml").write_text("\n".join(entries), encoding="utf-8")


def _line(chosen: ChosenSamples, sample: Sample) -> dict[str, Any]:
    return {
        "index": sample.index,
        "input": chosen.prompt(sample),
        "outputs": _outputs(sample.target),
        "length": sample.n_tokens or _LENGTH_NOT_KNOWN,
        "answer_prefix": "",
        "others": {"id": sample.sample_id, "question": sample.question, "target": sample.target},
    }


def _outputs(target: str) -> list[str]:
    """Return what an answer must hold: the target, or all parts of a list."""
    is_path = len(target) <= _LONGEST_PATH
    return [target] if is_path else target.split(",")
