"""A gate before the memory, so that a segment with nothing to remember does not change it at all.

The paper's memory is replaced by every segment, and what was read must survive being rewritten thousands of
times. Here each memory token m moves towards what the segment wrote, w, by as much as its gate g is open:

    m' = m + g (w - m),    g = clamp(1.2 sigmoid(a · w + b) - 0.1, 0, 1)

The sigmoid is stretched beyond [0, 1] and cut off (Louizos, Welling, Kingma 2018, arXiv 1712.01312, section
2.2, without its noise), so that a closed gate is exactly closed: memory is not lost by drift then, only by
a gate that opens when it should not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_STRETCH = 0.1
# Open enough at first for training to find what to write before it learns when.
_OPEN_AT_FIRST = 1.0


class MemoryGate(nn.Module):
    """One gate per memory token, decided by what the segment wrote there."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.openness = nn.Linear(width, 1)
        nn.init.zeros_(self.openness.weight)
        nn.init.constant_(self.openness.bias, _OPEN_AT_FIRST)

    def forward(self, memory: Tensor, written: Tensor) -> Tensor:
        """Return the next memory from the last one and what was written, all [B, M, D]."""
        return self.move(memory, written)[0]

    @torch.no_grad()
    def sharpen(self, factor: float, shift: float) -> None:
        """Make the gates' logits `factor` times what they were, plus `shift`."""
        self.openness.weight.mul_(factor)
        self.openness.bias.mul_(factor).add_(shift)

    def move(self, memory: Tensor, written: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next memory, and how open each gate was before stretching [B, M], in (0, 1)."""
        openness = torch.sigmoid(self.openness(written))
        gate = ((1 + 2 * _STRETCH) * openness - _STRETCH).clamp(0, 1)
        return memory + gate * (written - memory), openness.squeeze(-1)
