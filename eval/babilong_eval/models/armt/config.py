"""What makes an ARMT beside the weights; written to and read from its folder's config.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from babilong_eval.models.adapters import Adapter  # read by pydantic
from babilong_eval.models.config_json import names_backbone, read_backbone, read_fields, with_backbone
from babilong_eval.models.protocol import Alignment  # read by pydantic
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transformers import PretrainedConfig

MODEL_TYPE = "armt"

Variant = Literal["paper", "current"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ARMTConfig:
    """An ARMT around a Hugging Face decoder.

    Attributes:
        variant: `paper`, as published; `current`, as the authors' code is today: features of queries and keys
            have length 1.
        memory_tokens: vectors read after each segment, whose outputs are written to the layers' memories.
        d_mem: width of the layers' queries and keys, all heads together.
        heads: memories per layer, each of its own share of the widths.
        gating: whether how much is written is decided per channel, not per head.
        denominator: whether what is recalled is divided by the sum of what was stored under a key.
        correction: whether a key that is stored already counts less in that sum.
        sink: whether a learned vector is read before each segment.
        wrap_positions: whether the memory tokens have position embeddings of their own (GPT-2's kind only).
        segment_size: text tokens of a full segment.
        alignment: how a text whose length is no multiple of the segment's is cut.
        answer_tokens: ids read after the question to ask for the answer.
        answer_prefix: what separates the question from the answer's text.
        adapter: on a backbone whose weights lie elsewhere; None: the weights are the model's own.
    """

    variant: Variant = "current"
    memory_tokens: int = 10
    d_mem: int = 64
    heads: int = 1
    gating: bool = False
    denominator: bool = True
    correction: bool = True
    sink: bool = False
    wrap_positions: bool = False
    segment_size: int = 512
    alignment: Alignment = "right"
    answer_tokens: tuple[int, ...] = ()
    answer_prefix: str = " "
    adapter: Adapter | None = None

    def __post_init__(self) -> None:
        if min(self.memory_tokens, self.segment_size, self.d_mem, self.heads) < 1:
            raise UsageError(
                "an ARMT needs at least one memory token, one head, and a width and segments of at least 1, "
                f"not memory_tokens={self.memory_tokens}, heads={self.heads}, d_mem={self.d_mem}, "
                f"segment_size={self.segment_size}"
            )
        if self.alignment not in ("right", "left", "center"):
            raise UsageError(f"alignment '{self.alignment}' is unknown: expected right, left or center")
        if self.variant not in ("paper", "current"):
            raise UsageError(f"variant '{self.variant}' is unknown: expected paper or current")
        later = {
            f"heads={self.heads}": self.heads > 1,
            "gating": self.gating,
            "sink": self.sink,
            "denominator=false": not self.denominator,
        }
        if self.variant == "paper" and any(later.values()):
            first = next(name for name, asked in later.items() if asked)
            raise UsageError(f"variant 'paper' has no {first}: it came with the variant 'current'")
        if self.adapter is not None and self.wrap_positions:
            raise UsageError(
                "wrap_positions adds to the backbone, which an adapter leaves as it is: take one"
            )
        if self.sink and self.wrap_positions:
            raise UsageError("a sink has no position among wrapped ones: take sink or wrap_positions")


_CONFIG = TypeAdapter(ARMTConfig)


def to_json(config: ARMTConfig, backbone: PretrainedConfig) -> dict[str, Any]:
    """Return the content of config.json: our fields, and the backbone's whole configuration."""
    return with_backbone(MODEL_TYPE, config, backbone)


def from_json(content: Mapping[str, Any], where: object) -> tuple[ARMTConfig, PretrainedConfig]:
    """Read what `to_json` wrote; `where` names the file in errors."""
    if not names_backbone(content):
        raise SourceError(f"{where} does not describe an ARMT: expected a 'backbone' with a 'model_type'")
    return read_fields(_CONFIG, content, where), read_backbone(content, where)
