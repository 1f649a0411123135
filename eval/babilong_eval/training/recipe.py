"""A recipe: what `babilong train` reads from YAML, checked where it comes in."""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tasks import TASKS

Proportion = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
SegmentSize = Annotated[int, Field(ge=8, le=100_000)]

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


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewTokenizer(_Section):
    """A WordPiece vocabulary trained on the recipe's noise and the words of its tasks."""

    vocabulary: Annotated[int, Field(ge=500, le=100_000)]


class FromScratch(_Section):
    """How the weights of a new encoder are drawn; see `initialization.py`."""

    embeddings: Positive = 0.05
    positions: Positive = 0.05
    tied_keys: bool = True


class Associative(_Section):
    """The memory of an ARMT's layers; see the fields of `ARMTConfig`."""

    variant: Literal["paper", "current"] = "current"
    d_mem: Annotated[int, Field(ge=1, le=100_000)] = 64
    heads: Annotated[int, Field(ge=1, le=1_000)] = 1
    gating: bool = False
    denominator: bool = True
    correction: bool = True
    sink: bool = False
    wrap_positions: bool = False


# What describes a model around a backbone; another package's has arguments instead.
_OF_A_BACKBONE = (
    "form",
    "memory",
    "associative",
    "backbone",
    "memory_tokens",
    "memory_update",
    "from_scratch",
    "adapter",
)

# What of the data serves questions alone.
_OF_QUESTIONS = ("stories", "leak_check")

Kind = Literal["block-recurrent", "memformer", "memorizing", "rmt-lucidrains", "transformer-xl"]


class Model(_Section):
    """The network.

    Attributes:
        form: by default `decoder` where the memory is associative, `encoder` otherwise.
        kind: another package's model, in place of form, memory and backbone.
        arguments: keyword arguments of that package's class; its tokens, positions and memory are given where
            they are left out.
        memory: `tokens`, an RMT's; `associative`, an ARMT's.
        associative: how that is made.
        backbone: folder or Hub name of pretrained weights, or a Hugging Face configuration with `model_type`.
        tokenizer: folder or Hub name, `babilong`, or a new one; by default the backbone's own.
        adapter: settings of peft's, as {peft_type: LORA, r: 8}: trained in place of the weights of the
            backbone, a pretrained decoder. The memory is trained in full.
        continue_from: a checkpoint to begin with: a folder, or the name of one that ships. It brings its own
            tokenizer, backbone and memory, and its segment size unless another is given.
    """

    form: Literal["encoder", "decoder"] = "encoder"
    kind: Kind | None = None
    arguments: dict[str, Any] = {}
    memory: Literal["tokens", "associative"] = "tokens"
    associative: Associative = Associative()
    backbone: str | dict[str, Any] | None = None
    tokenizer: str | NewTokenizer | None = None
    memory_tokens: Annotated[int, Field(ge=1, le=1_000)] = 10
    segment_size: SegmentSize = 499
    memory_update: Literal["replace", "gate"] = "replace"
    from_scratch: FromScratch | None = None
    adapter: dict[str, Any] | None = None
    continue_from: str | None = None

    @model_validator(mode="after")
    def _has_one_beginning(self) -> Self:
        if self.continue_from is None and self.backbone is None and self.kind is None:
            raise UsageError("model.backbone is missing: name pretrained weights, or give a configuration")
        if self.continue_from is not None and (self.tokenizer is not None or self.from_scratch is not None):
            name = "from_scratch" if self.tokenizer is None else "tokenizer"
            raise UsageError(f"model.{name}: continue_from brings its own: leave {name} out")
        return self

    @model_validator(mode="after")
    def _has_something_to_adapt(self) -> Self:
        if self.adapter is None or self.continue_from is not None:
            return self
        if not isinstance(self.backbone, str):
            raise UsageError("model.adapter: an adapter is trained on pretrained weights: name a backbone")
        if self.form == "encoder":
            raise UsageError("model.adapter: not with an encoder, whose head is new: set model.form: decoder")
        if not isinstance(self.adapter.get("peft_type"), str):
            raise UsageError("model.adapter.peft_type is missing: name one of peft's, LORA for example")
        return self

    @model_validator(mode="before")
    @classmethod
    def _associative_means_decoder(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("memory") == "associative":
            return {"form": "decoder", **content}
        return content

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if self.kind is None:
            if self.arguments:
                raise UsageError("model.arguments are another package's: name its kind by model.kind")
            return self
        if self.tokenizer is None and self.continue_from is None:
            raise UsageError(f"model.tokenizer is missing: {self.kind} has none of its own")
        for name in _OF_A_BACKBONE:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise UsageError(f"model.{name}: {self.kind} is made by model.arguments: leave {name} out")
        return self

    @model_validator(mode="after")
    def _has_one_memory(self) -> Self:
        if self.memory == "tokens":
            if "associative" in self.model_fields_set and self.associative != Associative():
                raise UsageError("model.associative describes another memory: set model.memory: associative")
            return self
        wrong = {
            "form: encoder": self.form == "encoder",
            "memory_update: gate": self.memory_update == "gate",
            "from_scratch": self.from_scratch is not None,
        }
        if any(wrong.values()):
            name = next(name for name, asked in wrong.items() if asked)
            raise UsageError(f"model.{name}: not with model.memory: associative: leave it out")
        return self


class Data(_Section):
    """Where samples come from. Training always takes the `train` part of documents, stories and pairs.

    Attributes:
        noise: the text around the facts; with the objective `lm`, the text that is learnt.
        pairs: with the objective `lm`, in place of noise: JSONL files of {"prompt": ..., "target": ...}.
    """

    noise: Annotated[list[str], Field(min_length=1)] = ["procedural"]
    stories: str = "simulate"
    leak_check: Literal["statement", "words", "off"] = "statement"
    pairs: list[str] = []


class Optimizer(_Section):
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


class Streams(_Section):
    """What the rows of a batch are, as proportions.

    Attributes:
        continued: rows that continue with the memory of an earlier step, on new noise, and ask again.
        empty: rows without any fact; the model should then find every answer equally likely.
        after_noise: fresh rows that begin with a memory that has read noise.
        after_story: of the other fresh rows, those that begin with a memory that holds another story, or that
            took noise for a fact: the facts read last must count.
        cut: fresh rows in which a segment boundary cuts a supporting fact in two.
        hard_negatives: segments that get a sentence that looks like a fact and is none.
        half_facts: of the hard negatives, those that are half a fact at a segment boundary.
        max_age: segments after which a row is not continued any more.
    """

    continued: Proportion = 0.0
    empty: Proportion = 0.0
    after_noise: Proportion = 0.0
    after_story: Proportion = 0.0
    cut: Proportion = 0.0
    hard_negatives: Proportion = 0.0
    half_facts: Proportion = 1 / 3
    max_age: Annotated[int, Field(ge=1)] = 128

    @model_validator(mode="after")
    def _leave_room_for_fresh_rows(self) -> Self:
        if self.continued + self.empty >= 1:
            raise UsageError("streams: continued and empty together must leave a share for fresh samples")
        return self


class Until(_Section):
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


class Stage(_Section):
    """A part of the curriculum.

    Attributes:
        segments: of a batch: each step draws a number between the two; 0 is the facts and the question alone,
            in one short segment.
        segment_size: text tokens of a segment from this stage on; by default as before.
        tasks: with their weights; none where the objective is `lm`.
        questions: a regular expression; only stories whose question matches are used.
        bptt_segments: last segments that the loss is propagated back through; None for all. With the
            objective `lm`, which has a loss in every segment, gradients stop after each so many segments,
            counted from the last.
        gradient_checkpointing: whether segments are computed again in the backward pass instead of being kept
            (memory replay).
        loss: after the last segment, or after all segments since the facts were complete.
        gate_penalty: weight of the penalty on gates that open where there is nothing to remember.
        keep: whether the model as it is at the stage's end stays in OUT/stages/NUMBER.
        lr_scale: factor on the learning rate.
    """

    name: str
    segments: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
    until: Until
    tasks: dict[str, Positive] = {}
    segment_size: SegmentSize | None = None
    batch: Annotated[int, Field(ge=1)] = 32
    questions: str | None = None
    streams: Streams = Streams()
    bptt_segments: Annotated[int, Field(ge=1)] | None = None
    gradient_checkpointing: bool = False
    loss: Literal["last", "all"] = "last"
    gate_penalty: Annotated[float, Field(ge=0)] = 0.0
    keep: bool = False
    lr_scale: Positive = 1.0

    @property
    def of_questions(self) -> dict[str, bool]:
        """The keys that say something of questions and answers, and whether each is given."""
        return {
            "tasks": bool(self.tasks),
            "questions": self.questions is not None,
            "streams": self.streams != Streams(),
            "loss": self.loss != "last",
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
        try:
            re.compile(self.questions or "")
        except re.error as wrong:
            raise UsageError(
                f"stage {self.name}: questions {self.questions!r} is no regular expression: {wrong}"
            ) from None
        return self


class Recipe(_Section):
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
        """The segment size of each stage: its own, or that of the stage before."""
        own = [self.model.segment_size, *(stage.segment_size for stage in self.stages)]
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
