"""Computes the last layer only where its output is read.

Of a segment that is not the last, only the memory's positions are read from the last layer. Its keys and
values need every token, but its feed-forward treats each position by itself, and so do an encoder's queries:
both can run at those few alone. No number that is read changes beyond rounding.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from copy import copy
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedModel

# By architecture: where the layers are, and the modules of a layer's feed-forward, first to last.
_FEED_FORWARDS = {
    **dict.fromkeys(
        ("bert", "electra", "roberta", "xlm-roberta"), ("encoder.layer", ("intermediate", "output"))
    ),
    "distilbert": ("transformer.layer", ("ffn",)),
    "gpt2": ("h", ("mlp",)),
    **dict.fromkeys(("gpt_neox", "llama", "mistral", "modernbert", "qwen2", "qwen3"), ("layers", ("mlp",))),
}
# By architecture: the module of an encoder's layer that looks up how to attend, each time that it runs. A
# decoder's queries are left alone: which tokens they may see depends on their place among all queries.
_ATTENTIONS = {
    **dict.fromkeys(("bert", "electra", "roberta", "xlm-roberta"), "attention.self"),
    "modernbert": "attn",
}
_DENSE, _SPARSE = "sdpa", "sdpa_at_read_positions"


@contextmanager
def last_layer_at(backbone: PreTrainedModel, positions: slice) -> Iterator[None]:
    """Within the block, the last layer's outputs are right at the given positions and meaningless elsewhere.

    Architectures that are not known to treat each position by itself run as they are.

    Args:
        backbone: the model without its head.
        positions: those of the S outputs that will be read.
    """
    kind = backbone.config.model_type
    if kind not in _FEED_FORWARDS:
        yield
        return
    layers, names = _FEED_FORWARDS[kind]
    last = attrgetter(layers)(backbone)[-1]
    with ExitStack() as until_read:
        until_read.enter_context(_feed_forward_at([getattr(last, name) for name in names], positions))
        if kind in _ATTENTIONS and backbone.config._attn_implementation == _DENSE:
            until_read.enter_context(_queries_at(attrgetter(_ATTENTIONS[kind])(last), positions))
        yield


@contextmanager
def _feed_forward_at(modules: list[nn.Module], positions: slice) -> Iterator[None]:
    length = 0

    def enter(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        nonlocal length
        length = max(x.shape[1] for x in inputs)
        return tuple(x[:, positions].contiguous() if x.shape[1] == length else x for x in inputs)

    def leave(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        whole = output.new_zeros(output.shape[0], length, output.shape[2])
        whole[:, positions] = output
        return whole

    with ExitStack() as hooks:
        for module in modules:
            hooks.callback(module.register_forward_pre_hook(enter).remove)
        hooks.callback(modules[-1].register_forward_hook(leave).remove)
        yield


@contextmanager
def _queries_at(attention: Any, positions: slice) -> Iterator[None]:
    dense = attention.config
    attention.config = copy(dense)
    attention.config._attn_implementation = _SPARSE
    attention.read_positions = positions
    try:
        yield
    finally:
        attention.config = dense
        del attention.read_positions


def _attend_at_read_positions(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Attend as the library's `sdpa` does, from the read positions alone: outputs [B, S, heads, width]."""
    positions = module.read_positions
    if attention_mask is not None and attention_mask.shape[-2] == query.shape[2]:
        attention_mask = attention_mask[..., positions, :]
    attend = ALL_ATTENTION_FUNCTIONS[_DENSE]
    read, _ = attend(module, query[:, :, positions], key, value, attention_mask, **options)
    whole = read.new_zeros(read.shape[0], query.shape[2], *read.shape[2:])
    whole[:, positions] = read
    return whole, None


AttentionInterface.register(_SPARSE, _attend_at_read_positions)
