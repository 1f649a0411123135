"""Builds RMTs around backbones: with random weights from a configuration, or with pretrained ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from transformers import DynamicCache, PretrainedConfig, PreTrainedModel
from transformers.cache_utils import CacheLayerMixin

from babilong_eval.models.adapters import restore_adapter
from babilong_eval.models.backbone import (
    adapt,
    check_vocabulary_and_width,
    fit_positions,
    make_backbone,
    tokenizer_for,
)
from babilong_eval.models.incremental_forward import needs_help
from babilong_eval.models.library_output import without_chatter
from babilong_eval.models.pretrained import embedding_table
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.model import RMTModel
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenizers import Tokenizer

    from babilong_eval.models.adapters import Adapter
    from babilong_eval.models.rmt.config import RMTConfig

_FRAME = 3  # [CLS] and two [SEP]; a decoder has its memory a second time


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
    tokenizer = tokenizer_for(backbone, tokenizer)
    with torch.random.fork_rng(), without_chatter():
        torch.manual_seed(seed)
        model = backbone_of(config, backbone)
        network = wrap(config, model, tokenizer)
        torch.nn.init.normal_(network.memory, std=embedding_table(model).std().item())
        if adapter is not None:
            config = replace(config, adapter=adapt(model, adapter, backbone))
    return RMTModel(network, config, tokenizer, max_new_tokens=max_new_tokens)


def wrap(config: RMTConfig, backbone: PreTrainedModel, tokenizer: Tokenizer) -> RMTEncoder | RMTDecoder:
    """Put a memory, still empty, around a backbone; refuse segments or tokens that do not fit it."""
    name = f"the backbone {backbone.config.model_type}"
    check_vocabulary_and_width(
        backbone, tokenizer, "its outputs cannot be the memory that its next segment begins with"
    )
    _fit_positions(config, backbone.config)
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
    _set(model, replace(model.config, segment_size=segment_size))


def set_segment_overlap(model: RMTModel, overlap: int) -> None:
    """Let a model read again so many tokens of the segment before; otherwise as `set_segment_size`."""
    _set(model, replace(model.config, segment_overlap=overlap))


def _set(model: RMTModel, config: RMTConfig) -> None:
    _fit_positions(config, model.network.backbone.config)
    model.config = config


def _fit_positions(config: RMTConfig, backbone: PretrainedConfig) -> None:
    frame = _FRAME if config.form == "encoder" else config.memory_tokens
    fit_positions(config, backbone, frame=frame, overlap=config.segment_overlap)


def backbone_of(config: RMTConfig, source: str | PretrainedConfig) -> PreTrainedModel:
    """Return a backbone that is an RMT's; as `make_backbone`."""
    return make_backbone(source, config.form, n_labels=len(config.labels))


def wrap_adapted(config: RMTConfig, adapter: Adapter, tokenizer: Tokenizer) -> RMTDecoder:
    """Return a network around the backbone of its adapter, without the weights that were trained.

    Raises:
        SourceError: the backbone is not there, or has changed.
    """
    backbone = backbone_of(config, adapter.backbone)
    network = wrap(config, backbone, tokenizer)
    assert isinstance(network, RMTDecoder)
    restore_adapter(backbone, adapter)
    return network


def _attends(backbone: PreTrainedModel) -> bool:
    layers = DynamicCache(config=backbone.config).layers
    return any(isinstance(layer, CacheLayerMixin) for layer in layers)


def _frame(tokenizer: Tokenizer) -> tuple[int, int]:
    """Return the tokens that the tokenizer puts before and after a text."""
    ids = tokenizer.encode("").ids
    if len(ids) != 2:
        raise SourceError(
            f"the tokenizer puts {len(ids)} tokens around a text; an RMT encoder needs two, [CLS] and [SEP]"
        )
    return ids[0], ids[1]
