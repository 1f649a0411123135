"""Is a difference between two runs over the same samples more than chance? Closed forms, without sampling.

Two runs answer the same samples, so only those samples say anything that one of them got right and the other
wrong. All functions take counts of such pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from typing import TYPE_CHECKING

from babilong_eval.scoring.interval import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """How two runs, a and b, answered the same samples.

    Attributes:
        both: samples that both answered correctly.
        a_only: samples that only a answered correctly.
        b_only: samples that only b answered correctly.
        neither: samples that neither answered correctly.
    """

    both: int
    a_only: int
    b_only: int
    neither: int

    @property
    def n(self) -> int:
        """All samples."""
        return self.both + self.a_only + self.b_only + self.neither

    @property
    def a_correct(self) -> int:
        """Samples that a answered correctly."""
        return self.both + self.a_only

    @property
    def b_correct(self) -> int:
        """Samples that b answered correctly."""
        return self.both + self.b_only

    @property
    def difference(self) -> float:
        """The accuracy of a minus that of b, as a fraction."""
        return (self.a_only - self.b_only) / self.n


def newcombe(pairs: Pairs) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two paired proportions, as fractions.

    It squares and adds the Wilson intervals of both accuracies, less what their correlation takes off: method
    10 of R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based
    on paired data", Statistics in Medicine 17 (1998). Like Wilson's it is right near 0 and 1, and it does not
    collapse where no sample tells the runs apart.

    Raises:
        ValueError: there are no samples.

    >>> low, high = newcombe(Pairs(both=20, a_only=12, b_only=2, neither=16))
    >>> round(low, 4), round(high, 4)
    (0.0562, 0.3292)
    """
    a, b = pairs.a_correct / pairs.n, pairs.b_correct / pairs.n
    (a_low, a_high), (b_low, b_high) = wilson(pairs.a_correct, pairs.n), wilson(pairs.b_correct, pairs.n)
    correlation = _correlation(pairs)
    down = _joined(a - a_low, b_high - b, correlation)
    up = _joined(a_high - a, b - b_low, correlation)
    return pairs.difference - down, pairs.difference + up


def mcnemar(a_only: int, b_only: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    Where both runs are equally good, a sample that tells them apart falls to either side like a coin: the
    p-value is how likely a fall at least as uneven is. Q. McNemar, "Note on the sampling error of the
    difference between correlated proportions or percentages", Psychometrika 12 (1947), with the exact
    binomial.

    >>> mcnemar(a_only=5, b_only=0)
    0.0625
    """
    tosses = a_only + b_only
    as_uneven = sum(comb(tosses, heads) for heads in range(min(a_only, b_only) + 1))
    # whole numbers as long as possible: 2**tosses is larger than any float after 1,023 tosses
    return min(1.0, 2 * as_uneven / 2**tosses)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for how many there are, in the same order.

    One below 0.05 may be called a difference: the chance that any such call is wrong is at most 5 % over all
    of them. S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def _correlation(pairs: Pairs) -> float:
    """Return Newcombe's estimate of how right answers of a and b go together, corrected for small samples."""
    margins = pairs.a_correct * (pairs.n - pairs.a_correct) * pairs.b_correct * (pairs.n - pairs.b_correct)
    if margins == 0:
        return 0.0
    agreement: float = pairs.both * pairs.neither - pairs.a_only * pairs.b_only
    if agreement > 0:
        agreement = max(0.0, agreement - pairs.n / 2)
    return agreement / sqrt(margins)


def _joined(one: float, other: float, correlation: float) -> float:
    # rounding may leave a hair less than nothing
    return sqrt(max(0.0, one * one - 2 * correlation * one * other + other * other))
