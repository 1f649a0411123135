"""Several processes, one evaluation: which of them this is, and which samples are its own.

`torchrun` and `accelerate launch` say it in the environment. Samples are dealt out in turn; every process
logs its own, and the last to finish merges the logs, so no process waits for another, and one that dies costs
only its own part.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from babilong_gen.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """One process of several.

    Attributes:
        number: 0 to `world_size` - 1, over all machines.
        world_size: how many processes there are.
        local: its number on this machine, which is also that of its GPU.
    """

    number: int = 0
    world_size: int = 1
    local: int = 0

    def owns(self, index: int) -> bool:
        """Return whether the sample of that index is this process's."""
        return index % self.world_size == self.number


def this_rank() -> Rank:
    """Read RANK, WORLD_SIZE and LOCAL_RANK; without them there is one process.

    Raises:
        UsageError: they are not whole numbers, or contradict each other.
    """
    names = {"number": "RANK", "world_size": "WORLD_SIZE", "local": "LOCAL_RANK"}
    try:
        rank = Rank(**{field: int(os.environ[name]) for field, name in names.items() if name in os.environ})
    except ValueError as error:
        raise UsageError(f"RANK, WORLD_SIZE, LOCAL_RANK: expected whole numbers ({error})") from error
    if not 0 <= rank.number < rank.world_size:
        raise UsageError(
            f"RANK is {rank.number} and WORLD_SIZE {rank.world_size}: expected 0 <= RANK < WORLD_SIZE"
        )
    return rank
