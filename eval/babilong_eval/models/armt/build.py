"""Builds ARMTs around decoders: with random weights from a configuration, or with pretrained ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from babilong_eval.models.adapters import restore_adapter
from babilong_eval.models.armt.config import ARMTConfig
from babilong_eval.models.armt.decoder import ARMTDecoder
from babilong_eval.models.backbone import (
    adapt,
    check_vocabulary_and_width,
    fit_positions,
    make_backbone,
    tokenizer_for,
)
from babilong_eval.models.incremental_forward import has_recurrent_layers, needs_help
from babilong_eval.models.library_output import without_chatter
from babilong_eval.models.pretrained import embedding_table, stop_ids
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.models.reading_trial import some_tokens, try_out, writing_difference
from babilong_eval.models.segment_network import NetworkModel
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel

    from babilong_eval.models.adapters import Adapter

ARMTModel = NetworkModel[ARMTDecoder, ARMTConfig]
"""An ARMT as the harness's `SegmentModel`; its state, [B, N, H, K, V], never grows."""


def build_armt(
    config: ARMTConfig,
    backbone: str | PretrainedConfig,
    tokenizer: Tokenizer | None = None,
    *,
    seed: int = 0,
    adapter: Mapping[str, Any] | None = None,
    max_new_tokens: int = MAX_NEW_TOKENS,
) -> ARMTModel:
    """Return a new ARMT, to be trained; its memory has no effect until then.

    Args:
        config: the memory and the segments.
        backbone: a configuration, for random weights; or a pretrained model's folder or hub name.
        tokenizer: the backbone's; may be left out where the backbone is a folder or hub name that has one.
        seed: of every weight that is not pretrained.
        adapter: settings of peft's, for one that is trained in place of a pretrained backbone's own weights.
    """
    tokenizer = tokenizer_for(backbone, tokenizer)
    with torch.random.fork_rng(), without_chatter():
        torch.manual_seed(seed)
        model = make_backbone(backbone, "decoder")
        if config.wrap_positions:
            _add_positions(model, config.memory_tokens)
        network = wrap(config, model, tokenizer)
        nn.init.normal_(network.memory, std=embedding_table(model).std().item())
        if network.sink is not None:
            nn.init.normal_(network.sink)
        if adapter is not None:
            network.config = replace(config, adapter=adapt(model, adapter, backbone))
    return as_model(network, tokenizer, max_new_tokens=max_new_tokens)


def as_model(
    network: ARMTDecoder, tokenizer: Tokenizer, *, max_new_tokens: int = MAX_NEW_TOKENS
) -> ARMTModel:
    """Return a network that has its weights as the harness's model, after trying it out."""
    network.eval()
    try_out(network.backbone, lambda: _difference(network))
    return NetworkModel(
        network, network.config, tokenizer, stop_ids=stop_ids(network.backbone), max_new_tokens=max_new_tokens
    )


def wrap(config: ARMTConfig, backbone: PreTrainedModel, tokenizer: Tokenizer) -> ARMTDecoder:
    """Put memories around a backbone's layers; refuse segments, tokens or heads that do not fit it."""
    kind = backbone.config.model_type
    hidden = backbone.config.get_text_config().hidden_size
    check_vocabulary_and_width(backbone, tokenizer, "memory tokens need one width")
    if needs_help(backbone.config) or has_recurrent_layers(backbone.config):
        raise UsageError(f"the backbone {kind} has recurrent layers: take a decoder like GPT-2 or Llama")
    if hidden % config.heads or config.d_mem % config.heads:
        raise UsageError(
            f"heads={config.heads} divides the backbone's width {hidden} or d_mem={config.d_mem} unevenly: "
            "take a divisor of both"
        )
    if config.wrap_positions and not hasattr(backbone.config, "n_positions"):
        raise UsageError(f"wrap_positions adds position embeddings, which {kind} does not have: leave it out")
    fit_positions(config, backbone.config, frame=config.sink)
    return ARMTDecoder(backbone, config)


def set_segment_size(model: ARMTModel, segment_size: int) -> None:
    """Give a model segments of another size, and a rotary backbone the positions for them.

    Raises:
        UsageError: another backbone has too few positions.
    """
    config = replace(model.config, segment_size=segment_size)
    fit_positions(config, model.network.backbone.config, frame=config.sink)
    model.config = model.network.config = config


def wrap_adapted(config: ARMTConfig, adapter: Adapter, tokenizer: Tokenizer) -> ARMTDecoder:
    """Return a network around the backbone of its adapter, without the weights that were trained.

    Raises:
        SourceError: the backbone is not there, or has changed.
    """
    backbone = make_backbone(adapter.backbone, "decoder")
    network = wrap(config, backbone, tokenizer)
    restore_adapter(backbone, adapter)
    return network


def _add_positions(backbone: PreTrainedModel, more: int) -> None:
    """Append position embeddings to GPT-2's."""
    table = getattr(backbone.base_model, "wpe", None)
    if not isinstance(table, nn.Embedding):
        kind = backbone.config.model_type
        raise UsageError(f"wrap_positions adds position embeddings, which {kind} does not have: leave it out")
    longer = nn.Embedding(len(table.weight) + more, table.embedding_dim)
    nn.init.normal_(longer.weight, std=table.weight.std().item())
    with torch.no_grad():
        longer.weight[:-more] = table.weight
    setattr(backbone.base_model, "wpe", longer)  # noqa: B010  # not a name that every backbone has
    backbone.config.n_positions = len(longer.weight)


def _difference(network: ARMTDecoder) -> float:
    """Tell how far writing after a cache is from a whole segment, once a memory holds something."""
    state = network.read(some_tokens(network.backbone, 7), network.start(2))
    if state.shape[1] != len(network.associations):
        return float("inf")
    return writing_difference(network, state)
