"""Tells what a model thought aloud from what it answered."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


def split_reasoning(text: str) -> tuple[str | None, str]:
    """Splits a generated text into (reasoning, answer); reasoning is None where there was none.

    Chat templates may open the thought themselves, so that only its end is written. A thought that was not
    finished leaves an empty answer: what stands in it is no answer.
    """
    before, close, after = text.rpartition(_CLOSE)
    if close:
        return before.removeprefix(_OPEN).strip(), after.strip()
    if text.lstrip().startswith(_OPEN):
        return text.lstrip().removeprefix(_OPEN).strip(), ""
    return None, text.strip()
