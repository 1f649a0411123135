"""Tells what a model thought aloud from what it answered."""

from __future__ import annotations

import re

_NAME = "(?:think|thinking|thought|reasoning|seed:think)"
_OPEN = re.compile(rf"<{_NAME}>|\[THINK\]|◁think▷", re.IGNORECASE)
_CLOSE = re.compile(rf"</{_NAME}>|\[/THINK\]|◁/think▷", re.IGNORECASE)

# The channels of gpt-oss: `<|channel|>analysis<|message|>…<|end|>`, and the answer in the one called final.
_CHANNEL = "<|channel|>"
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start)\|>")


def split_reasoning(text: str) -> tuple[str | None, str]:
    """Split a generated text into (reasoning, answer); reasoning is None where there was none.

    Chat templates may open the thought themselves, so that only its end is written. A thought that was not
    finished leaves an empty answer: what stands in it is no answer.
    """
    if _CHANNEL in text:
        return _split_channels(text)
    closings = list(_CLOSE.finditer(text))
    before, after = (text[: closings[-1].start()], text[closings[-1].end() :]) if closings else ("", text)
    if opening := _OPEN.match(after.lstrip()):
        unfinished = after.lstrip()[opening.end() :]
        return "\n".join(filter(None, [_opened(before), unfinished.strip()])), ""
    return (_opened(before) if closings else None), after.strip()


def _opened(thought: str) -> str:
    """Return a thought without the mark that opens it, if it has one."""
    return (
        _OPEN.sub("", thought.strip(), count=1).strip() if _OPEN.match(thought.strip()) else thought.strip()
    )


def _split_channels(text: str) -> tuple[str | None, str]:
    begin, *channels = text.split(_CHANNEL)
    thoughts, answer = [_CHANNEL_END.split(begin)[0]], ""
    for channel in channels:
        name, _, written = channel.partition("<|message|>")
        written = _CHANNEL_END.split(written)[0].strip()
        if name.strip().startswith("final"):
            answer = written
        else:
            thoughts.append(written)
    return "\n".join(filter(None, map(str.strip, thoughts))) or None, answer
