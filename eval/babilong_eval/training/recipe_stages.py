"""The part of a recipe that says what is read in which order: its stages."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from babilong_eval.training.recipe_model import Positive, Proportion, Section, SegmentSize
from babilong_eval.training.relations import TASKS_OF_RELATIONS
from babilong_gen.errors import UsageError
from babilong_gen.tasks import TASKS


class Streams(Section):
    """What the rows of a batch are, as proportions.

    Attributes:
        continued: rows that continue with the memory of an earlier step, on new noise, and ask again.
        empty: rows without any fact; the model should then find every answer equally likely.
        after_noise: fresh rows that begin with a memory that has read noise.
        after_story: of the other fresh rows, those that begin with a memory that holds another story, or that
            took noise for a fact: the facts read last must count.
        cut: fresh rows in which a segment boundary cuts a supporting fact in two.
        apart: of the other fresh rows, with several facts and more than two segments, those where none holds
            all facts and the last none.
        hard_negatives: segments that get a sentence that looks like a fact and is none.
        half_facts: of the hard negatives, those that are half a fact at a segment boundary.
        max_age: segments after which a row is not continued any more.
    """

    continued: Proportion = 0.0
    empty: Proportion = 0.0
    after_noise: Proportion = 0.0
    after_story: Proportion = 0.0
    cut: Proportion = 0.0
    apart: Proportion = 0.0
    hard_negatives: Proportion = 0.0
    half_facts: Proportion = 1 / 3
    max_age: Annotated[int, Field(ge=1)] = 128

    @model_validator(mode="after")
    def _leave_room_for_fresh_rows(self) -> Self:
        if self.continued + self.empty >= 1:
            raise UsageError("streams: continued and empty together must leave a share for fresh samples")
        return self


class Until(Section):
    """When a stage ends.

    Attributes:
        steps: after so many steps at the latest.
        accuracy: earlier, once the fresh rows reach this accuracy.
        over: steps over which the accuracy is measured.
        required: whether the run stops where the accuracy is not reached.
    """

    steps: Annotated[int, Field(ge=1)]
    accuracy: Proportion | None = None
    over: Annotated[int, Field(ge=1)] = 50
    required: bool = True


class SharpenGate(Section):
    """How the memory's gate is changed: its logits become `factor` times what they were, plus `shift`."""

    factor: Positive = 1.0
    shift: float = 0.0


class Stage(Section):
    """A part of the curriculum.

    Attributes:
        segments: of a batch: each step draws a number between the two; 0 is the facts and the question alone,
            in one short segment.
        segment_size: text tokens of a segment from this stage on; by default as before. Of several, each step
            draws one, and the largest holds for the stages after it: what is to be found at any distance.
        positions_of: tokens of the longer segments at whose positions the stage's segments lie; see
            `positions.py`.
        tasks: with their weights; none where the objective is `lm`.
        questions: a regular expression; only stories whose question matches are used, and a memory is asked
            no other.
        bptt_segments: last segments that the loss is propagated back through; None for all. With the
            objective `lm`, which has a loss in every segment, gradients stop after each so many segments,
            counted from the last.
        gradient_checkpointing: whether segments are computed again in the backward pass instead of being kept
            (memory replay).
        loss: after the last segment, or after all segments since the facts were complete.
        memory_questions: how many the memory is asked by itself after each segment but the last, in a short
            segment each, of those whose facts have been read by then.
        memory_entries: weight of the loss of what tokens of the memory shall hold of relations of two rooms;
            see `memory_entries.py`.
        gate_penalty: weight of the penalty on gates that open where there is nothing to remember.
        sharpen_gate: as the stage begins; a gate that noise opens a little, and facts wide, closes on noise
            then.
        keep: whether the model as it is at the stage's end stays in OUT/stages/NUMBER.
        lr_scale: factor on the learning rate.
    """

    name: str
    segments: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
    until: Until
    tasks: dict[str, Positive] = Field(default_factory=dict)
    positions_of: SegmentSize | None = None
    segment_size: SegmentSize | Annotated[tuple[SegmentSize, ...], Field(min_length=2)] | None = None
    batch: Annotated[int, Field(ge=1)] = 32
    questions: str | None = None
    streams: Streams = Streams()
    bptt_segments: Annotated[int, Field(ge=1)] | None = None
    gradient_checkpointing: bool = False
    loss: Literal["last", "all"] = "last"
    memory_questions: Annotated[int, Field(ge=0)] = 0
    memory_entries: Annotated[float, Field(ge=0)] = 0.0
    gate_penalty: Annotated[float, Field(ge=0)] = 0.0
    sharpen_gate: SharpenGate | None = None
    keep: bool = False
    lr_scale: Positive = 1.0

    @property
    def segment_sizes(self) -> tuple[int, ...]:
        """The segment sizes between which its steps draw; none where it has none of its own."""
        size = self.segment_size
        return size if isinstance(size, tuple) else () if size is None else (size,)

    @property
    def of_questions(self) -> dict[str, bool]:
        """The keys that say something of questions and answers, and whether each is given."""
        return {
            "tasks": bool(self.tasks),
            "positions_of": self.positions_of is not None,
            "segment_size of several": len(self.segment_sizes) > 1,
            "questions": self.questions is not None,
            "streams": self.streams != Streams(),
            "loss": self.loss != "last",
            "memory_questions": self.memory_questions != 0,
            "memory_entries": self.memory_entries != 0,
            "gate_penalty": self.gate_penalty != 0,
            "until.accuracy": self.until.accuracy is not None,
        }

    @field_validator("segments", mode="before")
    @classmethod
    def _one_number_is_both(cls, value: Any) -> Any:
        return (value, value) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.segments[0] > self.segments[1]:
            raise UsageError(f"stage {self.name}: segments go from {self.segments[0]} to {self.segments[1]}")
        if unknown := sorted(set(self.tasks) - set(TASKS)):
            raise UsageError(
                f"stage {self.name}: unknown task {unknown[0]!r}; expected some of {', '.join(TASKS)}"
            )
        if self.memory_entries and not set(TASKS_OF_RELATIONS) & set(self.tasks):
            raise UsageError(
                f"stage {self.name}: memory_entries are relations of two rooms, "
                f"which none of its tasks tells: add {' or '.join(TASKS_OF_RELATIONS)}, or leave them out"
            )
        try:
            re.compile(self.questions or "")
        except re.error as wrong:
            raise UsageError(
                f"stage {self.name}: questions {self.questions!r} is no regular expression: {wrong}"
            ) from None
        return self
