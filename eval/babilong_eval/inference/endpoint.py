"""A model behind an OpenAI-compatible server, and how to talk to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_gen.errors import UsageError
from babilong_gen.redaction import is_sendable, keep_secret

OPENAI_URL = "https://api.openai.com/v1"

# The official client sends these of the environment along.
_SENT_ALONG = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How requests are made, whatever they ask.

    Attributes:
        concurrency: requests in flight at once.
        requests_per_minute: at most so many are started; None: no limit of ours.
        timeout_seconds: for one answer.
        retries: after the first try.
        key_variable: the environment variable that holds the key.
    """

    concurrency: int = 8
    requests_per_minute: int | None = None
    timeout_seconds: float = 600.0
    retries: int = 5
    key_variable: str = "OPENAI_API_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model on a server, and how it is to answer.

    Attributes:
        model: its name on the server.
        base_url: of the server, up to and including `/v1`.
        max_tokens: of an answer, its reasoning included.
        temperature: 0 takes the likeliest token; None leaves it to the server.
        top_p: of the sampling; None leaves it to the server.
        seed: of the sampling, where the server takes one.
        stop: strings that end an answer and are cut off.
        fields: of a request, as the user has them: they go before ours, and one that is None is left out.
        options: how requests are made.
    """

    model: str
    base_url: str = OPENAI_URL
    max_tokens: int = MAX_NEW_TOKENS
    temperature: float | None = 0.0
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    options: ServerOptions = field(default_factory=ServerOptions)

    @property
    def is_openai(self) -> bool:
        """Return whether the server is OpenAI's own."""
        return self.base_url.startswith(OPENAI_URL)


def find_key(endpoint: Endpoint) -> str:
    """Return the key of the environment; `none` for a server that may want no key.

    Raises:
        UsageError: there is no key and OpenAI wants one, or a variable holds characters that cannot be sent.
    """
    variable = endpoint.options.key_variable
    key = os.environ.get(variable, "").strip()
    keep_secret(key)
    for name, value in {variable: key, **{name: os.environ.get(name, "") for name in _SENT_ALONG}}.items():
        if value and not is_sendable(value):
            raise UsageError(
                f"{name} holds characters that no key can have, such as a line break or a curly quote: "
                "copy it again"
            )
    if not key and endpoint.is_openai:
        raise UsageError(f"no key for {endpoint.base_url}: put it into the environment as {variable}")
    return key or "none"
