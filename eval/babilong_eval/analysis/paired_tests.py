"""Is a difference between two runs over the same samples more than chance? Exact, without sampling.

Two runs answer the same samples, so only those samples say anything that one of them answered better than
the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import fsum, lcm, sqrt
from typing import TYPE_CHECKING

import numpy as np

from babilong_eval.scoring.interval import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_ANSWERS = 1_000
_FINEST = 2_520
"""Into so many parts a point is split at most: all shares of up to ten answers are whole numbers of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """How correctly two runs, a and b, answered the same samples; at least one.

    Attributes:
        a, b: how correct each answer is, 0 to 1: of several answers to a question some may be right.
    """

    a: Sequence[float]
    b: Sequence[float]

    @property
    def n(self) -> int:
        """All samples."""
        return len(self.a)

    @property
    def is_whole(self) -> bool:
        """Whether every answer is either right or wrong."""
        return all(share in (0, 1) for share in (*self.a, *self.b))

    @property
    def a_correct(self) -> float:
        """Samples that a answered correctly, or the sum of its shares."""
        return _total(self.a)

    @property
    def b_correct(self) -> float:
        """Samples that b answered correctly, or the sum of its shares."""
        return _total(self.b)

    @property
    def a_only(self) -> int:
        """Samples that a answered better: of whole answers, that only a answered correctly."""
        return sum(a > b for a, b in zip(self.a, self.b, strict=True))

    @property
    def b_only(self) -> int:
        """Samples that b answered better: of whole answers, that only b answered correctly."""
        return sum(b > a for a, b in zip(self.a, self.b, strict=True))

    @property
    def difference(self) -> float:
        """The accuracy of a minus that of b, as a fraction."""
        return (self.a_correct - self.b_correct) / self.n


def newcombe(pairs: Pairs) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two paired proportions, as fractions.

    It squares and adds the Wilson intervals of both accuracies, less what their correlation takes off: method
    10 of R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based
    on paired data", Statistics in Medicine 17 (1998). Like Wilson's it is right near 0 and 1, and it does not
    collapse where no sample tells the runs apart. Where answers are right in part, the sums of their shares
    stand in place of counts, as they do in Wilson's: wide enough, for shares vary no more than whole answers.

    >>> a, b = [1] * 32 + [0] * 18, [1] * 20 + [0] * 12 + [1] * 2 + [0] * 16
    >>> low, high = newcombe(Pairs(a=a, b=b))
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
    ways = as_uneven = 1
    for heads in range(1, min(a_only, b_only) + 1):
        ways = ways * (tosses - heads + 1) // heads  # comb(tosses, heads), from the one before
        as_uneven += ways
    # whole numbers as long as possible: 2**tosses is larger than any float after 1,023 tosses
    return min(1.0, 2 * as_uneven / 2**tosses)


def sign_flip(pairs: Pairs) -> float:
    """Return the two-sided p-value of the exact sign-flip test, for answers that may be right in part.

    Where both runs are equally good, each difference in a sample's shares could as well have the other sign:
    the p-value is how many of all choices of signs bring the sum as far from zero. Of whole answers it is
    McNemar's. R. A. Fisher, "The Design of Experiments" (1935), section 21. All choices are counted, as M.
    Pagano and D. Tritchler do in "On obtaining permutation distributions in polynomial time", Journal of the
    American Statistical Association 78 (1983). Shares are rounded to 1/2,520 where their questions have too
    many different numbers of answers for a common measure.

    >>> sign_flip(Pairs(a=[1, 0.75, 0.5, 1], b=[0.5, 0.5, 0.25, 1]))
    0.25
    """
    steps = _steps(pairs)
    chances = np.ones(1)  # of each sum of signed steps, from the least to the greatest
    for step in map(abs, steps):
        chances = np.pad(chances, (0, 2 * step)) + np.pad(chances, (2 * step, 0))
        chances /= 2
    greatest, observed = sum(map(abs, steps)), abs(sum(steps))
    return min(1.0, 2 * float(chances[: greatest - observed + 1].sum()))


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
    n, a, b = pairs.n, pairs.a_correct, pairs.b_correct
    margins = a * (n - a) * b * (n - b)
    if margins == 0:
        return 0.0
    # of whole answers: both right times neither, less only a right times only b
    agreement = n * fsum(one * other for one, other in zip(pairs.a, pairs.b, strict=True)) - a * b
    if agreement > 0:
        agreement = max(0.0, agreement - n / 2)
    return agreement / sqrt(margins)


def _joined(one: float, other: float, correlation: float) -> float:
    # rounding may leave a hair less than nothing
    return sqrt(max(0.0, one * one - 2 * correlation * one * other + other * other))


def _total(shares: Sequence[float]) -> float:
    total = fsum(shares)
    return int(total) if total.is_integer() else total


def _steps(pairs: Pairs) -> list[int]:
    """Return the differences between shares, but for those of nothing, as multiples of a common measure."""
    shares = [
        [Fraction(share).limit_denominator(_MOST_ANSWERS) for share in run] for run in (pairs.a, pairs.b)
    ]
    parts = min(_FINEST, lcm(*(share.denominator for run in shares for share in run)))
    found = [round(parts * (a - b)) for a, b in zip(*shares, strict=True)]
    return [step for step in found if step]
