"""Text that others wrote, made fit to be shown."""

from __future__ import annotations

_UNPRINTABLE = dict.fromkeys(
    (code for code in (*range(32), 0x7F) if chr(code) not in "\n\t"), "\N{REPLACEMENT CHARACTER}"
)


def visible(text: str) -> str:
    """A text with a � for each control character, which neither XML nor a terminal takes as it is.

    Line breaks and tabs stay.
    """
    return text.translate(_UNPRINTABLE)
