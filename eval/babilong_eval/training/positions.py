"""Positions with gaps, so that short segments lie at the distances of long ones.

A network whose positions are rotary learns to look at the distances that it was trained on. Segments may be
trained at the positions of longer ones instead: sentences stay whole, and positions are skipped in front of
the text and behind sentences (positional skip-wise training, PoSE, Zhu et al. 2023, arXiv 2309.10400, section
3, whose chunks may end anywhere).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from babilong_gen.rng import Rng

# The share of segments without gaps: short ones are to be read as they are, too.
_WITHOUT = 0.25
# Sentences behind which positions are skipped, beside those in front of the text.
_SENTENCES = 2


def draw_skipped(rng: Rng, tokens: np.ndarray, *, segment_size: int, longest: int, stop: int) -> np.ndarray:
    """Return how many positions are skipped before each token of a row.

    Args:
        tokens: of the row, uint32 [segments * segment_size], or of less than a segment.
        longest: a segment's last token lies at most where that of a segment of so many tokens does.
        stop: the token that ends a sentence.

    Returns:
        int64, like `tokens`; counted anew in each segment.
    """
    size = min(segment_size, len(tokens))
    return np.concatenate([_skipped(rng, each, longest, stop) for each in tokens.reshape(-1, size)])


def _skipped(rng: Rng, segment: np.ndarray, longest: int, stop: int) -> np.ndarray:
    skipped = np.zeros(len(segment), np.int64)
    total = 0 if rng.bernoulli(_WITHOUT) else rng.randint(0, max(0, longest - len(segment)))
    ends = (np.flatnonzero(segment == stop) + 1).tolist()
    starts = [0, *(rng.choice(ends) for _ in range(_SENTENCES if len(ends) else 0))]
    shares = [rng.random() for _ in starts]
    for start, share in zip(starts, shares, strict=True):
        skipped[start:] += int(total * share / sum(shares))
    return skipped


def stack_skipped(
    rows: Sequence[np.ndarray | None], segment_size: int, device: torch.device
) -> Tensor | None:
    """Return the skipped positions of a batch, int64 [segments, B, S]; None where none are skipped.

    Args:
        rows: all of one length, or all None.
    """
    arrays = [each for each in rows if each is not None]
    if not arrays:
        return None
    stacked = np.stack(arrays)
    size = min(segment_size, stacked.shape[1])
    return torch.from_numpy(stacked).view(len(arrays), -1, size).transpose(0, 1).to(device)
