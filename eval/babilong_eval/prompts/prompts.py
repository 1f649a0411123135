"""What is said to a model around a sample: our own words for each task, a published run's, or nothing at all.

The parts are those of the published evaluations: an instruction, examples and a post-prompt, put into a
template together with the sample's context and question. Each can be switched off; the names of the
prediction files say which are on.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PARTS = ("instruction", "examples", "post_prompt")

_PUBLISHED_TEMPLATE = (
    "{instruction}\n\n{examples}\n\n{post_prompt}\n\n<context>\n{context}\n</context>\n\nQuestion: {question}"
)
_Settings = tuple["Prompt", Mapping[str, Any]]
_PLAIN_TEMPLATE = "{context} {question}"
_PLACES_IN_TEMPLATE = (*PARTS, "context", "question")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The words around a sample, and how they are handed over.

    Attributes:
        instruction: what the task is.
        examples: samples with their answers.
        post_prompt: in which form to answer.
        template: a format string with the places `{instruction}`, `{examples}`, `{post_prompt}`, `{context}`
            and `{question}`.
        chat_template: whether the whole goes to the model as a user's turn of a chat.
        system_prompt: the chat's first message, where there is one.
    """

    instruction: str = ""
    examples: str = ""
    post_prompt: str = ""
    template: str = _PUBLISHED_TEMPLATE
    chat_template: bool = False
    system_prompt: str = ""

    def __post_init__(self) -> None:
        try:
            self.template.format(**dict.fromkeys(_PLACES_IN_TEMPLATE, ""))
        except (KeyError, IndexError, ValueError) as error:
            places = ", ".join(f"{{{place}}}" for place in _PLACES_IN_TEMPLATE)
            raise UsageError(
                f"prompt template: unknown or broken place {error}; it may hold {places}"
            ) from error

    @property
    def config(self) -> str:
        """Which parts are on, as file names say it: `instruction_yes_examples_no_post_prompt_yes_...`."""
        parts = [*PARTS, "chat_template", *(["system_prompt"] if self.system_prompt else [])]
        return "_".join(f"{part}_{'yes' if getattr(self, part) else 'no'}" for part in parts)

    @property
    def is_plain(self) -> bool:
        """Whether it adds no word of its own."""
        return self.template == _PLAIN_TEMPLATE and not self.chat_template

    def text(self, context: str, question: str) -> str:
        """The filled template; as published, without white space around it and around the context."""
        parts = {part: getattr(self, part) for part in PARTS}
        return self.template.format(**parts, context=context.strip(), question=question).strip()

    def messages(self, context: str, question: str) -> list[dict[str, str]]:
        """The filled template as a chat."""
        system = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        return [*system, {"role": "user", "content": self.text(context, question)}]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """The prompts of a run.

    Attributes:
        prompts: by task.
        generate_kwargs: how a published run generated its answers; empty for our own prompts.
    """

    prompts: Mapping[str, Prompt]
    generate_kwargs: Mapping[str, Any] = field(default_factory=dict)


def plain_prompts(tasks: Sequence[str]) -> PromptSet:
    """Input, a space, the question: for models that were trained on samples as they are."""
    return PromptSet(prompts=dict.fromkeys(tasks, Prompt(template=_PLAIN_TEMPLATE)))


def own_prompts(tasks: Sequence[str]) -> PromptSet:
    """Our words for each task.

    Raises:
        UsageError: a task that is none of ours.
    """
    words = tomllib.loads(
        (resources.files("babilong_eval.prompts") / "prompts.toml").read_text(encoding="utf-8")
    )
    for task in tasks:
        if task not in TASKS:
            raise UsageError(f"no prompt for task {task!r}: give one with --prompts, or switch all parts off")
    return PromptSet(prompts={task: Prompt(template=words["template"], **words[task]) for task in tasks})


def read_prompts(source: Path, tasks: Sequence[str]) -> PromptSet:
    """The prompts of an earlier run, ours or a published one: the `.json` files beside its predictions.

    `source` is one such file, or the folder that holds them.

    Raises:
        SourceError: missing, not JSON, or without a prompt.
        UsageError: no file is for one of the tasks, or several are and differ.
    """
    if not source.exists():
        raise SourceError(f"{source}: no such file or folder of prompts")
    read = {
        task: _agreed([_read_settings(path) for path in _files_for(source, task)], source, task)
        for task in tasks
    }
    generate_kwargs = [kwargs for _, kwargs in read.values()]
    if any(kwargs != generate_kwargs[0] for kwargs in generate_kwargs):
        raise UsageError(
            f"{source}: its tasks were run with different generate_kwargs; evaluate them one by one"
        )
    return PromptSet(
        prompts={task: prompt for task, (prompt, _) in read.items()}, generate_kwargs=generate_kwargs[0]
    )


def without(prompts: PromptSet, parts: Sequence[str]) -> PromptSet:
    """The same prompts with some of `PARTS` switched off."""
    return _changed(prompts, **dict.fromkeys(parts, ""))


def as_chat(prompts: PromptSet, chat_template: bool) -> PromptSet:
    """The same prompts, handed over as a chat or not."""
    return _changed(prompts, chat_template=chat_template)


def with_system_prompt(prompts: PromptSet, system_prompt: str) -> PromptSet:
    """The same prompts with a chat's first message."""
    return _changed(prompts, system_prompt=system_prompt)


def as_settings(prompt: Prompt) -> dict[str, Any]:
    """A prompt in the form of the published `.json` files."""
    return asdict(prompt)


def _changed(prompts: PromptSet, **changes: Any) -> PromptSet:
    return replace(
        prompts, prompts={task: replace(prompt, **changes) for task, prompt in prompts.prompts.items()}
    )


def _files_for(source: Path, task: str) -> list[Path]:
    """The files that say how a task was asked; a file whose name is of no task is for all of them."""
    if source.is_dir():
        if not (found := sorted(source.glob(f"{task}_*.json"))):
            raise UsageError(f"{source}: no prompt for task {task} (a file {task}_LENGTH_CONFIG.json)")
        return found
    named = source.name.partition("_")[0]
    if named in TASKS and named != task:
        raise UsageError(
            f"{source}: a prompt for {named}, but {task} is to be evaluated; use --tasks {named}"
        )
    return [source]


def _agreed(found: Sequence[_Settings], source: Path, task: str) -> _Settings:
    if any(settings != found[0] for settings in found):
        raise UsageError(f"{source}: its files ask {task} in different ways; name one of them with --prompts")
    return found[0]


def _read_settings(path: Path) -> _Settings:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: not readable as JSON ({error})") from error
    told = settings.get("prompt") if isinstance(settings, dict) else None
    if not isinstance(told, dict) or not any(part in told for part in (*PARTS, "template")):
        raise SourceError(
            f"{path}: no prompt in it; expected what lies beside predictions: prompt, generate_kwargs"
        )
    # the published files leave out what is off, or write null for it; a null template is the usual one
    known = {
        name: told[name] for name in (spec.name for spec in fields(Prompt)) if told.get(name) is not None
    }
    for name, value in known.items():
        if not isinstance(value, bool if name == "chat_template" else str):
            raise SourceError(
                f"{path}: {name!r} of its prompt is {value!r}, which is not the kind of thing expected"
            )
    return Prompt(**known), settings.get("generate_kwargs") or {}
