"""The network and the tokenizer that a recipe asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, PretrainedConfig

from babilong_eval.models import recurrent_network as recurrent
from babilong_eval.models.armt import serialization as armt_folders
from babilong_eval.models.armt.build import build_armt
from babilong_eval.models.armt.config import MODEL_TYPE as ARMT_TYPE
from babilong_eval.models.armt.config import ARMTConfig
from babilong_eval.models.backbone import is_rotary
from babilong_eval.models.kin.config import KinConfig, from_json
from babilong_eval.models.kin.kinds import KINDS
from babilong_eval.models.kin.model import build_kin
from babilong_eval.models.model_folder import CONFIG, TOKENIZER, read_json
from babilong_eval.models.pretrained import embedding_table
from babilong_eval.models.rmt.build import build_rmt, set_segment_overlap
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.model import RMTModel
from babilong_eval.models.rmt.serialization import checkpoint_folder, read_config
from babilong_eval.models.tokenizers import core, find_tokenizer, read_tokenizer
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.recipe_model import Associative, FromScratch, NewTokenizer
from babilong_eval.training.tokenizer_training import train_tokenizer
from babilong_eval.training.trained_models import load_trained_model, memory_gate, set_segment_size
from babilong_gen.errors import UsageError, first_line
from babilong_gen.tokenizer import BUILTIN, load_tokenizer
from babilong_gen.user_paths import user_place

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor
    from transformers import PreTrainedModel

    from babilong_eval.models.armt.build import ARMTModel
    from babilong_eval.models.kin.model import KinModel
    from babilong_eval.training.recipe_model import Model
    from babilong_eval.training.trained_models import TrainedModel

# Of a checkpoint that is trained on, what says how it reads and not what its weights are.
_CHOSEN_ANEW = {"segment_size", "segment_overlap"}


def find_or_train_tokenizer(recipe: Recipe, cache: Path) -> Tokenizer:
    """Return the tokenizer of a recipe's model."""
    wanted = recipe.model.tokenizer
    if isinstance(wanted, NewTokenizer):
        return train_tokenizer(recipe, wanted.vocabulary, cache)
    if wanted == BUILTIN:
        return load_tokenizer(BUILTIN).tokenizer
    if recipe.model.continue_from is not None:
        return read_tokenizer(checkpoint_folder(recipe.model.continue_from) / TOKENIZER)
    name = wanted if wanted is not None else recipe.model.backbone
    if not isinstance(name, str):
        raise UsageError(
            "model.tokenizer is missing: a backbone without weights has none of its own; name one, or give "
            "{vocabulary: 4096} for a new one"
        )
    return core(find_tokenizer(user_place(name)))


def complete_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe with what it leaves open taken from the checkpoint that it continues from.

    Raises:
        UsageError: it asks for another network, or for answers that the checkpoint does not have.
    """
    wanted = recipe.model
    if wanted.continue_from is None:
        return recipe
    if isinstance(wanted.backbone, str):
        raise UsageError("model.backbone names weights, but continue_from brings its own: leave backbone out")
    folder = checkpoint_folder(wanted.continue_from)
    found = read_json(folder / CONFIG).get("model_type") if folder.is_dir() else None
    if found in KINDS:
        taken = _of_another_package(from_json(read_json(folder / CONFIG), str(found), folder / CONFIG))
    elif found == recurrent.MODEL_TYPE:
        config, backbone = recurrent.read_config(folder)
        taken = {"kind": recurrent.MODEL_TYPE, "segment_size": config.segment_size}
        _check_backbone(wanted.backbone, backbone)
    else:
        read = armt_folders.read_config if found == ARMT_TYPE else read_config
        config, backbone = read(folder)
        taken = _of_ours(config)
        _check_backbone(wanted.backbone, backbone)
        _check_answers(recipe, config)
    chosen = {name: getattr(wanted, name) for name in _CHOSEN_ANEW & wanted.model_fields_set}
    for name, value in taken.items():
        if name in wanted.model_fields_set and name not in chosen:
            _check_same(f"model.{name}", getattr(wanted, name), value)
    completed = recipe.model_copy(update={"model": wanted.model_copy(update=taken | chosen)})
    # What a recipe may ask for depends on what it has got by now.
    return Recipe.model_validate(completed.model_dump())


def _of_another_package(config: KinConfig) -> dict[str, Any]:
    return {
        "kind": config.model_type,
        "arguments": config.arguments,
        "segment_size": config.segment_size,
    }


def _of_ours(config: RMTConfig | ARMTConfig) -> dict[str, Any]:
    """Return what a recipe says of a model around a backbone."""
    taken = {
        "memory_tokens": config.memory_tokens,
        "adapter": config.adapter and config.adapter.settings,
        "segment_size": config.segment_size,
    }
    if isinstance(config, RMTConfig):
        taken |= {"form": config.form, "memory_update": config.memory_update}
        return {"segment_overlap": config.segment_overlap, **taken}
    described = {name: getattr(config, name) for name in Associative.model_fields}
    return {"form": "decoder", "memory": "associative", "associative": Associative(**described), **taken}


def _check_backbone(wanted: dict[str, Any] | str | None, found: PretrainedConfig) -> None:
    if not isinstance(wanted, dict):
        return
    asked = _configuration(wanted, found.vocab_size)
    for name in wanted:
        if name != "max_position_embeddings" or not is_rotary(found):
            _check_same(f"model.backbone.{name}", getattr(asked, name), getattr(found, name, None))


def _check_answers(recipe: Recipe, config: RMTConfig | ARMTConfig) -> None:
    if not isinstance(config, RMTConfig):
        return
    if recipe.objective == "lm" and config.form == "encoder":
        raise UsageError("objective: lm: the checkpoint to continue from is an encoder: take a decoder")
    if strange := set(recipe.labels) - set(config.labels or recipe.labels):
        raise UsageError(
            f"the checkpoint to continue from answers {', '.join(config.labels)}, but the tasks have "
            f"{min(strange)!r} as well: train on tasks with those answers alone, or begin with new weights"
        )


def _check_same(key: str, wanted: object, found: object) -> None:
    if wanted != found:
        raise UsageError(
            f"{key} is {wanted!r}, but the checkpoint to continue from has {found!r}: leave it out"
        )


def build_network(recipe: Recipe, tokenizer: Tokenizer) -> TrainedModel:
    """Return the recipe's model before its first step: new, pretrained, or what an earlier run left.

    Raises:
        UsageError: the backbone has too few positions for the segments of a stage, or its gradient does not
            reach from segment to segment.
    """
    model = _build(recipe, tokenizer)
    if isinstance(model.network, recurrent.RecurrentNetwork):
        recurrent.check_gradient(model.network)
    for stage, segment_size in zip(recipe.stages, recipe.segment_sizes, strict=True):
        try:
            set_segment_size(model, segment_size)
        except UsageError as misfit:
            raise UsageError(f"stage {stage.name}: {misfit}") from None
        if stage.positions_of is not None:
            _check_positions(stage.name, stage.positions_of, segment_size, model)
        if stage.sharpen_gate is not None and memory_gate(model) is None:
            raise UsageError(
                f"stage {stage.name}: sharpen_gate, but the model has no gate: set memory_update: gate in "
                "model, or leave it out"
            )
    return model


def _check_positions(stage: str, longer: int, segment_size: int, model: TrainedModel) -> None:
    """Refuse segments at positions of longer ones where none are longer, or positions cannot be chosen."""
    if longer < segment_size:
        raise UsageError(
            f"stage {stage}: positions_of: {longer}, but its segments have up to {segment_size} tokens: "
            "give as many or more"
        )
    if not isinstance(model.network, RMTEncoder) or not is_rotary(model.network.backbone.config):
        raise UsageError(
            f"stage {stage}: positions_of, but this model's positions cannot be chosen: take an RMT encoder "
            "with rotary positions (ModernBERT), or leave positions_of out"
        )


def _with_overlap(model: TrainedModel, wanted: Model) -> TrainedModel:
    if isinstance(model, RMTModel):
        set_segment_overlap(model, wanted.segment_overlap)
    return model


def _build(recipe: Recipe, tokenizer: Tokenizer) -> TrainedModel:
    wanted = recipe.model
    if wanted.continue_from is not None:
        return _with_overlap(load_trained_model(checkpoint_folder(wanted.continue_from)), wanted)
    if wanted.kind == recurrent.MODEL_TYPE:
        return _build_recurrent(recipe, tokenizer)
    if wanted.kind is not None:
        return _build_kin(recipe, wanted.kind, tokenizer)
    if wanted.memory == "associative":
        return _build_associative(recipe, tokenizer)
    config = RMTConfig(
        form=wanted.form,
        memory_tokens=wanted.memory_tokens,
        segment_size=wanted.segment_size,
        segment_overlap=wanted.segment_overlap,
        memory_update=wanted.memory_update,
        labels=recipe.labels if wanted.form == "encoder" else (),
    )
    backbone = wanted.backbone
    if not isinstance(backbone, dict):
        assert backbone is not None
        return build_rmt(config, backbone, tokenizer, seed=recipe.seed, adapter=wanted.adapter)
    configuration = _configuration(backbone, tokenizer.get_vocab_size())
    model = build_rmt(config, configuration, tokenizer, seed=recipe.seed)
    if wanted.from_scratch is not None:
        draw_weights(model, wanted.from_scratch, seed=recipe.seed)
    return model


def _build_associative(recipe: Recipe, tokenizer: Tokenizer) -> ARMTModel:
    wanted = recipe.model
    config = ARMTConfig(
        memory_tokens=wanted.memory_tokens,
        segment_size=wanted.segment_size,
        **wanted.associative.model_dump(),
    )
    backbone = wanted.backbone
    assert backbone is not None
    if isinstance(backbone, dict):
        backbone = _configuration(backbone, tokenizer.get_vocab_size())
    return build_armt(config, backbone, tokenizer, seed=recipe.seed, adapter=wanted.adapter)


def _build_kin(recipe: Recipe, kind: str, tokenizer: Tokenizer) -> KinModel:
    arguments = KINDS[kind].completed(
        recipe.model.arguments,
        vocabulary_size=tokenizer.get_vocab_size(),
        longest=max(recipe.segment_sizes),
    )
    config = KinConfig(model_type=kind, arguments=arguments, segment_size=recipe.model.segment_size)
    return build_kin(config, tokenizer, seed=recipe.seed)


def _build_recurrent(recipe: Recipe, tokenizer: Tokenizer) -> recurrent.RecurrentModel:
    backbone = recipe.model.backbone
    assert backbone is not None
    if isinstance(backbone, dict):
        backbone = _configuration(backbone, tokenizer.get_vocab_size())
    config = recurrent.RecurrentConfig(segment_size=recipe.model.segment_size)
    return recurrent.build_recurrent(config, backbone, tokenizer, seed=recipe.seed)


def draw_weights(model: RMTModel, how: FromScratch, *, seed: int) -> None:
    """Draw weights from which a small encoder learns relations that it otherwise stalls on.

    Embeddings of words and, as sinusoids, of BERT's positions have one size; each layer's keys begin equal to
    its queries, so that a token attends to others like it from the first step.
    """
    backbone = model.network.backbone
    kind = backbone.config.model_type
    if kind not in ("bert", "modernbert"):
        raise UsageError(f"from_scratch is made for a bert or modernbert backbone, not for {kind}")
    generator = torch.Generator().manual_seed(seed)
    table = embedding_table(backbone)
    with torch.no_grad():
        table.normal_(std=how.embeddings, generator=generator)
        if kind == "bert":
            positions = backbone.get_parameter("bert.embeddings.position_embeddings.weight")
            positions.copy_(_sinusoids(*positions.shape) * how.positions)
        model.network.memory.normal_(std=1.0, generator=generator)
        if how.tied_keys:
            for layer in range(backbone.config.num_hidden_layers):
                query, key = _query_and_key(backbone, layer)
                key.copy_(query)


def _query_and_key(backbone: PreTrainedModel, layer: int) -> tuple[Tensor, Tensor]:
    """Return a layer's projections to queries and to keys, as they lie in its weights."""
    if backbone.config.model_type == "bert":
        attention = f"bert.encoder.layer.{layer}.attention.self"
        get = backbone.get_parameter
        return get(f"{attention}.query.weight"), get(f"{attention}.key.weight")
    query, key, _ = backbone.get_parameter(f"model.layers.{layer}.attn.Wqkv.weight").chunk(3)
    return query, key


def _sinusoids(n_positions: int, width: int) -> Tensor:
    """Return the position embeddings of Vaswani et al. 2017, section 3.5: [positions, width]."""
    rates = torch.exp(torch.arange(0, width, 2) * (-torch.log(torch.tensor(10_000.0)) / width))
    angles = torch.arange(n_positions)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


def _configuration(content: dict[str, Any], vocab_size: int) -> PretrainedConfig:
    settings = {"vocab_size": vocab_size, **content}
    kind = settings.pop("model_type", None)
    if not isinstance(kind, str):
        raise UsageError("model.backbone: a configuration needs its model_type, as in {model_type: bert, …}")
    try:
        return AutoConfig.for_model(kind, **settings)
    except Exception as unknown:  # whatever its values make of the library's code
        raise UsageError(f"model.backbone: {first_line(unknown)}") from unknown
