"""Paths as a user types them, `~` included: a shell replaces it in `--out ~/x`, but not in `--out=~/x`."""

from pathlib import Path

from babilong_gen.errors import UsageError


def user_path(text: str) -> Path:
    """Return the path that a user means, with `~` or `~name` replaced by the home folder.

    Raises:
        UsageError: this machine knows no user `name`.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"{text}: no such user on this machine; write the folder out") from None


def user_place(text: str) -> str:
    """Return a folder, URL or Hub name as typed, but for the home folder, like `user_path`."""
    return str(user_path(text)) if text.startswith("~") else text


def user_spec(text: str) -> str:
    """Return a `KIND:PLACE`, as in `rmt:~/runs/mine`, with its place like `user_place`."""
    kind, colon, place = text.partition(":")
    return f"{kind}{colon}{user_place(place)}"
