"""A recipe: what `babilong train` reads from YAML, checked where it comes in."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from babilong_eval.training.recipe_model import Model, Positive, Proportion, Section
from babilong_eval.training.recipe_stages import Stage
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tasks import TASKS

# Keys that had another name in earlier versions.
_RENAMED = {
    "clip": "max_grad_norm",
    "warm_up": "warmup_steps",
    "last": "min_lr_ratio",
    "rate": "lr_scale",
    "back_propagate": "bptt_segments",
    "replay": "gradient_checkpointing",
    "closed_gates": "gate_penalty",
    "decoys": "hard_negatives",
    "halves": "half_facts",
    "oldest": "max_age",
}


# What of the data serves questions alone.
_OF_QUESTIONS = ("stories", "leak_check")


class Data(Section):
    """Where samples come from. Training always takes the `train` part of documents, stories and pairs.

    Attributes:
        noise: the text around the facts; with the objective `lm`, the text that is learnt.
        pairs: with the objective `lm`, in place of noise: JSONL files of {"prompt": ..., "target": ...}.
    """

    noise: list[str] = Field(min_length=1, default_factory=lambda: ["procedural"])
    stories: str = "simulate"
    leak_check: Literal["statement", "words", "off"] = "statement"
    pairs: list[str] = Field(default_factory=list)


class Optimizer(Section):
    """AdamW and its learning rate over the steps of all stages.

    Attributes:
        max_grad_norm: gradients with a larger norm are scaled down to it.
        warmup_steps: over which the learning rate rises from 0.
        min_lr_ratio: the learning rate after the last step, as a proportion of `learning_rate`.
    """

    learning_rate: Positive = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    max_grad_norm: Positive = 1.0
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    min_lr_ratio: Proportion = 0.1


class Recipe(Section):
    """Everything that decides a training run.

    Attributes:
        objective: `answer`, the loss of the answers to the tasks' questions; `lm`, that of all tokens of a
            text, or of the targets of pairs.
    """

    name: str
    model: Model
    objective: Literal["answer", "lm"] = "answer"
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
    def segment_sizes(self) -> tuple[int, ...]:
        """The segment size of each stage, the largest of several: its own, or that of the stage before."""
        own = [self.model.segment_size, *(max(stage.segment_sizes, default=0) for stage in self.stages)]
        return tuple(accumulate(own, lambda before, size: size or before))[1:]

    @model_validator(mode="after")
    def _carries_what_can_be_carried(self) -> Self:
        if self.model.kind is not None and self.carries_memories:
            raise UsageError(
                f"streams: rows cannot begin with a memory of {self.model.kind}: leave out continued, empty, "
                "after_noise and after_story"
            )
        return self

    @model_validator(mode="after")
    def _reads_segments_of_these_sizes(self) -> Self:
        several = [stage.name for stage in self.stages if len(stage.segment_sizes) > 1]
        if self.model.kind is not None and several:
            raise UsageError(f"stage {several[0]}: {self.model.kind} has segments of one size: give one")
        return self

    @model_validator(mode="after")
    def _asks_or_learns_text(self) -> Self:
        if self.objective == "lm":
            return self
        if self.data.pairs:
            raise UsageError("data.pairs are learnt by another objective: set objective: lm")
        for number, stage in enumerate(self.stages):
            if not stage.tasks:
                raise UsageError(f"stages.{number}.tasks is missing: name tasks, or set objective: lm")
        return self

    @model_validator(mode="after")
    def _learns_text_alone(self) -> Self:
        if self.objective == "answer":
            return self
        data, no_data = self.data, Data()
        if data.pairs and data.noise != no_data.noise:
            raise UsageError("data: noise or pairs, one of the two is learnt: leave the other out")
        asking = {f"data.{name}": getattr(data, name) != getattr(no_data, name) for name in _OF_QUESTIONS}
        for number, stage in enumerate(self.stages):
            asking |= {f"stages.{number}.{name}": given for name, given in stage.of_questions.items()}
            if stage.segments[0] < 1:
                raise UsageError(f"stages.{number}.segments: a text to be learnt fills at least 1 segment")
        if name := next((name for name, is_given in asking.items() if is_given), None):
            raise UsageError(f"{name}: not with objective: lm, which asks no questions: leave it out")
        return self

    @model_validator(mode="after")
    def _predicts_where_it_must(self) -> Self:
        if self.objective == "answer":
            return self
        model = self.model
        if model.kind == "memformer":
            raise UsageError("objective: lm: memformer's decoder predicts no token of the text it reads")
        if model.kind is None and model.continue_from is None and model.form == "encoder":
            raise UsageError("objective: lm: an encoder predicts no next token: set model.form: decoder")
        return self

    @property
    def carries_memories(self) -> bool:
        """Whether a row of any stage may begin with the memory of an earlier step."""
        return any(
            max(each.continued, each.empty, each.after_noise, each.after_story) > 0
            for each in (stage.streams for stage in self.stages)
        )

    @property
    def steps(self) -> int:
        """The most steps that all stages may take together."""
        return sum(stage.until.steps for stage in self.stages)


def read_recipe(path: Path, *, noise: list[str] | None = None) -> Recipe:
    """Read a recipe.

    Args:
        noise: takes the place of the recipe's own, where given.

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
    renamed = [
        f"{'.'.join(map(str, error['loc']))!r} is now {_RENAMED[key]!r}"
        for error in errors
        if error["type"] == "extra_forbidden" and (key := str(error["loc"][-1])) in _RENAMED
    ]
    if renamed:
        return f"keys have new names: {', '.join(renamed)}"
    # A misspelt key is missing under its right name as well: say what was written.
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {where!r}: take it out, or see docs/training.md for the keys there are"
    if first["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {first['msg']}, found {first['input']!r}"
