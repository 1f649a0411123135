"""What a user asks of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

AnswerForm = Literal["labels", "text"]
"""Whether a model chooses among the task's labels, or answers in its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asks for; field for field the options of `babilong evaluate`.

    Attributes:
        data: a folder, or the name of a hub repository.
        model: KIND:PATH, or `api:MODEL@BASE_URL`.
        tasks, lengths: None for all that the dataset has.
        limit: so many samples of each task and length; None for all.
        batch_size: samples read side by side, at most.
        batch_tokens: tokens in a batch, padding counted, at most; None: by the device and kind of model.
        prompts: a prompt file or folder of an earlier run; None: our own, or none for models that need none.
        off: those of the prompt's parts that are switched off.
        chat_template: whether a prompt is handed over as a chat; None: as it says itself, to a server yes.
        answers: None: what suits the kind of model.
        max_tokens: of a generated answer; None: what the prompts' own run had, or 20.
        model_options: the kind's own.
        probe: ask the whole ladder in one pass over its longest sample.
        endpoint: how to talk to a server.
    """

    data: str
    model: str
    out: Path
    tasks: tuple[str, ...] | None = None
    lengths: tuple[str, ...] | None = None
    limit: int | None = None
    batch_size: int = 8
    batch_tokens: int | None = None
    device: str = "auto"
    prompts: Path | None = None
    off: tuple[str, ...] = ()
    chat_template: bool | None = None
    system_prompt: str | None = None
    answers: AnswerForm | None = None
    max_tokens: int | None = None
    model_options: Mapping[str, Any] = field(default_factory=dict)
    probe: bool = False
    name: str | None = None
    seed: int = 0
    endpoint: Mapping[str, Any] = field(default_factory=dict)
