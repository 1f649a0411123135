"""Strings that end an answer: generation ends where one is written, and the answer ends before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence


@runtime_checkable
class StopsAtStrings(Protocol):
    """A model that ends generation at strings; others write to their end, and are cut off afterwards.

    Attributes:
        stop: the strings; none at first.
    """

    stop: tuple[str, ...]


def before_stop(text: str, stop: Sequence[str]) -> str:
    """Return a text up to the first of some strings that stands in it.

    >>> before_stop("garden\\n\\nQuestion: Where", ("Question:", "\\n"))
    'garden'
    """
    places = [place for place in map(text.find, stop) if place >= 0]
    return text[: min(places)] if places else text


def holds_stop(text: str, stop: Sequence[str]) -> bool:
    """Return whether any of some strings stands in a text."""
    return any(string in text for string in stop)
