"""Keeps keys, tokens and passwords out of whatever is shown or written, whichever library wrote the message.

A secret is a value that was announced with `keep_secret`, one of an environment variable whose name says
so (`…_KEY`, `…_TOKEN`, `…_SECRET`, `…_PASSWORD`), or a password within a URL. A part of a secret is enough to
recognise it by, so parts are left out too, from eight characters on.
"""

from __future__ import annotations

import os
import re
from itertools import groupby
from urllib.parse import quote, unquote

_SECRET_NAME = re.compile(r"(?:^|_)(?:KEY|TOKEN|SECRET|PASSWORD)$", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/@'\"]+@")
_PASSWORD_OF_URL = re.compile(r"://[^\s/@]*?:([^\s/@]+)@")
_PLAIN = re.compile(r"[\x21-\x7e]+")

# What is shorter stands in no one's way to a server (`EMPTY`), and would blot out words of the message.
_SHORTEST_SECRET = 6
_SHORTEST_PART = 8

_announced: dict[str, str] = {}


def keep_secret(secret: str, mark: str = "[key]") -> None:
    """Announce a secret of this process; `redacted` puts `mark` in its place from now on."""
    _announced[secret] = mark


def keep_passwords(text: str) -> None:
    """Announce the passwords within the URLs of a text: drivers repeat them without the URL."""
    for password in _PASSWORD_OF_URL.findall(text):
        keep_secret(password, "[password]")
        keep_secret(unquote(password), "[password]")


def redacted(text: str) -> str:
    """Return a text without any secret or part of one, and without passwords in URLs."""
    marks = [""] * len(text)
    for secret, mark in _secrets().items():
        # the line break that spoils a key is the place where a message breaks it, or shows it as \n
        for piece in _PLAIN.findall(secret):
            if len(piece) >= _SHORTEST_SECRET:
                _cover(text, piece, mark, marks)
    runs = (
        (mark, "".join(char for _, char in run))
        for mark, run in groupby(zip(marks, text, strict=True), lambda each: each[0])
    )
    return _URL_PASSWORD.sub("[password]@", "".join(mark or shown for mark, shown in runs))


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


def _cover(text: str, secret: str, mark: str, marks: list[str]) -> None:
    """Put a mark at each character of a long enough run that the text has in common with the secret.

    Runs are looked for in the text as it was: another secret may have covered a part of one already.
    """
    for written in (secret, quote(secret, safe="")):
        size = min(len(written), _SHORTEST_PART)
        parts = {written[start : start + size] for start in range(len(written) - size + 1)}
        for start in range(len(text) - size + 1):
            if text[start : start + size] in parts:
                marks[start : start + size] = [mark] * size
