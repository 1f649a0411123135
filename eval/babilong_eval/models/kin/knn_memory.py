"""The memory of a memorizing layer as a value: keys and values of the last tokens, searched exactly.

It takes the place of the package's own, which is approximate, writes to a disk, and past its limit gives keys
the values of others. Blocks are never changed: what continues from a memory shares all but the newest block.

Legend: B batch, N memories of a block, D width of a head, H heads, S places, T memories retrieved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    Blocks = tuple[Tensor, ...]  # keys and values [B, N, 2, D], the oldest first

_BLOCK = 4096
"""Memories at which a block is full: as many may stay in memory beyond the limit, until a block has left."""


class KNNMemory:
    """What the package's layer searches and adds to, in one forward pass; `blocks` is the value after it."""

    def __init__(self, blocks: Blocks, *, batch_size: int, limit: int) -> None:
        self.blocks = blocks
        self.num_indices = batch_size
        self._limit = limit

    def add(self, memories: Tensor) -> None:
        """Add keys and values [B, N, 2, D]; beyond the limit the oldest leave."""
        self.blocks = _newest((*self.blocks[:-1], *_appended(self.blocks[-1:], memories)), self._limit)

    def search(self, queries: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return the memories with the largest inner products to each query [B, H, S, D].

        Returns:
            keys and values [B, H, S, T, 2, D], and bool [B, H, S, T]: false where there are fewer than T.
        """
        found, best = _nearest(self.blocks, queries.detach(), count)
        missing = count - best.shape[-1]
        mask = functional.pad(torch.ones_like(best, dtype=torch.bool), (0, missing))
        return functional.pad(found, (0, 0, 0, 0, 0, missing)), mask


def _nearest(blocks: Blocks, queries: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Search block by block, so that no more than one block's products are held at a time.

    Returns:
        keys and values [B, H, S, T, 2, D] of the nearest memories, T at most, and products [B, H, S, T].
    """
    best, places, before = queries.new_empty(*queries.shape[:3], 0), None, 0
    for block in blocks:
        products = torch.einsum("bhsd,bnd->bhsn", queries, block[:, :, 0])
        here, there = products.topk(min(count, block.shape[1]), dim=-1)
        if places is None:
            best, places = here, there
        else:
            there, best = torch.cat([places, there + before], dim=-1), torch.cat([best, here], dim=-1)
            best, order = best.topk(min(count, best.shape[-1]), dim=-1)
            places = there.gather(-1, order)
        before += block.shape[1]
    if places is None:
        return queries.new_empty(*best.shape, 2, queries.shape[-1]), best
    return _gathered(blocks, places), best


def _gathered(blocks: Blocks, places: Tensor) -> Tensor:
    """Return the memories at some places [B, H, S, T], counted over all blocks: [B, H, S, T, 2, D]."""
    if len(blocks) == 1:
        rows = torch.arange(len(places), device=places.device)[:, None, None, None]
        return blocks[0][rows, places]
    found = blocks[0].new_empty(*places.shape, *blocks[0].shape[2:])
    before = 0
    for block in blocks:
        inside = (places >= before) & (places < before + block.shape[1])
        rows = inside.nonzero()[:, 0]
        found[inside] = block[rows, places[inside] - before]
        before += block.shape[1]
    return found


def _appended(last: Blocks, memories: Tensor) -> Blocks:
    """Return the newest block with more memories, or, where it is full, the block and another."""
    if not last or last[0].shape[1] + memories.shape[1] > _BLOCK:
        return *last, memories
    return (torch.cat([last[0], memories], dim=1),)


def _newest(blocks: Blocks, limit: int) -> Blocks:
    """Drop the oldest memories beyond the limit."""
    excess = sum(block.shape[1] for block in blocks) - limit
    while blocks and excess >= blocks[0].shape[1]:
        excess, blocks = excess - blocks[0].shape[1], blocks[1:]
    return blocks if excess <= 0 else (blocks[0][:, excess:], *blocks[1:])
