"""Samples of similar length side by side: what a batch is made of, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np

    from babilong_eval.data.sample import Sample

_WINDOW_BATCHES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedSample:
    """A sample as a model reads it.

    Attributes:
        sample: without its input, which is no longer needed once there are tokens.
        tokens: uint32 [n], prompt and question included.
    """

    sample: Sample
    tokens: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How large a batch may be.

    Attributes:
        rows: most samples in a batch.
        tokens: most tokens, padding counted (rows times the longest); a single sample may be longer.
    """

    rows: int
    tokens: int


def batches(samples: Iterable[EncodedSample], limits: BatchLimits) -> Iterator[list[EncodedSample]]:
    """Group samples of similar length, looking a few batches ahead, so that little of a batch is padding.

    At most `_WINDOW_BATCHES` times what a batch may hold is kept at a time.
    """
    window: list[EncodedSample] = []
    held = 0
    for encoded in samples:
        if window and held + len(encoded.tokens) > limits.tokens:
            yield from _by_length(window, limits)
            held = 0
        window.append(encoded)
        held += len(encoded.tokens)
        del encoded  # or it would be kept while the next is read
        if len(window) == _WINDOW_BATCHES * limits.rows or held >= limits.tokens:
            yield from _by_length(window, limits)
            held = 0
    yield from _by_length(window, limits)


def _by_length(window: list[EncodedSample], limits: BatchLimits) -> Iterator[list[EncodedSample]]:
    """Yield the window batch by batch until it is empty."""
    window.sort(key=lambda encoded: -len(encoded.tokens))
    while window:
        batch = [window.pop()]
        while window and _fits(batch, window[-1], limits):
            batch.append(window.pop())
        yield batch


def _fits(batch: list[EncodedSample], encoded: EncodedSample, limits: BatchLimits) -> bool:
    return len(batch) < limits.rows and (len(batch) + 1) * len(encoded.tokens) <= limits.tokens
