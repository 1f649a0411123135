"""A model behind an OpenAI-compatible server: its address, and how to talk to it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_gen.errors import UsageError

OPENAI_URL = "https://api.openai.com/v1"
KIND = "api:"


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
        options: how requests are made.
    """

    model: str
    base_url: str = OPENAI_URL
    max_tokens: int = MAX_NEW_TOKENS
    temperature: float | None = 0.0
    top_p: float | None = None
    seed: int | None = None
    options: ServerOptions = field(default_factory=ServerOptions)


def parse_address(spec: str) -> tuple[str, str]:
    """Split `api:MODEL@BASE_URL` into model and base URL; without a URL it is OpenAI's own.

    Raises:
        UsageError: there is no model, the URL is malformed, or it holds a password.
    """
    model, at, url = spec.removeprefix(KIND).rpartition("@http")
    model, url = (model, f"http{url}") if at else (url, os.environ.get("OPENAI_BASE_URL", OPENAI_URL))
    parts = urlsplit(url)
    if not model or not parts.hostname:
        raise UsageError(
            f"model '{spec}': expected api:MODEL@BASE_URL, say api:smollm2@http://localhost:8000/v1"
        )
    if parts.username or parts.password:
        raise UsageError("a key does not belong in the URL: put it into OPENAI_API_KEY")
    return model, url
