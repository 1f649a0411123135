"""What became of one sample: an answer, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babilong_eval.data.sample import Sample
    from babilong_eval.models.protocol import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleResult:
    """A sample that was asked about.

    Attributes:
        answer: None where the sample failed.
        error: why it failed; empty where it did not.
        n_tokens: tokens that the model read, prompt and question included.
        segments: segments in which it read them.
        shared_segments: of these, how many were read once for several samples; see `shared_prefix`.
        seconds: what the sample took, its share of a batch.
        peak_memory_bytes: the most memory in use meanwhile; None where that cannot be measured here.
    """

    sample: Sample
    answer: Answer | None = None
    error: str = ""
    n_tokens: int | None = None
    segments: int | None = None
    shared_segments: int = 0
    seconds: float | None = None
    peak_memory_bytes: int | None = None
