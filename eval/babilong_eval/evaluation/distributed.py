"""Several processes, one evaluation: which one is this, and which samples are its own.

`torchrun` and `accelerate launch` say it in the environment. Samples are dealt out in turn; every process
logs its own, and the last to finish merges them, so nobody waits for anybody and a process that dies costs
only its part.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from babilong_gen.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """One process of several.

    Attributes:
        number: 0 to `of` - 1, over all machines.
        local: its number on this machine, which is also that of its GPU.
    """

    number: int = 0
    of: int = 1
    local: int = 0

    def owns(self, index: int) -> bool:
        """Whether the sample of that index is this process's."""
        return index % self.of == self.number


def this_rank() -> Rank:
    """What RANK, WORLD_SIZE and LOCAL_RANK say; without them there is one process.

    Raises:
        UsageError: they are no numbers, or do not fit together.
    """
    names = {"number": "RANK", "of": "WORLD_SIZE", "local": "LOCAL_RANK"}
    try:
        rank = Rank(**{field: int(os.environ[name]) for field, name in names.items() if name in os.environ})
    except ValueError as error:
        raise UsageError(f"RANK, WORLD_SIZE, LOCAL_RANK: expected whole numbers ({error})") from error
    if not 0 <= rank.number < rank.of:
        raise UsageError(f"RANK is {rank.number} and WORLD_SIZE {rank.of}: expected 0 <= RANK < WORLD_SIZE")
    return rank
