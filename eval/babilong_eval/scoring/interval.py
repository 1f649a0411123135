"""How sure an accuracy is: the 95 % interval that stands beside every one of them."""

from __future__ import annotations

from math import sqrt

_Z = 1.959963984540054
"""The standard normal's 97.5 % quantile: 2.5 % is left out on either side."""


def wilson(correct: float, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a proportion.

    Unlike the textbook interval it stays inside [0, 1] and does not collapse at 0 or n correct, where
    long-context curves often are. E. B. Wilson, "Probable inference, the law of succession, and
    statistical inference", JASA 22 (1927).

    Args:
        correct: how many of the `n` answers are correct. Where answers can be right in part, the sum of their
            shares: they vary no more than answers that are right or wrong, so the interval is wide enough.
        n: how many answers there are, failed and empty ones included.

    Returns:
        Both bounds as fractions, lower one first.

    Raises:
        ValueError: `n` is 0, or `correct` is larger than `n`.

    >>> [round(bound, 3) for bound in wilson(0, 100)]
    [0.0, 0.037]
    """
    if not 0 <= correct <= n or n == 0:
        raise ValueError(f"an interval needs 0 <= correct <= n and n > 0, not {correct} of {n}")
    share, penalty = correct / n, _Z * _Z / n
    centre = (share + penalty / 2) / (1 + penalty)
    reach = _Z / (1 + penalty) * sqrt((share * (1 - share) + penalty / 4) / n)
    low = 0.0 if correct == 0 else max(0.0, centre - reach)
    high = 1.0 if correct == n else min(1.0, centre + reach)
    return low, high
