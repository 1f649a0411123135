"""Builds ARMTs around decoders: with random weights from a configuration, or with pretrained ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from babilong_eval.models.adapters import add_adapter, restore_adapter
from babilong_eval.models.armt.config import ARMTConfig
from babilong_eval.models.armt.decoder import ARMTDecoder
from babilong_eval.models.incremental_forward import has_recurrent_layers, needs_help
from babilong_eval.models.library_output import without_chatter
from babilong_eval.models.pretrained import embedding_table, limit_of_positions, stop_ids
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.models.reading_trial import apart, some_tokens, try_out
from babilong_eval.models.rmt.build import is_rotary
from babilong_eval.models.segment_network import NetworkModel
from babilong_eval.models.tokenizers import check_fits, core, find_tokenizer
from babilong_gen.errors import SourceError, UsageError, first_line
from babilong_gen.user_paths import user_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenizers import Tokenizer

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
    if tokenizer is None:
        if not isinstance(backbone, str):
            raise UsageError("a backbone of random weights has no tokenizer of its own: pass one")
        tokenizer = core(find_tokenizer(user_place(backbone)))
    with torch.random.fork_rng(), without_chatter():
        torch.manual_seed(seed)
        model = without_weights(backbone) if isinstance(backbone, PretrainedConfig) else _found(backbone)
        if config.wrap_positions:
            _add_positions(model, config.memory_tokens)
        network = wrap(config, model, tokenizer)
        nn.init.normal_(network.memory, std=embedding_table(model).std().item())
        if network.sink is not None:
            nn.init.normal_(network.sink)
        if adapter is not None:
            if not isinstance(backbone, str):
                raise UsageError(
                    "an adapter is trained on pretrained weights: name the backbone that has them"
                )
            network.config = replace(config, adapter=add_adapter(model, adapter, backbone))
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
    check_fits(tokenizer, len(embedding_table(backbone)), f"the backbone {kind}")
    width, hidden = embedding_table(backbone).shape[1], backbone.config.get_text_config().hidden_size
    if width != hidden:
        raise UsageError(
            f"the backbone {kind} embeds tokens in {width} dimensions and computes in {hidden}: memory "
            "tokens need one width"
        )
    if needs_help(backbone.config) or has_recurrent_layers(backbone.config):
        raise UsageError(f"the backbone {kind} has recurrent layers: take a decoder like GPT-2 or Llama")
    if hidden % config.heads or config.d_mem % config.heads:
        raise UsageError(
            f"heads={config.heads} divides the backbone's width {hidden} or d_mem={config.d_mem} unevenly: "
            "take a divisor of both"
        )
    if config.wrap_positions and not hasattr(backbone.config, "n_positions"):
        raise UsageError(f"wrap_positions adds position embeddings, which {kind} does not have: leave it out")
    fit_positions(config, backbone.config)
    return ARMTDecoder(backbone, config)


def set_segment_size(model: ARMTModel, segment_size: int) -> None:
    """Give a model segments of another size, and a rotary backbone the positions for them.

    Raises:
        UsageError: another backbone has too few positions.
    """
    config = replace(model.config, segment_size=segment_size)
    fit_positions(config, model.network.backbone.config)
    model.config = model.network.config = config


def fit_positions(config: ARMTConfig, backbone: PretrainedConfig) -> None:
    """Give a rotary backbone the positions of a full segment; refuse another that has too few."""
    text, needed = backbone.get_text_config(), config.segment_size + config.memory_tokens + config.sink
    if is_rotary(backbone) and needed > getattr(text, "max_position_embeddings", needed):
        text.max_position_embeddings = needed
    limit = limit_of_positions(backbone)
    if limit is not None and needed > limit:
        raise UsageError(
            f"segments of {config.segment_size} tokens and {config.memory_tokens} of memory make {needed} "
            f"positions, but the backbone {backbone.model_type} has {limit}: take shorter segments"
        )


def without_weights(backbone: PretrainedConfig) -> PreTrainedModel:
    """Return a decoder of random weights."""
    return AutoModelForCausalLM.from_config(backbone)


def wrap_adapted(config: ARMTConfig, adapter: Adapter, tokenizer: Tokenizer) -> ARMTDecoder:
    """Return a network around the backbone of its adapter, without the weights that were trained.

    Raises:
        SourceError: the backbone is not there, or has changed.
    """
    backbone = _found(adapter.backbone)
    network = wrap(config, backbone, tokenizer)
    restore_adapter(backbone, adapter)
    return network


def _found(name: str) -> PreTrainedModel:
    try:
        return AutoModelForCausalLM.from_pretrained(user_place(name))
    except (OSError, ValueError) as error:
        raise SourceError(f"no backbone in {name}: {first_line(error)}") from None


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
    """Tell how far logits after the cache, of several tokens and of one, are from a whole segment's."""
    tokens = some_tokens(network.backbone, 7)
    state = network.read(tokens, network.start(2))
    if state.shape[1] != len(network.associations):
        return float("inf")
    at_once = network.logits(tokens, state)[:, 4:]
    first, carry = network.prefill(tokens[:, :5], state)
    together, _ = network.read_on(tokens[:, 5:], carry)
    one, longer = network.read_on(tokens[:, 5:6], carry)
    two, _ = network.read_on(tokens[:, 6:], longer)
    singly = torch.cat([first[:, None], one, two], dim=1)
    return max(apart(together, at_once[:, 1:]), apart(singly, at_once))
