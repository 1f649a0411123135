"""A recipe: what `babilong train` reads from YAML, checked where it comes in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tasks import TASKS

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewTokenizer(_Part):
    """A WordPiece vocabulary trained on the recipe's noise and the words of its tasks."""

    vocabulary: Annotated[int, Field(ge=500, le=100_000)]


class FromScratch(_Part):
    """How the weights of a new encoder are drawn; see `starting.py`."""

    embeddings: Positive = 0.05
    positions: Positive = 0.05
    tied_keys: bool = True


class Model(_Part):
    """The network.

    backbone   a folder or hub name of pretrained weights, or a Hugging Face configuration with `model_type`
    tokenizer  a folder or hub name, `babilong`, or a new one; by default the backbone's own
    """

    form: Literal["encoder", "decoder"] = "encoder"
    backbone: str | dict[str, Any]
    tokenizer: str | NewTokenizer | None = None
    memory_tokens: Annotated[int, Field(ge=1, le=1_000)] = 10
    segment_size: Annotated[int, Field(ge=8, le=100_000)] = 499
    memory_update: Literal["replace", "gate"] = "replace"
    from_scratch: FromScratch | None = None
    continue_from: str | None = None


class Data(_Part):
    """Where samples come from. Training takes the `train` part of documents and stories, always."""

    noise: Annotated[list[str], Field(min_length=1)] = ["procedural"]
    stories: str = "simulate"
    leak_check: Literal["statement", "words", "off"] = "statement"


class Optimizer(_Part):
    """AdamW, and how the rate of learning goes up and comes down over all stages' steps."""

    learning_rate: Positive = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Positive = 1.0
    warm_up: Annotated[int, Field(ge=0)] = 100
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    last: Fraction = 0.1


class Streams(_Part):
    """The make-up of a batch, as shares.

    continued    go on with a memory that an earlier step left, on new noise, and are asked again
    empty        tell nothing; the model should then find every answer equally likely
    after_noise  of the fresh samples, those that begin with a memory that has read noise
    after_story  of the others, those that begin with a memory that holds another story, or took noise for
                 one: what is told last counts
    cut          of the fresh samples, those in which a segment's border cuts a supporting fact in two
    decoys       how often a segment gets a sentence that looks like a fact and is none
    halves       of the decoys, those that are half a fact at a segment's border
    oldest       segments after which a stream is not continued any more
    """

    continued: Fraction = 0.0
    empty: Fraction = 0.0
    after_noise: Fraction = 0.0
    after_story: Fraction = 0.0
    cut: Fraction = 0.0
    decoys: Fraction = 0.0
    halves: Fraction = 1 / 3
    oldest: Annotated[int, Field(ge=1)] = 128

    @model_validator(mode="after")
    def _leave_room_for_fresh_ones(self) -> Self:
        if self.continued + self.empty >= 1:
            raise UsageError("streams: continued and empty together must leave a share for fresh samples")
        return self


class Until(_Part):
    """When a stage ends: at an accuracy over the last steps, at the latest after so many steps.

    A `required` accuracy that is not reached stops the run.
    """

    steps: Annotated[int, Field(ge=1)]
    accuracy: Fraction | None = None
    over: Annotated[int, Field(ge=1)] = 50
    required: bool = True


class Stage(_Part):
    """A part of the curriculum.

    segments         how many a batch has: each step draws a number between the two; 0 is the facts and the
                     question alone, in one short segment
    tasks            by weight
    questions        a regular expression; only stories whose question matches
    back_propagate   through so many of the last segments; None for all
    replay           whether segments are computed again in the backward pass instead of being kept
    loss             of the last segment, or of all since the facts were told
    closed_gates     weight of the penalty on gates that open where there is nothing to remember
    keep             whether the model as it is at the stage's end stays in OUT/stages/NUMBER
    """

    name: str
    segments: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
    tasks: Annotated[dict[str, Positive], Field(min_length=1)]
    until: Until
    batch: Annotated[int, Field(ge=1)] = 32
    questions: str | None = None
    streams: Streams = Streams()
    back_propagate: Annotated[int, Field(ge=1)] | None = None
    replay: bool = False
    loss: Literal["last", "all"] = "last"
    closed_gates: Annotated[float, Field(ge=0)] = 0.0
    keep: bool = False
    rate: Positive = 1.0

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
        try:
            re.compile(self.questions or "")
        except re.error as wrong:
            raise UsageError(
                f"stage {self.name}: questions {self.questions!r} is no regular expression: {wrong}"
            ) from None
        return self


class Recipe(_Part):
    """All that decides a training run."""

    name: str
    model: Model
    data: Data = Data()
    optimizer: Optimizer = Optimizer()
    stages: Annotated[list[Stage], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    precision: Literal["no", "bf16", "fp16"] = "no"
    save_every: Annotated[int, Field(ge=1)] = 200

    @property
    def tasks(self) -> tuple[str, ...]:
        """Every task of any stage."""
        return tuple(dict.fromkeys(task for stage in self.stages for task in stage.tasks))

    @property
    def labels(self) -> tuple[str, ...]:
        """The answers of all tasks, in the order of a classifier's outputs."""
        return tuple(dict.fromkeys(label for task in self.tasks for label in TASKS[task].choices))

    @property
    def steps(self) -> int:
        """As many as all stages take at most."""
        return sum(stage.until.steps for stage in self.stages)


def read_recipe(path: Path, *, noise: list[str] | None = None) -> Recipe:
    """Reads a recipe; `noise`, where given, takes the place of its own.

    Raises:
        SourceError: there is no such file, or it is not YAML.
        UsageError: a key is unknown or a value impossible; one line says which.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"no recipe at {path}: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path} is no recipe: expected name, model, data and stages")
    if noise is not None:
        content["data"] = {**(content.get("data") or {}), "noise": noise}
    try:
        return Recipe(**content)
    except ValidationError as invalid:
        raise UsageError(f"{path}: {_first_line(invalid)}") from None


def _first_line(invalid: ValidationError) -> str:
    errors = invalid.errors()
    # A misspelt key is missing under its right name as well: say what was written.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}: take it out, or see docs/training.md for the keys there are"
    if first["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {first['msg']}, found {first['input']!r}"
