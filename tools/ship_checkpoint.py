"""Puts a trained checkpoint into the package: weights in half precision, with a card of what it can do.

    python tools/ship_checkpoint.py runs/tiny-detect tiny-detect --results results/checked/tiny-detect …

The weights are read back in single precision, so that what is evaluated is what ships: evaluate the shipped
one, by `--model rmt:NAME`, and run this again for the card.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
from pathlib import Path

import torch
import yaml

from babilong_eval.models.rmt.model import RMTModel
from babilong_eval.models.rmt.saving import from_pretrained, save_pretrained
from babilong_eval.training.journal import read_log

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "eval" / "babilong_eval" / "checkpoints"

CARD = """---
license: apache-2.0
language: en
library_name: babilong-gen
tags: [recurrent-memory-transformer, long-context, babilong]
---

# {name}

A Recurrent Memory Transformer of {parameters:,} parameters around a {backbone} encoder trained from nothing:
{memory_tokens} memory tokens with a gate, segments of {segment_size} tokens. It answers {tasks}
(RMT paper, arXiv 2304.11062) with one of {labels}.

    babilong evaluate DATA --model rmt:{name} --out RESULTS

Make DATA with this folder as `--tokenizer`, `--segment-size {segment_size}`, and `--split test`: no document
and no story of that part was trained on.

## Training

{steps:,} steps, {tokens:,.1f} million tokens, on two CPU cores, with babilong-gen at commit `{commit}`,
by the recipe{before}. Noise: the 75 stories of Project Gutenberg that SQuALITY released (CC BY 4.0,
texts in the public domain) and `procedural`, nine tenths of the documents of each. Weights are stored in half
precision.

```yaml
{recipe}```

## Accuracy

On held-out documents and stories, with 95 % Wilson intervals.

{table}
## Limits

It knows the places, people and directions of its tasks and nothing else, and tells facts from noise by their
wording. It is a means to try long-memory measurements, not a language model.
"""


def main() -> None:
    """Write weights, configuration, tokenizer and card."""
    parser = argparse.ArgumentParser(description="Put a checkpoint into the package.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("name")
    parser.add_argument("--results", type=Path, nargs="*", default=[], help="folders of `babilong evaluate`")
    parser.add_argument(
        "--before", type=Path, nargs="*", default=[], help="earlier runs that this one went on from"
    )
    arguments = parser.parse_args()
    model = from_pretrained(arguments.checkpoint)
    halved = RMTModel(copy.deepcopy(model.network).half(), model.config, model.tokenizer)
    folder = SHIPPED / arguments.name
    save_pretrained(halved, folder)
    text = card(model, arguments.name, arguments.checkpoint, arguments.before, arguments.results)
    (folder / "README.md").write_text(text, encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {size:,} bytes")


def card(model: RMTModel, name: str, checkpoint: Path, before: list[Path], results: list[Path]) -> str:
    """The model card."""
    runs = [*before, checkpoint]
    logs = [read_log(run / "training" / "log.jsonl") for run in runs]
    recipe = yaml.safe_load((checkpoint / "training" / "recipe.yaml").read_text(encoding="utf-8"))
    tasks = dict.fromkeys(task for stage in recipe["stages"] for task in stage["tasks"])
    return CARD.format(
        name=name,
        parameters=sum(parameter.numel() for parameter in model.network.parameters()),
        backbone=model.network.backbone.config.model_type,
        memory_tokens=model.config.memory_tokens,
        segment_size=model.config.segment_size,
        tasks=", ".join(f"`{task}`" for task in tasks),
        labels=", ".join(model.config.labels),
        steps=sum(len(log) for log in logs),
        tokens=sum(entry["tokens"] for log in logs for entry in log) / 1e6,
        commit=_commit(),
        before="s below, each of which went on from the one before" if before else " below",
        recipe="---\n".join(_without_paths(run) for run in runs),
        table=accuracy_table(results),
    )


def accuracy_table(results: list[Path]) -> str:
    """Markdown: a line a task, length and folder of results."""
    lines = ["| noise | task | segments | n | accuracy | 95 % |", "|---|---|---|---|---|---|"]
    for folder in results:
        for cell in json.loads((folder / "results.json").read_text(encoding="utf-8")):
            if cell["scorer"] == "strict":
                interval = f"{cell['ci_low']:.1%} to {cell['ci_high']:.1%}"
                lines.append(
                    f"| {folder.parent.name} | {cell['task']} | {cell['segments']:g} | {cell['n']} "
                    f"| {cell['accuracy']:.1%} | {interval} |"
                )
    return "\n".join(lines) + "\n"


def _without_paths(run: Path) -> str:
    """A run's recipe; of local paths only the last part."""
    content = yaml.safe_load((run / "training" / "recipe.yaml").read_text(encoding="utf-8"))
    content["data"]["noise"] = [
        f"files:{Path(noise.removeprefix('files:')).name}" if noise.startswith("files:") else noise
        for noise in content["data"]["noise"]
    ]
    if content["model"]["continue_from"]:
        content["model"]["continue_from"] = Path(content["model"]["continue_from"]).name
    return yaml.safe_dump(content, sort_keys=False, width=110, default_flow_style=None)


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return found.stdout.strip()


if __name__ == "__main__":
    with torch.inference_mode():
        main()
