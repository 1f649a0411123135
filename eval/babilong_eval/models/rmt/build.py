"""Builds RMTs around backbones: with random weights from a configuration, or with pretrained ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    DynamicCache,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.cache_utils import CacheLayerMixin

from babilong_eval.models.adapters import add_adapter, restore_adapter
from babilong_eval.models.incremental_forward import needs_help
from babilong_eval.models.library_output import without_chatter
from babilong_eval.models.loading import loading
from babilong_eval.models.pretrained import embedding_table, limit_of_positions
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.model import RMTModel
from babilong_eval.models.tokenizers import check_fits, core, find_tokenizer
from babilong_gen.errors import SourceError, UsageError, first_line
from babilong_gen.user_paths import user_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenizers import Tokenizer

    from babilong_eval.models.adapters import Adapter
    from babilong_eval.models.rmt.config import RMTConfig

_FRAME = 3  # [CLS] and two [SEP]


def build_rmt(
    config: RMTConfig,
    backbone: str | PretrainedConfig,
    tokenizer: Tokenizer | None = None,
    *,
    seed: int = 0,
    adapter: Mapping[str, Any] | None = None,
    max_new_tokens: int = MAX_NEW_TOKENS,
) -> RMTModel:
    """Return a new RMT, to be trained; a rotary backbone gets the positions that its segments need.

    Args:
        config: the memory, the segments, the labels.
        backbone: a configuration, for random weights; or a pretrained model's folder or hub name.
        tokenizer: the backbone's; may be left out where the backbone is a folder or hub name that has one.
        seed: of every weight that is not pretrained.
        adapter: settings of peft's, for one that is trained in place of a pretrained decoder's own weights.
    """
    if tokenizer is None:
        if not isinstance(backbone, str):
            raise UsageError("a backbone of random weights has no tokenizer of its own: pass one")
        tokenizer = core(find_tokenizer(user_place(backbone)))
    with torch.random.fork_rng(), without_chatter():
        torch.manual_seed(seed)
        model = _new(config, backbone) if isinstance(backbone, PretrainedConfig) else _found(config, backbone)
        _make_room(config, model.config)
        network = wrap(config, model, tokenizer)
        torch.nn.init.normal_(network.memory, std=embedding_table(model).std().item())
        if adapter is not None:
            if not isinstance(backbone, str):
                raise UsageError(
                    "an adapter is trained on pretrained weights: name the backbone that has them"
                )
            config = replace(config, adapter=add_adapter(model, adapter, backbone))
    return RMTModel(network, config, tokenizer, max_new_tokens=max_new_tokens)


def wrap(config: RMTConfig, backbone: PreTrainedModel, tokenizer: Tokenizer) -> RMTEncoder | RMTDecoder:
    """Put a memory, still empty, around a backbone; refuse segments or tokens that do not fit it."""
    name = f"the backbone {backbone.config.model_type}"
    check_fits(tokenizer, len(embedding_table(backbone)), name)
    width, hidden = embedding_table(backbone).shape[1], backbone.config.get_text_config().hidden_size
    if width != hidden:
        raise UsageError(
            f"{name} embeds tokens in {width} dimensions and computes in {hidden}: its outputs cannot be the "
            "memory that its next segment begins with"
        )
    _check_positions(config, backbone.config)
    if config.form == "decoder":
        if not _attends(backbone):
            raise UsageError(
                f"{name} has no attention for a memory to be read by: take a decoder like GPT-2 or Llama"
            )
        if needs_help(backbone.config):
            raise UsageError(
                f"{name} does not read on from its cache by itself, as it must to write an answer: take a "
                "decoder like GPT-2 or Llama"
            )
        return RMTDecoder(backbone, memory_tokens=config.memory_tokens)
    cls_id, sep_id = _frame(tokenizer)
    return RMTEncoder(
        backbone,
        memory_tokens=config.memory_tokens,
        cls_id=cls_id,
        sep_id=sep_id,
        gated=config.memory_update == "gate",
    )


def set_segment_size(model: RMTModel, segment_size: int) -> None:
    """Give a model segments of another size, and a rotary backbone the positions for them.

    Raises:
        UsageError: another backbone has too few positions.
    """
    config, backbone = replace(model.config, segment_size=segment_size), model.network.backbone.config
    _make_room(config, backbone)
    _check_positions(config, backbone)
    model.config = config


def is_rotary(backbone: PretrainedConfig) -> bool:
    """Return whether positions are rotary and not scaled, so that no weight depends on how many there are."""
    ropes = getattr(backbone.get_text_config(), "rope_parameters", None) or {}
    per_layer = [rope for rope in ropes.values() if isinstance(rope, dict)] or [ropes]
    return all(rope.get("rope_type") == "default" for rope in per_layer)


def _make_room(config: RMTConfig, backbone: PretrainedConfig) -> None:
    text, needed = backbone.get_text_config(), _positions(config)
    if is_rotary(backbone) and needed > getattr(text, "max_position_embeddings", needed):
        text.max_position_embeddings = needed


def _check_positions(config: RMTConfig, backbone: PretrainedConfig) -> None:
    needed, limit = _positions(config), limit_of_positions(backbone)
    if limit is not None and needed > limit:
        raise UsageError(
            f"segments of {config.segment_size} tokens and {config.memory_tokens} of memory make {needed} "
            f"positions, but the backbone {backbone.model_type} has {limit}: take shorter segments"
        )


def _positions(config: RMTConfig) -> int:
    """Return the positions of a full segment with its memory and what frames it."""
    around = _FRAME if config.form == "encoder" else config.memory_tokens
    return config.segment_size + config.memory_tokens + around


def without_weights(config: RMTConfig, backbone: PretrainedConfig) -> PreTrainedModel:
    """Return a backbone whose weights are about to be loaded."""
    return _new(config, backbone)


def wrap_adapted(config: RMTConfig, adapter: Adapter, tokenizer: Tokenizer) -> RMTDecoder:
    """Return a network around the backbone of its adapter, without the weights that were trained.

    Raises:
        SourceError: the backbone is not there, or has changed.
    """
    backbone = _found(config, adapter.backbone)
    _make_room(config, backbone.config)
    network = wrap(config, backbone, tokenizer)
    assert isinstance(network, RMTDecoder)
    restore_adapter(backbone, adapter)
    return network


def _attends(backbone: PreTrainedModel) -> bool:
    layers = DynamicCache(config=backbone.config).layers
    return any(isinstance(layer, CacheLayerMixin) for layer in layers)


def _new(config: RMTConfig, backbone: PretrainedConfig) -> PreTrainedModel:
    try:
        if config.form == "decoder":
            return AutoModelForCausalLM.from_config(backbone)
        backbone.num_labels = len(config.labels)
        return AutoModelForSequenceClassification.from_config(backbone)
    except Exception as error:  # whatever its numbers make of the library's code
        made = f"no {config.form} can be made of this configuration of {backbone.model_type}"
        raise UsageError(f"{made}: {first_line(error)}") from error


def _found(config: RMTConfig, name: str) -> PreTrainedModel:
    name = user_place(name)
    with loading("backbone", name):
        if config.form == "decoder":
            return AutoModelForCausalLM.from_pretrained(name, trust_remote_code=False)
        return AutoModelForSequenceClassification.from_pretrained(
            name, num_labels=len(config.labels), trust_remote_code=False
        )


def _frame(tokenizer: Tokenizer) -> tuple[int, int]:
    """Return the tokens that the tokenizer puts before and after a text."""
    ids = tokenizer.encode("").ids
    if len(ids) != 2:
        raise SourceError(
            f"the tokenizer puts {len(ids)} tokens around a text; an RMT encoder needs two, [CLS] and [SEP]"
        )
    return ids[0], ids[1]
