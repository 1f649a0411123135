"""`memorizing-transformers-pytorch`: layers that search the keys of earlier tokens.

The package's model, with `knn_memory` in place of its own memory: nothing is written to a disk, and each
search is exact. Memories are detached: no gradient reaches an earlier segment.

Legend: B batch, N memories, D width of a head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from babilong_eval.models.kin.knn_memory import KNNMemory
from babilong_eval.models.kin.packages import import_package

if TYPE_CHECKING:
    from torch import Tensor, nn

    from babilong_eval.models.kin.knn_memory import Blocks

    # Each memorizing layer's blocks, and the last keys and values of layers with XL memories [B, N, 2, D].
    State = tuple[tuple[Blocks, ...], tuple[Tensor, ...]]


def build(arguments: dict[str, Any]) -> nn.Module:
    """Return the package's model."""
    return import_package("memorizing_transformers_pytorch").MemorizingTransformer(**arguments)


def read_segment(model: Any, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
    """Read a segment after a state; what is added to a memory leaves the given state as it was."""
    stored, recent = state or (((),) * model.num_memory_layers, ())
    memories = [KNNMemory(blocks, batch_size=len(tokens), limit=model.max_knn_memories) for blocks in stored]
    output = model(tokens, memories, xl_memories=list(recent) or None)
    logits, seen = output if isinstance(output, tuple) else (output, ())
    return logits, (tuple(memory.blocks for memory in memories), tuple(seen))
