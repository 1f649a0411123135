"""How much less a segment-recurrent model computes than full attention, by model and length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from babilong_eval.analysis.flops.formula import full_attention, recurrent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from babilong_eval.analysis.flops.formula import Shape

FIGURE_3_LENGTHS = tuple(2_000 * 2**power for power in range(11))
"""2k to 2,048k tokens, as in the paper."""

FIGURE_3_SEGMENT = 512
"""Tokens per segment in the paper's figure, which counts no memory tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """One model at one length.

    Attributes:
        model: its name.
        tokens: of the text.
        segment_size: text tokens per segment.
        memory_tokens: read with every segment.
        full_attention: operations of reading the text at once.
        recurrent: operations of reading it in segments.
        times: how many times fewer the latter are.
    """

    model: str
    tokens: int
    segment_size: int
    memory_tokens: int
    full_attention: int
    recurrent: int
    times: float


def compare(
    shapes: Iterable[Shape], lengths: Sequence[int], *, segment_size: int, memory_tokens: int
) -> list[Saving]:
    """Compare every model at every length, given in tokens."""
    return [_saving(shape, tokens, segment_size, memory_tokens) for shape in shapes for tokens in lengths]


def _saving(shape: Shape, tokens: int, segment_size: int, memory_tokens: int) -> Saving:
    at_once = full_attention(shape, tokens).total
    in_segments = recurrent(shape, tokens, segment_size=segment_size, memory_tokens=memory_tokens).total
    return Saving(
        model=shape.name,
        tokens=tokens,
        segment_size=segment_size,
        memory_tokens=memory_tokens,
        full_attention=at_once,
        recurrent=in_segments,
        times=at_once / in_segments,
    )
