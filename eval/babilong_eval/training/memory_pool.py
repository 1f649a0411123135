"""Memories carried from one step to a later one, cut off from the graph that made them.

A stream whose facts have been told is asked again after more noise, by later steps that start where this one
ended. So a network learns to keep for hundreds of segments what it could never be back-propagated through.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from babilong_gen.rng import Rng

_NOTHING = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A memory and what may be asked of it.

    Attributes:
        memory: [M, D], detached.
        question: token ids.
        target: number of the label, or -1 where nothing was told.
        age: segments read since the stream began.
    """

    memory: Tensor
    task: str
    question: tuple[int, ...]
    target: int
    age: int

    @property
    def empty(self) -> bool:
        """Whether the stream told nothing."""
        return self.target == _NOTHING


@dataclass(slots=True)
class Pool:
    """The memories that wait; the oldest place is taken when it is full."""

    capacity: int
    waiting: list[Carried] = field(default_factory=list)

    def take(self, rng: Rng, count: int) -> list[Carried]:
        """Up to `count` of them, no longer waiting."""
        taken = []
        for _ in range(min(count, len(self.waiting))):
            place = rng.randrange(len(self.waiting))
            self.waiting[place], self.waiting[-1] = self.waiting[-1], self.waiting[place]
            taken.append(self.waiting.pop())
        return taken

    def look(self, rng: Rng) -> Carried | None:
        """One of them, which goes on waiting; None where none does."""
        return rng.choice(self.waiting) if self.waiting else None

    def put(self, streams: list[Carried]) -> None:
        """Lets streams wait; where there are too many, those that came first leave."""
        self.waiting = (self.waiting + streams)[-self.capacity :]


def as_tensors(pool: Pool) -> dict[str, object]:
    """A pool as plain data for a snapshot."""
    return {
        "memories": torch.stack([stream.memory for stream in pool.waiting]) if pool.waiting else None,
        "rest": [(stream.task, stream.question, stream.target, stream.age) for stream in pool.waiting],
    }


def from_tensors(capacity: int, content: dict[str, object], device: torch.device) -> Pool:
    """Reads what `as_tensors` gave."""
    memories, rest = content["memories"], content["rest"]
    assert isinstance(rest, list)
    waiting = []
    for place, (task, question, target, age) in enumerate(rest):
        assert isinstance(memories, Tensor)
        memory = memories[place].to(device)
        waiting.append(Carried(memory=memory, task=task, question=tuple(question), target=target, age=age))
    return Pool(capacity=capacity, waiting=waiting)
