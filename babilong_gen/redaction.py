"""Keeps keys, tokens and passwords out of whatever is shown or written, whichever library wrote the message.

A secret is a value that was announced with `keep_secret`, one of an environment variable whose name says
so (`…_KEY`, `…_TOKEN`, `…_SECRET`, `…_PASSWORD`), or a password within a URL. A part of a secret is enough to
recognise it by, so parts are left out too, from eight characters on.
"""

from __future__ import annotations

import os
import re
from urllib.parse import quote

_SECRET_NAME = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/@'\"]+@")
_PLAIN = re.compile(r"[\x21-\x7e]+")

# What is shorter stands in no one's way to a server (`EMPTY`), and would blot out words of the message.
_SHORTEST_SECRET = 6
_SHORTEST_PART = 8

_announced: dict[str, str] = {}


def keep_secret(secret: str, mark: str = "[key]") -> None:
    """Announce a secret of this process; `redacted` puts `mark` in its place from now on."""
    _announced[secret] = mark


def redacted(text: str) -> str:
    """Return a text without any secret or part of one, and without passwords in URLs."""
    for secret, mark in _secrets().items():
        # the line break that spoils a key is the place where a message breaks it, or shows it as \n
        for piece in _PLAIN.findall(secret):
            if len(piece) >= _SHORTEST_SECRET:
                text = _without(text, piece, mark)
    return _URL_PASSWORD.sub("[password]@", text)


def is_sendable(secret: str) -> bool:
    """Return whether a secret holds nothing but the visible ASCII characters that an HTTP header can take."""
    return _PLAIN.fullmatch(secret) is not None


def _secrets() -> dict[str, str]:
    named = {
        value: "[token]" if name.upper().endswith("TOKEN") else "[key]"
        for name, value in os.environ.items()
        if _SECRET_NAME.search(name) and not value.startswith(("/", "~"))  # nor the path of a key's file
    }
    return named | _announced


def _without(text: str, secret: str, mark: str) -> str:
    """Replace each run of characters that the text has in common with the secret, if it is long enough."""
    for written in (secret, quote(secret, safe="")):
        size = min(len(written), _SHORTEST_PART)
        parts = {written[start : start + size] for start in range(len(written) - size + 1)}
        shown, end, copied = [], -1, 0
        for start in range(len(text) - size + 1):
            if text[start : start + size] in parts:
                if start > end:  # not the continuation of the run before
                    shown += [text[copied:start], mark]
                end = copied = start + size
        text = "".join(shown) + text[copied:]
    return text
