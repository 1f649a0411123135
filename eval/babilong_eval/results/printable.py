"""Text from outside, made safe to show."""

from __future__ import annotations

_UNPRINTABLE = dict.fromkeys(
    (code for code in (*range(32), 0x7F) if chr(code) not in "\n\t"), "\N{REPLACEMENT CHARACTER}"
)


def visible(text: str) -> str:
    """Replace each control character by �, since neither XML nor a terminal takes it as it is.

    Line breaks and tabs stay.
    """
    return text.translate(_UNPRINTABLE)
