"""What a request asks of a server besides its prompt, and what of it a server turns out not to take.

Reasoning models take no temperature but 1, some servers no seed, some only `max_completion_tokens`. They say
so when they are first asked: then the field is left out or renamed for the rest of the run. What the user has
set by name is never left out.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from babilong_eval.inference.endpoint import Endpoint
    from babilong_eval.prompts.prompts import Prompt

_SPARED = ("temperature", "top_p", "seed")
_NEWER_NAME = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_OURS = ("model", "messages", "prompt", "stream", "n")

# Too long a prompt is refused in words that may name max_tokens, and is not the field's fault.
_ABOUT_LENGTH = re.compile(
    r"context (length|window|size)|too (long|large|many)|maximum context", re.IGNORECASE
)

_log = logging.getLogger(__name__)


def own_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a user's options as fields of a request; JSON objects and lists are read.

    Raises:
        UsageError: a field is not the user's to set, or its JSON is broken.
    """
    if name := next((name for name in options if name in _OURS), None):
        raise UsageError(f"--model-option {name}: is set by the evaluation itself; leave it out")
    return {name: _value(name, value) for name, value in options.items()}


def request_fields(endpoint: Endpoint, *, chat: bool) -> dict[str, Any]:
    """Return the fields of a request, without its prompt."""
    # OpenAI's own reasoning models refuse the name that all other servers know
    limit = "max_completion_tokens" if chat and endpoint.is_openai else "max_tokens"
    if _NEWER_NAME[limit] in endpoint.fields:
        limit = _NEWER_NAME[limit]
    ours: dict[str, Any] = {limit: endpoint.max_tokens, "stop": list(endpoint.stop) or None}
    ours |= {name: getattr(endpoint, name) for name in _SPARED}
    fields = {**ours, **endpoint.fields}
    return {"model": endpoint.model, **{name: value for name, value in fields.items() if value is not None}}


def request_body(fields: Mapping[str, Any], prompt: Prompt, context: str, question: str) -> dict[str, Any]:
    """Return a whole request: a chat, or a text to continue."""
    if prompt.chat_template:
        return {**fields, "messages": prompt.messages(context, question)}
    return {**fields, "prompt": prompt.text(context, question)}


@dataclass(slots=True, kw_only=True)
class TakenFields:
    """What a server takes, as far as it is known; the requests of a run share one.

    Attributes:
        fixed: names that the user has set.
        changes: new names by old ones; None where a field is left out.
        accepted: whether a request with these changes has been answered.
    """

    fixed: frozenset[str]
    changes: dict[str, str | None] = field(default_factory=dict)
    accepted: bool = False

    def applied(self, fields: Mapping[str, Any], changes: Mapping[str, str | None]) -> dict[str, Any]:
        """Return fields with changes made."""
        named = {changes.get(name, name): value for name, value in fields.items()}
        return {name: value for name, value in named.items() if name is not None}

    def narrowed(
        self, words: str, fields: Mapping[str, Any], changes: Mapping[str, str | None]
    ) -> dict[str, str | None] | None:
        """Return the changes that a refusal asks for, beside those made; None if it is about something else.

        Args:
            words: the server's.
            fields: of the request, before any change.
        """
        if self.accepted and changes == self.changes:
            return None  # it has taken all of them before
        for name in self.applied(fields, changes):
            if name in self.fixed or not re.search(rf"(?<![A-Za-z_]){name}(?![A-Za-z_])", words):
                continue
            if name in _SPARED:
                return {**changes, name: None}
            if name in _NEWER_NAME and name not in changes.values() and not _ABOUT_LENGTH.search(words):
                return {**changes, name: _NEWER_NAME[name]}
        return None

    def adopt(self, changes: dict[str, str | None], words: str) -> None:
        """Make changes for all requests to come, now that one with them was answered; say so once."""
        for name, new in changes.items():
            if name not in self.changes:
                what = f"is sent as {new}" if new else "is left out"
                _log.warning("note: %s %s, for the server refuses it (%s)", name, what, words)
        self.changes, self.accepted = {**self.changes, **changes}, True


def _value(name: str, value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise UsageError(f"--model-option {name}: expected JSON ({error})") from None
