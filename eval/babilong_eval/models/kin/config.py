"""What a checkpoint says beside its weights: the content of its config.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from babilong_eval.models.config_json import read_fields
from babilong_eval.models.protocol import Alignment  # read by pydantic
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class KinConfig:
    """A model of another package.

    Attributes:
        model_type: the model kind.
        arguments: keyword arguments of the package's class; lists stand for tuples.
        segment_size: text tokens of a full segment.
        alignment: how a text whose length is no multiple of the segment's is cut.
        answer_tokens: ids read after the question to ask for the answer.
        answer_prefix: what separates the question from the answer's text.
        decoder_start_token_id: where a decoder of its own answers, the token that an answer begins with.
    """

    model_type: str
    arguments: dict[str, Any] = field(default_factory=dict)
    segment_size: int
    alignment: Alignment = "right"
    answer_tokens: tuple[int, ...] = ()
    answer_prefix: str = " "
    decoder_start_token_id: int = 0

    def __post_init__(self) -> None:
        if self.segment_size < 1:
            raise UsageError(f"segments need at least one token, not segment_size={self.segment_size}")


_CONFIG = TypeAdapter(KinConfig)


def to_json(config: KinConfig) -> dict[str, Any]:
    """Return the content of config.json."""
    return asdict(config)


def from_json(content: Mapping[str, Any], kind: str, where: object) -> KinConfig:
    """Read what `to_json` returned, or a file with the first three fields; `where` names it in errors."""
    if (found := content.get("model_type")) != kind:
        raise SourceError(f"{where} describes a model of type {found!r}: expected model_type {kind!r}")
    return read_fields(_CONFIG, content, where)
