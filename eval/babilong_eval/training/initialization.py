"""The network and the tokenizer that a recipe asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, PretrainedConfig

from babilong_eval.models.pretrained import embedding_table
from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.serialization import from_pretrained
from babilong_eval.models.tokenizers import core, find_tokenizer
from babilong_eval.training.recipe import FromScratch, NewTokenizer
from babilong_eval.training.tokenizer_training import train_tokenizer
from babilong_gen.errors import UsageError
from babilong_gen.tokenizer import BUILTIN, load_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from babilong_eval.models.rmt.model import RMTModel
    from babilong_eval.training.recipe import Recipe


def find_or_train_tokenizer(recipe: Recipe, cache: Path) -> Tokenizer:
    """Return the tokenizer of a recipe's model."""
    wanted = recipe.model.tokenizer
    if isinstance(wanted, NewTokenizer):
        return train_tokenizer(recipe, wanted.vocabulary, cache)
    if wanted == BUILTIN:
        return load_tokenizer(BUILTIN).tokenizer
    if wanted is None and recipe.model.continue_from is not None:
        return from_pretrained(recipe.model.continue_from).tokenizer
    name = wanted if wanted is not None else recipe.model.backbone
    if not isinstance(name, str):
        raise UsageError(
            "model.tokenizer is missing: a backbone without weights has none of its own; name one, or give "
            "{vocabulary: 4096} for a new one"
        )
    return core(find_tokenizer(name))


def build_network(recipe: Recipe, tokenizer: Tokenizer) -> RMTModel:
    """Return the recipe's model before its first step: new, pretrained, or what an earlier run left."""
    wanted = recipe.model
    if wanted.continue_from is not None:
        return from_pretrained(wanted.continue_from)
    config = RMTConfig(
        form=wanted.form,
        memory_tokens=wanted.memory_tokens,
        segment_size=wanted.segment_size,
        memory_update=wanted.memory_update,
        labels=recipe.labels if wanted.form == "encoder" else (),
    )
    backbone = wanted.backbone
    if isinstance(backbone, str):
        return build_rmt(config, backbone, tokenizer, seed=recipe.seed)
    model = build_rmt(config, _configuration(backbone, tokenizer), tokenizer, seed=recipe.seed)
    if wanted.from_scratch is not None:
        draw_weights(model, wanted.from_scratch, seed=recipe.seed)
    return model


def draw_weights(model: RMTModel, how: FromScratch, *, seed: int) -> None:
    """Draw weights from which a small BERT learns relations that it otherwise stalls on.

    Embeddings of words and, as sinusoids, of positions have one size; each layer's keys begin equal to its
    queries, so that a token attends to others like it from the first step.
    """
    backbone = model.network.backbone
    if backbone.config.model_type != "bert":
        raise UsageError(f"from_scratch is made for a bert backbone, not for {backbone.config.model_type}")
    generator = torch.Generator().manual_seed(seed)
    table = embedding_table(backbone)
    with torch.no_grad():
        table.normal_(std=how.embeddings, generator=generator)
        positions = backbone.get_parameter("bert.embeddings.position_embeddings.weight")
        positions.copy_(_sinusoids(*positions.shape) * how.positions)
        model.network.memory.normal_(std=1.0, generator=generator)
        if how.tied_keys:
            for layer in range(backbone.config.num_hidden_layers):
                attention = f"bert.encoder.layer.{layer}.attention.self"
                query = backbone.get_parameter(f"{attention}.query.weight")
                backbone.get_parameter(f"{attention}.key.weight").copy_(query)


def _sinusoids(n_positions: int, width: int) -> Tensor:
    """Return the position embeddings of Vaswani et al. 2017, section 3.5: [positions, width]."""
    rates = torch.exp(torch.arange(0, width, 2) * (-torch.log(torch.tensor(10_000.0)) / width))
    angles = torch.arange(n_positions)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


def _configuration(content: dict[str, Any], tokenizer: Tokenizer) -> PretrainedConfig:
    settings = {"vocab_size": tokenizer.get_vocab_size(), **content}
    kind = settings.pop("model_type", None)
    if not isinstance(kind, str):
        raise UsageError("model.backbone: a configuration needs its model_type, as in {model_type: bert, …}")
    try:
        return AutoConfig.for_model(kind, **settings)
    except ValueError as unknown:
        raise UsageError(f"model.backbone: {str(unknown).partition(chr(10))[0]}") from None
