"""The associative memory of one layer (arXiv 2407.04841, section 2; the delta rule is Schlag et al.'s 2021).

Values are stored under the features of keys, φ(k), in a matrix A; z sums the features. A query q recalls
A φ(q) / (z · φ(q)). A and z are one tensor here, z its last column: it is what a value that is always 1 would
have left there. A state of zeros has read nothing.

Legend: B batch, S places, H heads, D width, E = d_mem, K = 6 E / H features, V = D / H values and the 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from babilong_eval.models.armt.config import ARMTConfig

_ROLLS = 3  # ν of the paper
_EPSILON = 1e-5


class AssociativeMemory(nn.Module):
    """What one layer reads before it runs, and writes afterwards; the state is given and returned."""

    def __init__(self, config: ARMTConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.query = nn.Linear(width, config.d_mem, bias=False)
        self.key = nn.Linear(width, config.d_mem, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.strength = nn.Linear(width, width if config.gating else config.heads)
        nn.init.zeros_(self.value.weight)  # a memory without effect at first

    @property
    def state_shape(self) -> tuple[int, int, int]:
        """Of a row's state: (H, K, V)."""
        heads, width = self.config.heads, self.value.out_features
        return heads, 2 * _ROLLS * self.config.d_mem // heads, width // heads + self.config.denominator

    def read(self, hidden: Tensor, state: Tensor) -> Tensor:
        """Add to hidden states [B, S, D] what they recall from a state [B, H, K, V]."""
        recalled = self._features(self.query(hidden)) @ state
        return hidden + self._recalled_values(recalled).transpose(1, 2).flatten(2)

    def write(self, outputs: Tensor, state: Tensor) -> Tensor:
        """Return the state after storing the layer's outputs at the memory tokens [B, M, D], all at once."""
        keys = self._features(self.key(outputs))
        known = keys @ state
        strength = self._heads(torch.sigmoid(self.strength(outputs)))
        change = strength * (self._heads(self.value(outputs)) - self._recalled_values(known))
        if self.config.denominator:
            change = torch.cat([change, self._novelty(keys, known, state)], dim=-1)
        return state + keys.transpose(-1, -2) @ change

    def _recalled_values(self, recalled: Tensor) -> Tensor:
        """Divide values [B, H, S, D / H] by the sum of features, where there is one."""
        if not self.config.denominator:
            return recalled
        return recalled[..., :-1] / (recalled[..., -1:] + _EPSILON)

    def _novelty(self, keys: Tensor, known: Tensor, state: Tensor) -> Tensor:
        """Return γ [B, H, M, 1]: how much of each key is not stored yet. It has no gradient."""
        new = torch.ones_like(known[..., -1:])
        if not self.config.correction:
            return new
        squared = keys.square().sum(dim=-1, keepdim=True)
        if self.config.variant == "paper":
            squared = squared + _EPSILON
        share = (1 - (known[..., -1:] + _EPSILON) / squared).clamp(0, 1)
        is_empty = (state[..., -1] == 0).flatten(1).all(dim=1)
        return torch.where(is_empty[:, None, None, None], new, share).detach()

    def _features(self, projected: Tensor) -> Tensor:
        """Return φ of queries or keys [B, S, E], a head at a time: [B, H, S, K]."""
        signed = self._heads(projected)
        parts = torch.cat([signed.relu(), (-signed).relu()], dim=-1)
        rolled = [parts * parts.roll(shift, dims=-1) for shift in range(1, _ROLLS + 1)]
        features = torch.cat(rolled, dim=-1)
        return functional.normalize(features, dim=-1) if self.config.variant == "current" else features

    def _heads(self, whole: Tensor) -> Tensor:
        """Split the width [B, S, H * X] by heads: [B, H, S, X]."""
        return whole.unflatten(-1, (self.config.heads, -1)).transpose(1, 2)
