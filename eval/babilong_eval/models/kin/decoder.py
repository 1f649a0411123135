"""A package's decoder as a network that reads segment by segment.

None of these packages reads on within a segment from a cache, so a segment that grows is read again. One that
is full goes into the state, and the next token begins another: as the packages generate text themselves.

Legend: B batch, S segment, X vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

    # Takes a package's model, a segment [B, S] and the state before it, None before the first; gives the
    # logits after each token [B, S, X] and the state after the segment.
    ReadSegment = Callable[[Any, Tensor, Any], tuple[Tensor, Any]]
    # The state before a segment, and the tokens of the segment that were read so far.
    Carry = tuple[Any, Tensor]


class RecurrentDecoder(nn.Module):
    """A decoder of a package; differentiable as far as the package is."""

    def __init__(self, package: nn.Module, read_segment: ReadSegment, segment_size: int) -> None:
        super().__init__()
        self.package = package
        self.segment_size = segment_size
        self._read_segment = read_segment

    def start(self, batch_size: int) -> Any:
        """Return the state before the first segment."""

    def read(self, tokens: Tensor, state: Any) -> Any:
        """Read a segment [B, S]; return the state after it."""
        return self._read_segment(self.package, tokens, state)[1]

    def predict(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read a segment [B, S]; return the logits after each token [B, S, X] and the state after it."""
        return self._read_segment(self.package, tokens, state)

    def prefill(self, tokens: Tensor, state: Any) -> tuple[Tensor, Carry]:
        """Read the last segment [B, S]; return the next token's logits [B, X] and a carry."""
        logits, carry = self.read_on(tokens, (state, tokens[:, :0]))
        return logits[:, -1], carry

    def read_on(self, tokens: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """Read tokens [B, S] after a carry; return the logits after each [B, S, X] and the next carry."""
        state, begun = carry
        logits: list[Tensor] = []
        while tokens.shape[1]:
            if begun.shape[1] == self.segment_size:
                state, begun = self.read(begun, state), begun[:, :0]
            room = self.segment_size - begun.shape[1]
            part, tokens = tokens[:, :room], tokens[:, room:]
            begun = torch.cat([begun, part], dim=1)
            logits.append(self._read_segment(self.package, begun, state)[0][:, -part.shape[1] :])
        return torch.cat(logits, dim=1), (state, begun)
