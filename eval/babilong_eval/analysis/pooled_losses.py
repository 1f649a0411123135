"""Perplexities of many documents together, with intervals over documents.

A mean loss is a ratio: all losses over all tokens. Documents are what was sampled, so its standard error is
that of how much documents differ (Cochran 1977, "Sampling Techniques", section 6.4), times a quantile of
Student's t, with one degree of freedom less than there are documents. An interval is one of losses, in nats;
raised to the exponential, it is one of perplexities.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, pi, sqrt, tan
from typing import TYPE_CHECKING, Literal

import numpy as np

from babilong_eval.inference.text_losses import place_bounds
from babilong_eval.results.perplexity import DocumentLosses, LossSums, PerplexityCell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_P = 0.975
_Z = 1.959963984540054
# Abramowitz and Stegun 1964, 26.7.5: added to the normal quantile, by powers of 1 / degrees of freedom.
_STUDENT = (
    (_Z**3 + _Z) / 4,
    (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96,
    (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / 384,
    (79 * _Z**9 + 776 * _Z**7 + 1482 * _Z**5 - 1920 * _Z**3 - 945 * _Z) / 92160,
)


@dataclass(frozen=True, slots=True)
class _Mean:
    """A mean loss and its interval, in nats."""

    value: float
    interval: tuple[float, float] | None


def cells_of(documents: Sequence[DocumentLosses]) -> list[PerplexityCell]:
    """Return the pooled numbers of some documents: all tokens, by segments read before, by place."""
    together = [_sums(document.segments) for document in documents]
    return [
        *_cell("all", 0, max((len(one.segments) for one in documents), default=1) - 1, together),
        *_cells("segments_read", [document.segments for document in documents]),
        *_cells("place", [document.places for document in documents]),
    ]


def student_quantile(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t.

    >>> round(student_quantile(9), 3)
    2.262
    """
    if freedom == 1:
        return tan(pi * (_P - 0.5))
    if freedom == 2:
        return (2 * _P - 1) * sqrt(2 / (4 * _P * (1 - _P)))
    return _Z + sum(term / freedom**power for power, term in enumerate(_STUDENT, start=1))


def _cells(by: Literal["segments_read", "place"], rows: Sequence[list[LossSums]]) -> Iterator[PerplexityCell]:
    for number in range(max(map(len, rows), default=0)):
        first, last = place_bounds(number) if by == "place" else (number, number)
        yield from _cell(by, first, last, [row[number] for row in rows if number < len(row)])


def _cell(
    by: Literal["all", "segments_read", "place"], first: int, last: int, sums: Sequence[LossSums]
) -> Iterator[PerplexityCell]:
    """Yield a cell; none where no token was predicted."""
    found = np.array([one for one in sums if one[0]], np.float64).reshape(-1, 3)
    if not len(found):
        return
    tokens, carried, emptied = found.T
    with_memory, without = _mean(carried, tokens), _mean(emptied, tokens)
    gain = _mean(emptied - carried, tokens)
    low, high = _raised(with_memory)
    emptied_low, emptied_high = _raised(without)
    gain_low, gain_high = gain.interval or (None, None)
    yield PerplexityCell(
        by=by,
        first=first,
        last=last,
        documents=len(found),
        tokens=int(tokens.sum()),
        perplexity=exp(with_memory.value),
        ci_low=low,
        ci_high=high,
        emptied=exp(without.value),
        emptied_ci_low=emptied_low,
        emptied_ci_high=emptied_high,
        gain=gain.value,
        gain_ci_low=gain_low,
        gain_ci_high=gain_high,
    )


def _mean(losses: np.ndarray, tokens: np.ndarray) -> _Mean:
    value, n = float(losses.sum() / tokens.sum()), len(losses)
    if n < 2:
        return _Mean(value, None)
    spread = float(np.square(losses - value * tokens).sum()) * n / (n - 1)
    reach = student_quantile(n - 1) * sqrt(spread) / float(tokens.sum())
    return _Mean(value, (value - reach, value + reach))


def _raised(mean: _Mean) -> tuple[float | None, float | None]:
    return (exp(mean.interval[0]), exp(mean.interval[1])) if mean.interval else (None, None)


def _sums(parts: Sequence[LossSums]) -> LossSums:
    return (sum(n for n, _, _ in parts), sum(c for _, c, _ in parts), sum(e for _, _, e in parts))
