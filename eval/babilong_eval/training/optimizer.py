"""How weights move: AdamW, and its rate from step to step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from babilong_eval.training.recipe import Recipe
    from babilong_eval.training.resume_state import TrainState


def make_optimizer(recipe: Recipe, rollout: torch.nn.Module) -> Optimizer:
    """AdamW; embeddings, biases, norms and the memory are not decayed."""
    asked = recipe.optimizer
    matrices = [
        p
        for name, p in rollout.named_parameters()
        if p.ndim > 1 and "embed" not in name and "memory" not in name
    ]
    chosen = set(map(id, matrices))
    others = [p for p in rollout.parameters() if id(p) not in chosen]
    groups = [
        {"params": matrices, "weight_decay": asked.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=asked.learning_rate, betas=asked.betas)


def learning_rate(recipe: Recipe, place: TrainState) -> float:
    """Of the next step: up over the warm-up, down over the steps that all stages may take."""
    asked = recipe.optimizer
    before = sum(stage.until.steps for stage in recipe.stages[: place.stage])
    done = (before + place.stage_step) / recipe.steps
    falling = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}[
        asked.schedule
    ]
    rising = min(1.0, (place.step + 1) / asked.warmup_steps) if asked.warmup_steps else 1.0
    stage = recipe.stages[place.stage]
    return (
        asked.learning_rate
        * stage.lr_scale
        * rising
        * (asked.min_lr_ratio + (1 - asked.min_lr_ratio) * falling)
    )
