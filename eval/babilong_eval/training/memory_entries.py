"""What tokens of a memory are taught to hold: an entry of a relation each, as linear heads read it.

A room that two relations tell of has two neighbours, and which of them is asked about is a parity of the
direction, the room's place in its sentence, and the form of the question. Answers alone teach a memory the
neighbours and no direction. So the memory is told what to hold: after each segment its first tokens hold the
relations told last, newest first, two tokens each. A token holds an entry: seen from this room, in this
direction, lies that room. The same heads read all tokens, so that a question can find its entry among them as
attention finds a key. The heads are needed for training alone, and are no part of the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.training.relations import DIRECTIONS
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from babilong_eval.training.relations import Relation

_RELATIONS_HELD = 2
TOKENS_THAT_HOLD = 2 * _RELATIONS_HELD

# In place of an entry's numbers, for a token that is taught nothing.
_NOTHING = -1
# The numbers of an entry: of the room it is seen from, the direction, and the room that lies there.
_PARTS = 3


def entries_of(
    told: Sequence[Relation], number: dict[str, int], *, segments: int, segment_size: int
) -> np.ndarray:
    """Return the entries that a row's memory shall hold after each segment but the last.

    Args:
        told: relations of the row, in their order.
        number: of each label.

    Returns:
        int64 [segments - 1, TOKENS_THAT_HOLD, 3].
    """
    entries = np.full((max(0, segments - 1), TOKENS_THAT_HOLD, _PARTS), _NOTHING)
    for after in range(segments - 1):
        known = [each for each in told if each.known_from <= (after + 1) * segment_size]
        newest_first = reversed(known[-_RELATIONS_HELD:])
        held = [entry for relation in newest_first for entry in relation.entries]
        for token, entry in enumerate(held):
            direction = DIRECTIONS.index(entry.direction)
            entries[after, token] = number[entry.seen_from], direction, number[entry.room]
    return entries


def stack_entries(rows: Sequence[np.ndarray | None], device: torch.device) -> Tensor | None:
    """Return the entries of a batch, int64 [segments - 1, B, TOKENS_THAT_HOLD, 3]; None where no row has any.

    Args:
        rows: None for a row that is taught nothing.
    """
    shape = next((each.shape for each in rows if each is not None), None)
    if shape is None:
        return None
    nothing = np.full(shape, _NOTHING)
    stacked = np.stack([nothing if each is None else each for each in rows], axis=1)
    return torch.from_numpy(stacked).to(device)


class EntryHeads(nn.Module):
    """Linear heads that read an entry from a token of the memory; zero at first, so they draw nothing.

    Args:
        width: D, of the memory.
        labels: how many there are; rooms are numbered among them.
    """

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.parts = (labels, len(DIRECTIONS), labels)
        self.weight = nn.Parameter(torch.zeros(sum(self.parts), width))
        self.bias = nn.Parameter(torch.zeros(sum(self.parts)))

    def losses(self, memory: Tensor, entries: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cross-entropy of each entry that shall be held, and whether it is read right, [E].

        Args:
            memory: [B, M, D].
            entries: int64 [B, TOKENS_THAT_HOLD, 3].
        """
        is_held = entries[..., 0] != _NOTHING
        scores = nn.functional.linear(memory[:, : entries.shape[1]][is_held], self.weight, self.bias).float()
        wanted = entries[is_held]
        losses, right = scores.new_zeros(len(wanted)), torch.ones_like(wanted[:, 0], dtype=torch.bool)
        for part, target in zip(scores.split(list(self.parts), dim=-1), wanted.unbind(dim=-1), strict=True):
            losses = losses + nn.functional.cross_entropy(part, target, reduction="none")
            right = right & (part.argmax(dim=-1) == target)
        return losses, right


def make_entry_heads(network: nn.Module, labels: int) -> EntryHeads:
    """Return the heads for a network's memory.

    Raises:
        UsageError: its memory has no tokens, or too few.
    """
    if not isinstance(network, RMTEncoder | RMTDecoder):
        raise UsageError("memory_entries are held by the memory of an RMT, and this is none: leave them out")
    tokens, width = network.memory.shape
    if tokens < TOKENS_THAT_HOLD:
        raise UsageError(
            f"memory_entries need {TOKENS_THAT_HOLD} tokens of memory, and the model has {tokens}: set "
            f"model.memory_tokens to {TOKENS_THAT_HOLD} or more, or leave memory_entries out"
        )
    return EntryHeads(width, labels).to(network.memory.device)
