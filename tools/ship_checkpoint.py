"""Puts a trained checkpoint into the package: weights in half precision, with a card of how it was made.

    python tools/ship_checkpoint.py runs/tiny-detect tiny-detect --commit 1a2b3c4

`--before` names the runs that it went on from, the first one first.

The weights are read back in single precision, so that what is evaluated is what ships: evaluate the shipped
one, by `--model rmt:NAME`, record that in the study, and let card_accuracy.py write it into the card.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import torch
import yaml

from babilong_eval.models.rmt.model import RMTModel
from babilong_eval.models.rmt.serialization import from_pretrained, save_pretrained
from babilong_eval.training.metrics_log import read_log
from babilong_eval.training.recipe import Recipe, read_recipe

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
{memory_tokens} memory tokens with a gate, segments of {segment_size} tokens{again}. It answers {tasks}
(RMT paper, arXiv 2304.11062) with one of {labels}.

    babilong evaluate DATA --model rmt:{name} --out RESULTS

Make DATA with `--tokenizer {name}`, `--segment-size {segment_size}`, and `--split test`: no document
and no story of that part was trained on.

## Training

{steps:,} steps, {tokens:,.1f} million tokens, on two CPU cores, with babilong-gen at commit `{commit}`,
by the {recipes}.{then} Noise: the 75 stories of Project Gutenberg that SQuALITY released (CC BY 4.0,
texts in the public domain) and `procedural`, nine tenths of the documents of each. Weights are stored in half
precision.

```yaml
{content}```

## Accuracy

On held-out documents and stories, with 95 % Wilson intervals.

Not measured yet.

## Limits

It knows the places, people and directions of its tasks and nothing else, and tells facts from noise by their
wording. It is a means to try long-memory measurements, not a language model.
"""


def main() -> None:
    """Write weights, configuration, tokenizer and card."""
    parser = argparse.ArgumentParser(description="Put a checkpoint into the package.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("name")
    parser.add_argument("--before", type=Path, nargs="*", default=[], help="runs that it went on from")
    parser.add_argument("--then", default="", help="what was done to it after training: a sentence")
    parser.add_argument("--commit", required=True, help="that it was trained at")
    arguments = parser.parse_args()
    model = from_pretrained(arguments.checkpoint)
    halved = RMTModel(copy.deepcopy(model.network).half(), model.config, model.tokenizer)
    folder = SHIPPED / arguments.name
    save_pretrained(halved, folder)
    text = card(model, arguments)
    (folder / "README.md").write_text(text, encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {size:,} bytes")


def card(model: RMTModel, asked: argparse.Namespace) -> str:
    """The model card."""
    runs = [*asked.before, asked.checkpoint]
    log = [entry for run in runs for entry in read_log(run / "training" / "log.jsonl")]
    recipes = [read_recipe(run / "training" / "recipe.yaml") for run in runs]
    return CARD.format(
        name=asked.name,
        parameters=sum(parameter.numel() for parameter in model.network.parameters()),
        backbone=model.network.backbone.config.model_type,
        memory_tokens=model.config.memory_tokens,
        segment_size=model.config.segment_size,
        again=f", each read with the {overlap} before it" if (overlap := model.segment_overlap) else "",
        tasks=", ".join(dict.fromkeys(f"`{task}`" for recipe in recipes for task in recipe.tasks)),
        labels=", ".join(model.config.labels),
        steps=len(log),
        tokens=sum(entry["tokens"] for entry in log) / 1e6,
        commit=asked.commit,
        recipes=_together(recipes),
        then=f" {asked.then}" if asked.then else "",
        content="---\n".join(map(_content, recipes)),
    )


def _together(recipes: list[Recipe]) -> str:
    """How the recipes below belong together."""
    first = recipes[0].model.continue_from
    begins = f", the first one `{Path(first).name}`" if first else ""
    return "recipe below" if len(recipes) == 1 else f"recipes below, each continuing the one before{begins}"


def _content(recipe: Recipe) -> str:
    """What a recipe says, without what it leaves as it is by default."""
    content = recipe.model_dump(mode="json", exclude_defaults=True)
    content["data"]["noise"] = list(map(_without_folder, content["data"]["noise"]))
    return yaml.safe_dump(content, sort_keys=False, width=110, default_flow_style=None)


def _without_folder(noise: str) -> str:
    return f"files:{Path(noise.removeprefix('files:')).name}" if noise.startswith("files:") else noise


if __name__ == "__main__":
    with torch.inference_mode():
        main()
