"""How often something happened, with its 95 % Wilson interval."""

from __future__ import annotations

from dataclasses import dataclass

from babilong_eval.scoring.interval import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """To how many of some samples something happened.

    Attributes:
        count: to so many; where it can happen in part, the sum of the shares.
        n: of so many.
    """

    count: float
    n: int

    @property
    def value(self) -> float:
        """The proportion, from 0 to 1."""
        return self.count / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Both bounds of its interval."""
        return wilson(self.count, self.n)
