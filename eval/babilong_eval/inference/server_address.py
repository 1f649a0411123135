"""Reads `api:MODEL@BASE_URL`: where a model is, before a prompt could go to the wrong place."""

from __future__ import annotations

import os
import re

from babilong_eval.inference.endpoint import OPENAI_URL
from babilong_gen.errors import UsageError
from babilong_gen.network import address_fault, shown_address

KIND = "api:"

_WITH_URL = re.compile(r"(?P<model>.*)@(?P<url>[A-Za-z][A-Za-z0-9+.-]*:/.*)", re.DOTALL)

# The end of a name that is a server's: a port, an IP address, a domain, or a path such as /v1. Names of
# models have an @ too, in front of a version or of an owner (`claude@20240620`, `@cf/meta/llama`).
_SERVER = re.compile(
    r".+@(https?/.*|//.*|[^@/]*:\d+(/.*)?|\[[^@]*|localhost(/.*)?|[^@/]+/(api/)?v\d+/?|\d+(\.\d+){3}(/.*)?"
    r"|([\w-]+\.)+[A-Za-z]{2,}(/.*)?)"
)


def parse_address(spec: str) -> tuple[str, str]:
    """Split `api:MODEL@BASE_URL` into model and base URL.

    Without a URL it is that of `OPENAI_BASE_URL`, or OpenAI's own where that is not set or empty.

    Raises:
        UsageError: there is no model, the URL is malformed, lacks its scheme, or holds a password.
    """
    text = spec.removeprefix(KIND)
    expected = "expected api:MODEL@BASE_URL, say api:smollm2@http://localhost:8000/v1"
    if match := _WITH_URL.fullmatch(text):
        model, url, origin = match["model"], match["url"], "the URL"
    elif _SERVER.fullmatch(text):
        raise UsageError(
            f"model {shown_address(text.rpartition('@')[2])!r} looks like the address of a server without "
            f"http:// or https://: {expected}"
        )
    else:
        model, url, origin = text, os.environ.get("OPENAI_BASE_URL", "").strip(), "OPENAI_BASE_URL"
    url = url or OPENAI_URL
    if fault := address_fault(url):
        raise UsageError(
            f"{origin} {shown_address(url)} {fault}: {expected}, and put a key into OPENAI_API_KEY"
        )
    if not model:
        raise UsageError(f"model {spec!r} has no name: {expected}")
    return model, url
