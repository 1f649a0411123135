"""Skips the last layer's feed-forward where its output is not read.

Of a segment that is not the last, only the memory's positions are read from the last layer. Its attention
still needs every token, but its feed-forward treats each position by itself, so that it can run at those few
alone: a twentieth of BERT-base's work less, without changing a number that is read.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

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


@contextmanager
def feed_forward_at(backbone: PreTrainedModel, positions: slice) -> Iterator[None]:
    """Within the block, the last layer's outputs are right at the given positions and meaningless elsewhere.

    Architectures that are not known to treat each position by itself run as they are.

    Args:
        backbone: the model without its head.
        positions: those of the S outputs that will be read.
    """
    if backbone.config.model_type not in _FEED_FORWARDS:
        yield
        return
    layers, names = _FEED_FORWARDS[backbone.config.model_type]
    modules: list[nn.Module] = [getattr(attrgetter(layers)(backbone)[-1], name) for name in names]
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
