"""The last gap of a text that is nothing but words: a few words, once each, that add up to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import or_

# A gap is a few words wide; so many close any that can be closed.
_MOST_WORDS = 24


def close_gap(costs: Sequence[int], gap: int, beside: Callable[[int], int] = lambda _: 0) -> list[int] | None:
    """Choose words, as few as may be, whose tokens add up to a gap.

    Args:
        costs: tokens of each word that may be chosen.
        gap: tokens that are missing.
        beside: tokens that so many words bring along, as the numbers of a numbered list.

    Returns:
        Their indices, rising; None where no choice adds up.
    """
    # reachable[count][word]: as bits, the sums of so many of the first so many words
    reachable = [[1] * (len(costs) + 1)]
    for count in range(_MOST_WORDS + 1):
        wanted = gap - beside(count)
        if wanted >= 0 and reachable[count][-1] >> wanted & 1:
            return _trace(costs, reachable, count, wanted)
        fewer = zip(reachable[count], costs, strict=False)
        reachable.append([0, *accumulate((sums << cost for sums, cost in fewer), or_)])
    return None


def _trace(costs: Sequence[int], reachable: list[list[int]], count: int, wanted: int) -> list[int]:
    """Walk the sums back; later words are left out before earlier ones."""
    chosen: list[int] = []
    for index in range(len(costs) - 1, -1, -1):
        if reachable[count][index] >> wanted & 1:
            continue
        chosen.append(index)
        count, wanted = count - 1, wanted - costs[index]
    return chosen[::-1]
