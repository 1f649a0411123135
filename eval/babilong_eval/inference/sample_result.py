"""What became of one sample: an answer, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from babilong_eval.results.records import Prediction

if TYPE_CHECKING:
    from babilong_eval.data.dataset import Sample
    from babilong_eval.models.protocol import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleResult:
    """A sample that was asked about.

    Attributes:
        answer: None where the sample failed.
        error: why it failed; empty where it did not.
        n_tokens: tokens that the model read, prompt and question included.
        segments: segments in which it read them.
        shared_segments: of these, how many were read once for several samples; see `probes`.
        seconds: what the sample took, its share of a batch.
        peak_memory_bytes: the most that was held meanwhile; None where that is not ours to measure.
    """

    sample: Sample
    answer: Answer | None = None
    error: str = ""
    n_tokens: int | None = None
    segments: int | None = None
    shared_segments: int = 0
    seconds: float | None = None
    peak_memory_bytes: int | None = None


def prediction_of(outcome: SampleResult) -> Prediction:
    """The row that records an outcome; a failed sample has an empty output, which no rule counts as right."""
    sample, answer = outcome.sample, outcome.answer
    supporting = [fact for fact in sample.facts if fact.get("supporting")]
    return Prediction(
        target=sample.target,
        output="" if answer is None else answer.text,
        question=sample.question,
        sample_id=sample.sample_id,
        n_tokens=outcome.n_tokens,
        segments=outcome.segments,
        depth=_depth(sample),
        supporting=tuple(str(fact.get("text", "")) for fact in supporting),
        label="" if answer is None or answer.scores is None else answer.text,
        reasoning="" if answer is None else answer.reasoning or "",
        error=outcome.error,
        seconds=None if outcome.seconds is None else round(outcome.seconds, 6),
    )


def _depth(sample: Sample) -> float | None:
    """Where the supporting facts lie: the mean of their middles, as a fraction of the input."""
    middles = [
        (fact["token_start"] + fact["token_end"]) / 2 for fact in sample.facts if fact.get("supporting")
    ]
    if not middles or not sample.n_tokens:
        return None
    return round(sum(middles) / len(middles) / sample.n_tokens, 6)
