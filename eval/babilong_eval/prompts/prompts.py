"""The words around a sample: our own for each task, those of a published run, or none.

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

from babilong_eval.prompts import ruler
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tasks import RULER_TASKS, TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PARTS = ("instruction", "examples", "post_prompt")

_PUBLISHED_TEMPLATE = (
    "{instruction}\n\n{examples}\n\n{post_prompt}\n\n<context>\n{context}\n</context>\n\nQuestion: {question}"
)
_Settings = tuple["Prompt", Mapping[str, Any]]
_PLAIN_TEMPLATE = "{context} {question}"
_PLACES_IN_TEMPLATE = (*PARTS, "context", "question", "answer_start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The words around a sample, and how they are handed over.

    Attributes:
        instruction: what the task is.
        examples: samples with their answers.
        post_prompt: in which form to answer.
        template: a format string with the places `{instruction}`, `{examples}`, `{post_prompt}`, `{context}`,
            `{question}` and `{answer_start}`, with which a prompt of RULER's tasks ends (not in a chat).
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
        """The parts that are on, as file names say it: `instruction_yes_examples_no_post_prompt_yes_...`."""
        parts = [*PARTS, "chat_template", *(["system_prompt"] if self.system_prompt else [])]
        return "_".join(f"{part}_{'yes' if getattr(self, part) else 'no'}" for part in parts)

    @property
    def is_plain(self) -> bool:
        """Whether it adds no words of its own."""
        return self.template == _PLAIN_TEMPLATE and not self.chat_template

    def text(self, context: str, question: str) -> str:
        """Return the filled template; as published, without white space around it and around the context."""
        return self._filled(context, question, self.answer_start(question))

    def turn(self, context: str, question: str) -> str:
        """Return the same without the beginning of the answer, which is not the user's to say."""
        return self._filled(context, question, "")

    def answer_start(self, question: str) -> str:
        """Return the beginning of the answer that the template asks for; empty for most tasks."""
        asks = "{answer_start}" in self.template
        return ruler.places_of(question).get("answer_start", "") if asks else ""

    def messages(self, context: str, question: str) -> list[dict[str, str]]:
        """Return the filled template as a chat."""
        system = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        return [*system, {"role": "user", "content": self.turn(context, question)}]

    def _filled(self, context: str, question: str, answer_start: str) -> str:
        parts = {part: getattr(self, part) for part in PARTS}
        # Not a format string: a published instruction may hold braces.
        for place, words in ruler.places_of(question).items():
            parts = {part: text.replace(f"{{{place}}}", words) for part, text in parts.items()}
        return self.template.format(
            **parts, context=context.strip(), question=question, answer_start=answer_start
        ).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """The prompts of a run.

    Attributes:
        prompts: by task.
        generate_kwargs: how a published run generated its answers; empty for our own prompts.
    """

    prompts: Mapping[str, Prompt]
    generate_kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def max_tokens(self) -> int | None:
        """How many tokens an answer could have in the published run; None where it does not say."""
        names = ("max_new_tokens", "max_tokens", "max_completion_tokens", "max_output_tokens")
        return next(filter(None, map(self.generate_kwargs.get, names)), None)

    @property
    def stop(self) -> tuple[str, ...]:
        """The strings that ended an answer in the published run; none where it does not say."""
        found = self.generate_kwargs.get("stop_strings") or self.generate_kwargs.get("stop") or ()
        return (found,) if isinstance(found, str) else tuple(found)


def plain_prompts(tasks: Sequence[str]) -> PromptSet:
    """Return prompts of input, a space, the question: for models trained on samples as they are."""
    return PromptSet(prompts=dict.fromkeys(tasks, Prompt(template=_PLAIN_TEMPLATE)))


def own_prompts(tasks: Sequence[str]) -> PromptSet:
    """Return our prompt for each task.

    Raises:
        UsageError: a task is not one of ours.
    """
    words = tomllib.loads(
        (resources.files("babilong_eval.prompts") / "prompts.toml").read_text(encoding="utf-8")
    )
    for task in tasks:
        if task not in TASKS and task not in RULER_TASKS:
            raise UsageError(f"no prompt for task {task!r}: give one with --prompts, or switch all parts off")
    prompts = {
        task: Prompt(**asdict(ruler.ruler_words(task)))
        if task in RULER_TASKS
        else Prompt(template=words["template"], **words[task])
        for task in tasks
    }
    # Four values or a UUID are longer than any label of ours.
    longer = [task for task in tasks if task in RULER_TASKS]
    kwargs = {"max_new_tokens": ruler.most_new_tokens(longer)} if longer else {}
    return PromptSet(prompts=prompts, generate_kwargs=kwargs)


def read_prompts(source: Path, tasks: Sequence[str]) -> PromptSet:
    """Read the prompts of an earlier run, ours or a published one, from the `.json` beside its predictions.

    `source` is one such file, or the folder that holds them.

    Raises:
        SourceError: missing, not JSON, or without a prompt.
        UsageError: a task has no file, or several that differ.
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


def adjusted(
    prompts: PromptSet,
    off: Sequence[str] = (),
    system_prompt: str | None = None,
    chat_template: bool | None = None,
) -> PromptSet:
    """Return the same prompts as a user wants them.

    Args:
        off: those of `PARTS` that are switched off.
        system_prompt: the chat's first message; None: as it is.
        chat_template: whether the prompts are handed over as chats; None: as they are.
    """
    changes: dict[str, Any] = dict.fromkeys(off, "")
    changes |= {} if system_prompt is None else {"system_prompt": system_prompt}
    changes |= {} if chat_template is None else {"chat_template": chat_template}
    changed = {task: replace(prompt, **changes) for task, prompt in prompts.prompts.items()}
    return replace(prompts, prompts=changed)


def as_settings(prompt: Prompt) -> dict[str, Any]:
    """Return a prompt in the form of the published `.json` files."""
    return asdict(prompt)


def _files_for(source: Path, task: str) -> list[Path]:
    """Return the files that hold a task's prompt; one whose name begins with no task is for all."""
    if source.is_dir():
        if not (found := sorted(source.glob(f"{task}_*.json"))):
            raise UsageError(f"{source}: no prompt for task {task} (a file {task}_LENGTH_CONFIG.json)")
        return found
    whole = (name for name in RULER_TASKS if source.name.startswith(f"{name}_"))
    named = next(whole, source.name.partition("_")[0])
    if (named in TASKS or named in RULER_TASKS) and named != task:
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
    found = settings.get("prompt") if isinstance(settings, dict) else None
    if not isinstance(found, dict) or not any(part in found for part in (*PARTS, "template")):
        raise SourceError(
            f"{path}: no prompt in it; expected what lies beside predictions: prompt, generate_kwargs"
        )
    # the published files leave out what is off, or write null for it; a null template is the usual one
    known = {
        name: found[name] for name in (spec.name for spec in fields(Prompt)) if found.get(name) is not None
    }
    for name, value in known.items():
        if not isinstance(value, bool if name == "chat_template" else str):
            expected = "true or false" if name == "chat_template" else "text"
            raise SourceError(f"{path}: {name!r} of its prompt is {value!r}; expected {expected}")
    return Prompt(**known), settings.get("generate_kwargs") or {}
