"""`block-recurrent-transformer-pytorch`: layers with a recurrent state, updated block by block.

A segment is one or several blocks. A block that is not full updates the states, but not the keys and values
that the next block sees. The package detaches what it returns: no gradient reaches an earlier segment.

Legend: B batch, N state vectors, D width, L keys, E width of a head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from babilong_eval.models.kin.packages import import_package

if TYPE_CHECKING:
    from torch import Tensor, nn

    # The states of the recurrent layers [B, N, D], and each layer's last keys and values [B, 2, L, E].
    State = tuple[tuple[Tensor, ...], tuple[Tensor, ...]]


def build(arguments: dict[str, Any]) -> nn.Module:
    """Return the package's model."""
    return import_package("block_recurrent_transformer_pytorch").BlockRecurrentTransformer(**arguments)


def read_segment(model: Any, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
    """Read a segment after a state."""
    states, recent = state or ((), ())
    logits, seen, written = model(
        tokens,
        states=list(states),
        xl_memories=[layer.transpose(0, 1) for layer in recent],
        return_memories_and_states=True,
    )
    return logits, (tuple(written), tuple(layer.transpose(0, 1) for layer in seen))
