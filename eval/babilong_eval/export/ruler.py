"""The form of NVIDIA's RULER: a `validation.jsonl` for each task, below a folder for each length.

`FOLDER/4k/babilong_qa1/validation.jsonl` is what `pred/call_api.py --data_dir FOLDER/4k --task babilong_qa1`
reads. RULER knows the tasks that its `synthetic.yaml` lists; `FOLDER/synthetic.yaml` holds the lines to add.
RULER's own tasks are declared as of their own kinds, each with its tokens for an answer.

RULER scores by its own rule: each of `outputs` found anywhere in the answer counts. Labels of bAbI's tasks
that contain one another or that an answer lists are told apart by `babilong score`, not by RULER.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from babilong_eval.prompts.ruler import MAX_NEW_TOKENS
from babilong_gen.tasks import RULER_TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.data.sample import Sample
    from babilong_eval.export.chosen_samples import ChosenSamples

# RULER's kinds of task, by the first part of a task's name.
_KINDS = {
    "niah": "niah",
    "vt": "variable_tracking",
    "cwe": "common_words_extraction",
    "fwe": "freq_words_extraction",
}
# Of these, the one that asks for a short answer and counts all of `outputs`, is what bAbI's tasks are like.
_SHORT = "vt"

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
    entries = [f"babilong_{task}:\n  task: {_KINDS[_family(task)]}\n  args: {{}}\n" for task in chosen.tasks]
    (folder / "synthetic.yaml").write_text("\n".join(entries), encoding="utf-8")


def _family(task: str) -> str:
    return task.partition("_")[0] if task in RULER_TASKS else _SHORT


def _line(chosen: ChosenSamples, sample: Sample) -> dict[str, Any]:
    """Return a sample as RULER's `prepare.py` writes it; the model is given `input` and `answer_prefix`."""
    prompt = chosen.prompts[sample.task]
    # The prompt is cut where the answer begins, so that the two together are what `evaluate` gives a model.
    whole, asked = chosen.prompt(sample), prompt.turn(sample.input, sample.question)
    length = _length(chosen, sample, whole)
    return {
        "index": sample.index,
        "input": asked,
        "outputs": _outputs(sample),
        "length": length,
        "length_w_model_temp": length,
        "answer_prefix": whole[len(asked) :],
        "others": {"id": sample.sample_id, "question": sample.question, "target": sample.target},
    }


def _length(chosen: ChosenSamples, sample: Sample, prompt: str) -> int:
    """Return what RULER calls a sample's length: tokens of the whole prompt and those kept for the answer."""
    if chosen.tokenizer is None:
        return _LENGTH_NOT_KNOWN
    tokens = len(chosen.tokenizer.encode(prompt, add_special_tokens=False))
    return tokens + MAX_NEW_TOKENS[_family(sample.task)]


def _outputs(sample: Sample) -> list[str]:
    """Return what an answer must hold: the target, or all parts of a list."""
    is_path = sample.task not in RULER_TASKS and len(sample.target) <= _LONGEST_PATH
    return [sample.target] if is_path else sample.target.split(",")
