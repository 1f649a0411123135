"""What makes an RMT beside the weights; written to and read from its folder's config.json."""

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

MODEL_TYPE = "rmt"


@dataclass(frozen=True, slots=True, kw_only=True)
class RMTConfig:
    """An RMT around a Hugging Face backbone.

    Attributes:
        form: `encoder`, a classifier over `labels`; or `decoder`, a language model.
        memory_tokens: vectors of memory, as wide as the backbone's embeddings.
        segment_size: text tokens of a full segment; the defaults make 512 with BERT's three special tokens.
        alignment: how a text whose length is no multiple of the segment's is cut.
        segment_overlap: encoder: tokens of the segment before that are read again with each. Training reads
            segments side by side.
        memory_update: encoder: `replace`, as in the paper: a segment's outputs are the next memory; `gate`:
            each memory token keeps what it was as far as its gate is closed, see `gate.py`.
        labels: encoder: the answers, in the order of the classifier's outputs.
        answer_tokens: decoder: ids read after the question to ask for the answer (the authors' "GEN").
        answer_prefix: decoder: what separates the question from the answer's text.
        adapter: decoder: on a backbone whose weights lie elsewhere; None: the weights are the model's own.
    """

    form: Literal["encoder", "decoder"]
    memory_tokens: int = 10
    segment_size: int = 499
    alignment: Alignment = "right"
    segment_overlap: int = 0
    memory_update: Literal["replace", "gate"] = "replace"
    labels: tuple[str, ...] = ()
    answer_tokens: tuple[int, ...] = ()
    answer_prefix: str = " "
    adapter: Adapter | None = None

    def __post_init__(self) -> None:
        if self.memory_tokens < 1 or self.segment_size < 1:
            raise UsageError(
                "an RMT needs at least one memory token and segments of at least one token, not "
                f"memory_tokens={self.memory_tokens}, segment_size={self.segment_size}"
            )
        if self.segment_overlap < 0:
            raise UsageError(f"segment_overlap={self.segment_overlap}: expected 0 or more tokens")
        if self.segment_overlap and self.form == "decoder":
            raise UsageError("segment_overlap is made for encoders: a decoder's segments lie side by side")
        if self.alignment not in ("right", "left", "center"):
            raise UsageError(f"alignment '{self.alignment}' is unknown: expected right, left or center")
        if self.memory_update not in ("replace", "gate"):
            raise UsageError(f"memory_update '{self.memory_update}' is unknown: expected replace or gate")
        if self.memory_update == "gate" and self.form == "decoder":
            raise UsageError("memory_update 'gate' is made for encoders: a decoder's memory is replaced")
        if self.adapter is not None and self.form == "encoder":
            raise UsageError("an adapter is made for decoders: an encoder's head is new, and learns with it")
        if self.form == "encoder" and not self.labels:
            raise UsageError("an RMT encoder needs its labels, in the order of the classifier's outputs")


_CONFIG = TypeAdapter(RMTConfig)


def to_json(config: RMTConfig, backbone: PretrainedConfig) -> dict[str, Any]:
    """Return the content of config.json: our fields, and the backbone's whole configuration."""
    return with_backbone(MODEL_TYPE, config, backbone)


def from_json(content: Mapping[str, Any], where: object) -> tuple[RMTConfig, PretrainedConfig]:
    """Read what `to_json` wrote; `where` names the file in errors."""
    if "form" not in content or not names_backbone(content):
        raise SourceError(
            f"{where} does not describe an RMT: expected 'form' and a 'backbone' with a 'model_type'"
        )
    return read_fields(_CONFIG, content, where), read_backbone(content, where)
