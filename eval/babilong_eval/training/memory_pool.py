"""Memories carried from one step to a later one, detached from the graph that made them.

A row whose facts have been read is asked again after more noise: a later step begins with the memory with
which an earlier one ended. A network so learns to keep for hundreds of segments what no loss could be
propagated back through.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import ConfigDict
from torch import Tensor

if TYPE_CHECKING:
    from babilong_gen.rng import Rng

NO_FACT = -1
"""In place of a label's number or a segment's, where a row holds no fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedMemory:
    """A memory and what may be asked of it.

    Attributes:
        memory: [M, D], detached.
        question: token ids.
        target: number of the label, or NO_FACT.
        age: segments read so far.
    """

    memory: Tensor
    task: str
    question: tuple[int, ...]
    target: int
    age: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPool:
    """A pool as plain data.

    Attributes:
        memories: [N, M, D]; None for an empty pool.
        rest: of each memory, in the same order: task, question, target, age.
    """

    __pydantic_config__: ClassVar = ConfigDict(arbitrary_types_allowed=True)

    memories: Tensor | None
    rest: list[tuple[str, tuple[int, ...], int, int]]


@dataclass(slots=True)
class MemoryPool:
    """Memories to be taken up by later steps; the oldest leave when it is full."""

    capacity: int
    waiting: list[CarriedMemory] = field(default_factory=list)

    def take(self, rng: Rng, count: int) -> list[CarriedMemory]:
        """Remove up to `count` memories at random and return them."""
        taken = []
        for _ in range(min(count, len(self.waiting))):
            place = rng.randrange(len(self.waiting))
            self.waiting[place], self.waiting[-1] = self.waiting[-1], self.waiting[place]
            taken.append(self.waiting.pop())
        return taken

    def peek(self, rng: Rng) -> CarriedMemory | None:
        """Return a random memory and keep it; None if the pool is empty."""
        return rng.choice(self.waiting) if self.waiting else None

    def add(self, memory: CarriedMemory) -> None:
        """Add a memory; beyond the capacity, the one that was added first is dropped."""
        self.waiting.append(memory)
        del self.waiting[: -self.capacity]

    def save(self) -> SavedPool:
        """Return the pool's content as plain data."""
        return SavedPool(
            memories=torch.stack([each.memory for each in self.waiting]) if self.waiting else None,
            rest=[(each.task, each.question, each.target, each.age) for each in self.waiting],
        )

    def restore(self, saved: SavedPool, device: torch.device) -> None:
        """Replace the pool's content by what `save` returned."""
        memories = () if saved.memories is None else saved.memories.to(device)
        self.waiting = [
            CarriedMemory(memory=memory, task=task, question=question, target=target, age=age)
            for memory, (task, question, target, age) in zip(memories, saved.rest, strict=True)
        ]
