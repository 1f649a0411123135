"""Reads a text on from a carry, with each family of the library's recurrent models.

What the library calls a cache is here a value: `read(module, tokens, carry)` gives the module's output and
the next carry, and leaves the one it was given as it was; None is the carry of a model that has read nothing.
A module is a causal LM, or its base model where no head is wanted.

The library's own forward continues from a cache one token at a time. Given more tokens at once, some families
take up only part of what was read, without saying so: Mamba, Falcon-Mamba and Jamba begin
their scan anew, RecurrentGemma its convolution. Both are linear in what they begin with, so that the missing
part is added here.

Legend: B batch, L tokens, D channels, N states of a channel.
"""

from __future__ import annotations

import inspect
from contextlib import ExitStack, contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import (
    CacheLayerMixin,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    LinearAttentionCacheLayerMixin,
)

from babilong_eval.models.pretrained import body
from babilong_eval.models.reading_trial import best_way
from babilong_eval.models.state import fork, map_tensors, select_rows
from babilong_eval.models.transformers_versions import forward_with_cache, scans_replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from transformers import PretrainedConfig

    from babilong_eval.models.reading_trial import Read


def reader_for(network: PreTrainedModel) -> Read:
    """Return how this model is read on: by the library where it does so correctly, else with our additions.

    Raises:
        UsageError: neither gives the logits of reading at once.
    """
    added = _FAMILIES.get(network.config.model_type)
    return best_way(network, [read_cached] if added is None else [read_cached, added])


def needs_help(config: PretrainedConfig) -> bool:
    """Return whether the library's own forward would read on wrongly with a model of this family."""
    return config.model_type in _FAMILIES


def has_recurrent_layers(config: PretrainedConfig) -> bool:
    """Return whether some layers carry a state in place of keys and values, as a cache for them shows."""
    layers = DynamicCache(config=config).layers
    return any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in layers)


@torch.inference_mode()
def grows(network: PreTrainedModel, read: Read) -> bool:
    """Return whether a model has attention layers that keep every token, found out by letting it read one."""
    token = torch.zeros(1, 1, dtype=torch.long, device=network.device)
    _, carry = read(body(network), token, None)
    layers = getattr(carry[0] if isinstance(carry, tuple) else carry, "layers", ())
    return any(
        isinstance(layer, DynamicLayer) and not isinstance(layer, DynamicSlidingWindowLayer)
        for layer in layers
    )


def read_cached(module: PreTrainedModel, tokens: Tensor, carry: Any) -> tuple[Any, Any]:
    """Any model that takes a cache and continues from it as it should: all but the families below."""
    cache = DynamicCache(config=module.config) if carry is None else fork(carry)
    options: dict[str, Tensor] = {}
    if "position_ids" in inspect.signature(module.forward).parameters:  # not every model counts on by itself
        options["position_ids"] = torch.arange(tokens.shape[1], device=tokens.device)[None] + _n_read(cache)
    return forward_with_cache(module, cache, input_ids=tokens, **options), cache


def _n_read(cache: Any) -> int:
    """Return how many tokens a cache has seen; 0 where no layer attends: then positions do not matter."""
    return max(
        (layer.get_seq_length() for layer in cache.layers if isinstance(layer, CacheLayerMixin)), default=0
    )


def _read_mamba(module: PreTrainedModel, tokens: Tensor, carry: Any) -> tuple[Any, Any]:
    if carry is None or tokens.shape[1] == 1:
        return read_cached(module, tokens, carry)
    states = [layer.recurrent_states[0] for layer in carry.layers if hasattr(layer, "recurrent_states")]
    with scans_replaced(module, lambda scan: _scan_from(scan, states)):
        return read_cached(module, tokens, carry)


def _scan_from(scan: Callable, before: list[Tensor]) -> Callable:
    """Return the library's scan, begun with the given states [B, D, N], one per call, in place of zero.

    h_t = exp(A dt_t) h_{t-1} + ... and y_t = C_t h_t are linear in h_0: its share of h_t is exp(A (dt_1 + ...
    + dt_t)) h_0 (Gu and Dao 2023, arXiv 2312.00752, equations 2 and 4).
    """
    states = iter(before)

    def scan_on(hidden, dt, A, B, C, *, z, delta_bias, **rest):  # noqa: N803  # the paper's names
        start = next(states).float()
        out, last = scan(hidden, dt, A, B, C, z=z, delta_bias=delta_bias, **rest)
        time = functional.softplus(dt.float() + delta_bias[:, None]).cumsum(dim=-1)  # [B, D, L]
        share = torch.exp(A.float()[:, None] * time[..., None]) * start[:, :, None]  # [B, D, L, N]
        added = torch.einsum("bdln,bnl->bdl", share, C.float()) * functional.silu(z.float())
        return out + added.to(out.dtype), last + share[:, :, -1].to(last.dtype)

    return scan_on


def _read_recurrent_gemma(module: PreTrainedModel, tokens: Tensor, carry: Any) -> tuple[Any, Any]:
    """The carry is the cache of the attention layers and (convolution, recurrence) states of the others."""
    blocks: list[Any] = [block for block in module.modules() if hasattr(block, "conv1d_state")]
    if carry is None:
        carry = DynamicCache(config=module.config), [_zeros(block, tokens, module.dtype) for block in blocks]
    cache, states = fork(carry[0]), carry[1]
    for block, (convolution, recurrence) in zip(blocks, states, strict=True):
        block.conv1d_state, block.rg_lru.recurrent_states = convolution, recurrence
    with ExitStack() as hooks:
        recent = [
            hooks.enter_context(_convolve_from(block.conv_1d, state[0]))
            for block, state in zip(blocks, states, strict=True)
        ]
        output = forward_with_cache(module, cache, input_ids=tokens)
    after = [
        (here[0] if here else block.conv1d_state, block.rg_lru.recurrent_states)
        for block, here in zip(blocks, recent, strict=True)
    ]
    return output, (cache, after)


def _zeros(block: Any, tokens: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    convolution = torch.zeros(len(tokens), block.hidden_size, block.conv1d_width - 1, dtype=dtype)
    recurrence = torch.zeros(len(tokens), block.lru_width)
    return convolution.to(tokens.device), recurrence.to(tokens.device)


@contextmanager
def _convolve_from(convolution: nn.Conv1d, before: Tensor) -> Iterator[list[Tensor]]:
    """Let a causal convolution see the inputs before its first one; return a list for its last inputs."""
    recent: list[Tensor] = []

    def convolve(layer: nn.Conv1d, inputs: tuple[Tensor], _: Tensor) -> Tensor:
        joined = torch.cat([before, inputs[0]], dim=-1)
        recent.append(joined[..., -before.shape[-1] :])
        return functional.conv1d(joined, layer.weight, layer.bias, groups=layer.groups)

    hook = convolution.register_forward_hook(convolve)
    try:
        yield recent
    finally:
        hook.remove()


def _read_rwkv(module: PreTrainedModel, tokens: Tensor, carry: Any) -> tuple[Any, Any]:
    """The library mixes up the rows of a batch of single tokens, so these are read row by row."""
    if tokens.shape[1] == 1 and len(tokens) > 1:
        rows = [_read_rwkv(module, tokens[[row]], select_rows(carry, [row])) for row in range(len(tokens))]
        output = copy(rows[0][0])
        if "logits" in output:
            output.logits = torch.cat([one.logits for one, _ in rows])
        return output, [torch.cat(column) for column in zip(*(state for _, state in rows), strict=True)]
    output = module(input_ids=tokens, state=map_tensors(carry, Tensor.clone), use_cache=True)
    return output, output.state


def _read_xlstm(module: PreTrainedModel, tokens: Tensor, carry: Any) -> tuple[Any, Any]:
    from transformers.models.xlstm.modeling_xlstm import xLSTMCache

    config: Any = module.config
    cache = xLSTMCache(config, len(tokens), device=str(tokens.device), dtype=module.dtype)
    if carry is not None:
        cache.rnn_state = map_tensors(carry, Tensor.clone)
    output = forward_with_cache(module, cache, input_ids=tokens)
    return output, cache.rnn_state


_FAMILIES: dict[str, Read] = {
    "falcon_mamba": _read_mamba,
    "jamba": _read_mamba,
    "mamba": _read_mamba,
    "recurrent_gemma": _read_recurrent_gemma,
    "rwkv": _read_rwkv,
    "xlstm": _read_xlstm,
}
