"""What a user asks of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from babilong_eval.inference.endpoint import ServerOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

AnswerForm = Literal["labels", "text"]
"""Whether a model chooses among the task's labels, or answers in its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """What a user asks for; field for field the options of `babilong evaluate`.

    Attributes:
        data: a folder, its URL, or the name of a hub repository.
        out: the folder of the results; a run that was stopped continues in its own.
        model: KIND:PATH, or `api:MODEL@BASE_URL`; with a model object, the name by which results know it.
        tasks, lengths: None for all that the dataset has.
        limit: the first so many samples of each task and length; None for all.
        batch_size: most samples read side by side.
        batch_tokens: most tokens in a batch, padding counted; None: by the device and kind of model.
        device: where a model is loaded: `cpu`, `cuda:1`; `auto` takes a GPU where there is one.
        prompts: a prompt file or folder of an earlier run; None: our own, or none for models that need none.
        off: the prompt's parts that are switched off: `instruction`, `examples`, `post_prompt`.
        chat_template: whether a prompt is handed over as a chat; None: as it says itself, to a server yes.
        system_prompt: the chat's first message.
        answers: None: what suits the kind of model.
        max_tokens: of a generated answer; None: what the prompts' own run had, or `MAX_NEW_TOKENS`.
        stop: strings that end a generated answer and are cut off; none: those of the prompts' own run.
        model_options: keyword arguments of the kind's `load`; of a server, fields of each request, where None
            leaves a field of ours out.
        probe: answer each length series in one pass over its longest sample.
        name: the run's name in figures; None: the model's.
        seed: of a server's sampling.
        server: how requests to a server are made.
    """

    data: str | Path
    out: str | Path
    model: str = ""
    tasks: Sequence[str] | None = None
    lengths: Sequence[str] | None = None
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
    stop: Sequence[str] = ()
    model_options: Mapping[str, Any] = field(default_factory=dict)
    probe: bool = False
    name: str | None = None
    seed: int = 0
    server: ServerOptions = field(default_factory=ServerOptions)
