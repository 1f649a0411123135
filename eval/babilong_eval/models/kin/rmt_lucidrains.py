"""`recurrent-memory-transformer-pytorch`: an RMT whose layers may see the last segment too (XL memories).

The package's own wrapper is not used: it drops the XL memories in its forward pass, not in its replay.

Legend: B batch, S segment, M memory tokens, D width, H heads, L XL memories, E width of a head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from babilong_eval.models.kin.packages import import_package

if TYPE_CHECKING:
    from torch import Tensor, nn

    # The memory [B, M, D], and each layer's last keys and values [B, 2, H, L, E]: none without XL memories.
    State = tuple[Tensor, tuple[Tensor, ...]]


def build(arguments: dict[str, Any]) -> nn.Module:
    """Return the package's model."""
    package = import_package("recurrent_memory_transformer_pytorch")
    return package.RecurrentMemoryTransformer(**arguments)


def read_segment(model: Any, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
    """Read a segment after a state."""
    memory, recent = (None, ()) if state is None else state
    logits, written, seen = model(tokens, memory, xl_memories=[layer.transpose(0, 1) for layer in recent])
    return logits, (written, tuple(layer.transpose(0, 1) for layer in seen or ()))
