"""Randomness, all of it: every draw of a sample is a pure function of the sample's key.

A counter-based generator (Philox) is keyed by a hash of *what is drawn for*, so a sample does not
depend on how many others were made before it, in which order, or by which worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

_BATCH = 64


class Rng:
    """Fast scalar draws from one Philox stream.

    A NumPy generator costs microseconds a scalar; simulators draw hundreds, so uniform numbers are
    taken in batches and handed out one by one. The sequence depends on the key alone.
    """

    __slots__ = ("_generator", "_next", "_numbers")

    def __init__(self, *key: str | int) -> None:
        """Key the stream by ``key``; equal keys give equal draws on every machine."""
        digest = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
        philox = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
        self._generator = np.random.Generator(philox)
        self._numbers: list[float] = []
        self._next = 0

    def random(self) -> float:
        """Draw a float uniform in [0, 1)."""
        if self._next == len(self._numbers):
            self._numbers = self._generator.random(_BATCH).tolist()
            self._next = 0
        value = self._numbers[self._next]
        self._next += 1
        return value

    def draws(self, count: int) -> list[float]:
        """Draw so many floats uniform in [0, 1): those that `random` would give one by one."""
        drawn = self._numbers[self._next : self._next + count]
        self._next += len(drawn)
        return drawn + self._generator.random(count - len(drawn)).tolist()

    def randrange(self, n: int) -> int:
        """Draw an int uniform in [0, n)."""
        return int(self.random() * n)

    def randint(self, low: int, high: int) -> int:
        """Draw an int uniform in [low, high], both ends included."""
        return low + int(self.random() * (high - low + 1))

    def bernoulli(self, probability: float) -> bool:
        """Draw True with the given probability."""
        return self.random() < probability

    def choice(self, items: Sequence[T]) -> T:
        """Draw one of ``items``, uniformly."""
        return items[int(self.random() * len(items))]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Shuffle ``items`` in place (Fisher-Yates)."""
        last_ones = range(len(items) - 1, 0, -1)
        for last, draw in zip(last_ones, self.draws(len(last_ones)), strict=True):
            other = int(draw * (last + 1))
            items[last], items[other] = items[other], items[last]

    def shuffled(self, numbers: np.ndarray) -> np.ndarray:
        """Return non-negative integers in random order, int64; of many it is faster than `shuffle`."""
        # They are sorted by random bits, themselves the lowest, so that every way of sorting gives the same.
        bits = np.uint64(int(numbers.max(initial=1)).bit_length())
        drawn = self._generator.bit_generator.random_raw(len(numbers))
        drawn >>= bits
        drawn <<= bits
        drawn |= numbers.astype(np.uint64)
        drawn.sort()
        drawn &= (np.uint64(1) << bits) - np.uint64(1)
        return drawn.view(np.int64)

    def sample(self, items: Sequence[T], k: int) -> list[T]:
        """Draw ``k`` distinct items of ``items``, in random order.

        Raises:
            ValueError: ``k`` is larger than the number of items.
        """
        if k > len(items):
            raise ValueError(f"cannot draw {k} distinct items of {len(items)}")
        drawn: list[T] = []
        moved: dict[int, T] = {}  # by place: what was put there when another item was drawn from it
        for index, draw in enumerate(self.draws(k)):
            other = index + int(draw * (len(items) - index))
            drawn.append(moved.get(other, items[other]))
            moved[other] = moved.get(index, items[index])
        return drawn
