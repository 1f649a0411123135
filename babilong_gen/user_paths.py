"""Paths as a user types them, `~` included: a shell replaces it in `--out ~/x`, but not in `--out=~/x`."""

import os
import re
import sys
from pathlib import Path

from babilong_gen.errors import UsageError

_URL = re.compile(r"[a-z][a-z0-9+.-]+://")


def user_path(text: str) -> Path:
    """Return the path that a user means, with `~` or `~name` replaced by the home folder.

    Raises:
        UsageError: this machine knows no user `name`; or it is a URL, which would become a folder `s3:`; or
            its name is not UTF-8.
    """
    check_name(text)
    if _URL.match(text):
        raise UsageError(f"{text}: a URL; expected a file or folder on this machine")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"{text}: no such user on this machine; write the folder out") from None


def check_name(path: str | Path) -> None:
    """Refuse a name that is no text: the libraries that read Parquet, weights and tokenizers cannot open it.

    Raises:
        UsageError: it is not UTF-8, or not what this locale writes names in.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown, encoding = os.fsencode(path).decode(errors="backslashreplace"), sys.getfilesystemencoding()
        raise UsageError(
            f"{shown}: a file name that is not {encoding.upper()}; rename it, or set LC_ALL=C.UTF-8"
        ) from None


def user_place(text: str) -> str:
    """Return a folder, URL or Hub name as typed, but for the home folder, like `user_path`."""
    check_name(text)
    return str(user_path(text)) if text.startswith("~") else text


def user_spec(text: str) -> str:
    """Return a `KIND:PLACE`, as in `rmt:~/runs/mine`, with its place like `user_place`."""
    kind, colon, place = text.partition(":")
    return f"{kind}{colon}{user_place(place)}"
