"""How weights move: AdamW, and its learning rate from step to step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from babilong_eval.training.recipe import Recipe
    from babilong_eval.training.resume_state import TrainState


def make_optimizer(recipe: Recipe, network: torch.nn.Module) -> Optimizer:
    """Return AdamW over a network's weights; embeddings, biases, norms and the memory are not decayed.

    What is frozen is left out.
    """
    wanted = recipe.optimizer
    matrices = [
        p
        for name, p in network.named_parameters()
        if p.requires_grad and p.ndim > 1 and "embed" not in name and "memory" not in name
    ]
    chosen = set(map(id, matrices))
    others = [p for p in network.parameters() if p.requires_grad and id(p) not in chosen]
    groups = [
        {"params": matrices, "weight_decay": wanted.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=wanted.learning_rate, betas=wanted.betas)


def learning_rate(recipe: Recipe, state: TrainState) -> float:
    """Return the rate of the next step: up over the warm-up, down over the steps that all stages may take."""
    wanted, stage = recipe.optimizer, recipe.stages[state.stage]
    before = sum(stage.until.steps for stage in recipe.stages[: state.stage])
    done = (before + state.stage_step) / recipe.steps
    falling = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
    falling_to = wanted.min_lr_ratio + (1 - wanted.min_lr_ratio) * falling[wanted.schedule]
    rising = min(1.0, (state.step + 1) / wanted.warmup_steps) if wanted.warmup_steps else 1.0
    return wanted.learning_rate * stage.lr_scale * rising * falling_to
