"""A document of natural text, as a noise source yields it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One story, article or book.

    Attributes:
        name: stable within its source (an id of the source, else the file's name and row).
        text: as the source has it; white space is normalised later, when the corpus is built.
    """

    name: str
    text: str
