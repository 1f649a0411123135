"""A model's chat template: what it cannot render is said in one line, and a system prompt never gets lost."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from babilong_gen.errors import SourceError, UsageError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from transformers import PreTrainedTokenizerBase

    from babilong_eval.models.protocol import Messages

_log = logging.getLogger(__name__)


def chat_of(tokenizer: PreTrainedTokenizerBase) -> Callable[[Messages], str] | None:
    """Return what writes messages as a tokenizer's chat template has it; None where it has none."""
    return _Chat(tokenizer=tokenizer) if tokenizer.chat_template else None


@dataclass(slots=True, kw_only=True)
class _Chat:
    """A chat template, and whether it was found to have no place for a system prompt."""

    tokenizer: PreTrainedTokenizerBase
    without_system: bool = field(default=False, init=False)

    def __call__(self, messages: Messages) -> str:
        """Render messages up to the model's turn.

        A system prompt that the template refuses or leaves out begins the first user turn; a warning says so
        once.

        Raises:
            SourceError: the template is broken, or refuses the messages.
            UsageError: there are several templates, none of them the default one.
        """
        if messages[0]["role"] != "system":
            return self._rendered(messages)
        if not self.without_system:
            try:
                text = self._rendered(messages)
            except SourceError:
                text = ""
            if messages[0]["content"].strip() in text:
                return text
        text = self._rendered(_in_user_turn(messages))
        if not self.without_system:
            _log.warning(
                "%s: its chat template takes no system prompt; it is put before the user's first words",
                self.tokenizer.name_or_path,
            )
            self.without_system = True
        return text

    def _rendered(self, messages: Messages) -> str:
        chat, template = [dict(message) for message in messages], self._template()
        try:
            text = self.tokenizer.apply_chat_template(
                chat, chat_template=template, tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # a template is a program, and may fail in any way
            name = self.tokenizer.name_or_path
            raise SourceError(
                f"{name}: its chat template fails ({first_line(error)}); fix it, or give --no-chat-template"
            ) from error
        assert isinstance(text, str)
        return text

    def _template(self) -> str:
        found: str | Mapping[str, str] | None = self.tokenizer.chat_template
        assert found is not None
        if isinstance(found, str):
            return found
        if len(found) == 1:
            return next(iter(found.values()))
        if "default" not in found:
            raise UsageError(
                f"{self.tokenizer.name_or_path} has several chat templates ({', '.join(found)}) and none is "
                "called default: rename one of them in its tokenizer_config.json, or give --no-chat-template"
            )
        return found["default"]


def _in_user_turn(messages: Messages) -> Messages:
    """Return messages whose first user turn begins with the system prompt."""
    system, user, *rest = messages
    return [{**user, "content": f"{system['content']}\n\n{user['content']}"}, *rest]
