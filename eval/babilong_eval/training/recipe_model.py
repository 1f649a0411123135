"""The part of a recipe that says which model is trained, from what beginning."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from babilong_gen.errors import UsageError

Proportion = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
SegmentSize = Annotated[int, Field(ge=8, le=100_000)]


class Section(BaseModel):
    """A part of a recipe, in which an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewTokenizer(Section):
    """A WordPiece vocabulary trained on the recipe's noise and the words of its tasks."""

    vocabulary: Annotated[int, Field(ge=500, le=100_000)]


class FromScratch(Section):
    """How the weights of a new encoder are drawn; see `initialization.py`."""

    embeddings: Positive = 0.05
    positions: Positive = 0.05
    tied_keys: bool = True


class Associative(Section):
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
    "segment_overlap",
    "from_scratch",
    "adapter",
)

Kind = Literal[
    "block-recurrent", "hf-recurrent", "memformer", "memorizing", "rmt-lucidrains", "transformer-xl"
]


class Model(Section):
    """The network.

    Attributes:
        form: by default `decoder` where the memory is associative, `encoder` otherwise.
        kind: another package's model, in place of form, memory and backbone; or `hf-recurrent`, the recurrent
            language model that the backbone is.
        arguments: keyword arguments of that package's class; its tokens, positions and memory are given where
            they are left out.
        memory: `tokens`, an RMT's; `associative`, an ARMT's.
        associative: how that is made.
        backbone: folder or Hub name of pretrained weights, or a Hugging Face configuration with `model_type`.
        tokenizer: folder or Hub name, `babilong`, or a new one; by default the backbone's own.
        segment_overlap: tokens of the segment before that the trained model reads again in front of a
            segment's own; training itself reads segments side by side.
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
    segment_overlap: Annotated[int, Field(ge=0, le=1_000)] = 0
    memory_update: Literal["replace", "gate"] = "replace"
    from_scratch: FromScratch | None = None
    adapter: dict[str, Any] | None = None
    continue_from: str | None = None

    @model_validator(mode="after")
    def _has_one_beginning(self) -> Self:
        has_backbone = self.kind in (None, "hf-recurrent")
        if self.continue_from is None and self.backbone is None and has_backbone:
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
        is_backbone = self.kind == "hf-recurrent"
        if is_backbone and self.arguments:
            raise UsageError("model.arguments: hf-recurrent is made by model.backbone: leave arguments out")
        if not is_backbone and self.tokenizer is None and self.continue_from is None:
            raise UsageError(f"model.tokenizer is missing: {self.kind} has none of its own")
        made_by = "backbone" if is_backbone else "arguments"
        for name in _OF_A_BACKBONE:
            if name != made_by and getattr(self, name) != type(self).model_fields[name].default:
                raise UsageError(f"model.{name}: {self.kind} is made by model.{made_by}: leave {name} out")
        return self

    @model_validator(mode="after")
    def _has_one_memory(self) -> Self:
        if self.memory == "tokens":
            if "associative" in self.model_fields_set and self.associative != Associative():
                raise UsageError("model.associative describes another memory: set model.memory: associative")
            return self
        wrong = {
            "form: encoder": self.form == "encoder",
            "segment_overlap": bool(self.segment_overlap),
            "memory_update: gate": self.memory_update == "gate",
            "from_scratch": self.from_scratch is not None,
        }
        if any(wrong.values()):
            name = next(name for name, asked in wrong.items() if asked)
            raise UsageError(f"model.{name}: not with model.memory: associative: leave it out")
        return self
