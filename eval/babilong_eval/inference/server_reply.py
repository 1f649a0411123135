"""Reads a server's reply: an answer with its reasoning apart, or the reason why there is none.

Replies are read as the JSON they are, for servers leave out, add and nest more than the protocol has. Text
may come in parts (`[{"type": "text", "text": …}, {"type": "thinking", …}]`), and errors inside a reply whose
status is 200.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from babilong_eval.models.protocol import Answer
from babilong_eval.models.reasoning import split_reasoning
from babilong_eval.models.stop_strings import before_stop
from babilong_gen.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN_CHARACTERS = 300
_TEXTS = ("text", "output_text")
_THOUGHTS = ("thinking", "reasoning", "reasoning.text", "reasoning.summary", "reasoning_text", "summary_text")
_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "reasoning_details")

# In the order in which they are looked for; FastAPI's servers say `detail`.
_WORDS = ("message", "error", "errors", "detail", "msg", "reason")

_ENDED = {
    "content_filter": "the server's content filter withheld the answer",
    "tool_calls": "the model called a tool instead of answering",
    "function_call": "the model called a function instead of answering",
}


class NoAnswerError(Exception):
    """The server answered properly, but not with an answer; the message says why."""


class ServerFaultError(NoAnswerError):
    """The server reports an error of its own, which another try may not meet."""


class NotACompletionError(Exception):
    """What came is not from a server of this protocol; the message is how it begins."""


def read_reply(content: bytes, max_tokens: int, stop: Sequence[str] = ()) -> tuple[Answer, int | None]:
    """Return a reply's answer, and how many tokens the prompt had, if it says so.

    Args:
        max_tokens: that were asked for.
        stop: strings before which the answer ends, also where the server leaves them in.

    Raises:
        NoAnswerError: there is none; `ServerFaultError` where the reply is an error.
        NotACompletionError: it is no JSON, or JSON of another kind.
    """
    try:
        return _read(json.loads(content), content, max_tokens, stop)
    except ValueError:
        raise NotACompletionError(_begin(content)) from None
    except RecursionError:
        raise NoAnswerError("the server's reply is nested too deeply") from None


def _read(reply: Any, content: bytes, max_tokens: int, stop: Sequence[str]) -> tuple[Answer, int | None]:
    if not isinstance(reply, dict):
        raise NotACompletionError(_begin(content))
    choices = reply.get("choices")
    if reply.get("error") and not choices:
        raise ServerFaultError(server_words(reply["error"]))
    if "choices" not in reply and _is_an_error(reply):
        raise ServerFaultError(server_words(reply))
    if "choices" not in reply:
        raise NotACompletionError(_begin(content))
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise NoAnswerError("the server's reply has no choice in it")
    usage = reply.get("usage")
    n_tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    answer = _answer(choices[0], max_tokens, stop)
    return answer, n_tokens if type(n_tokens) is int and n_tokens >= 0 else None


def _is_an_error(reply: dict[str, Any]) -> bool:
    """Return whether a reply without an answer is an error in one of the forms that servers have for it."""
    has_status = any(type(reply.get(name)) is int for name in ("code", "status", "status_code"))
    return reply.get("object") == "error" or "detail" in reply or (has_status and "message" in reply)


def _begin(content: bytes) -> str:
    return redacted(one_line(content.decode(errors="replace")))[:60]


def server_words(body: object) -> str:
    """Return what an error of a server says, in one line for a file and without a key, which some repeat."""
    return redacted(one_line(_words(body)) or "the server does not say why")[:_SHOWN_CHARACTERS]


def one_line(text: str) -> str:
    """Return a text in one line of characters that can be printed."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split())
    )


def _answer(choice: dict[str, Any], max_tokens: int, stop: Sequence[str]) -> Answer:
    if choice.get("error"):
        raise ServerFaultError(server_words(choice["error"]))
    message = choice.get("message")
    written = message.get("content") if isinstance(message, dict) else choice.get("text")
    inline, whole = split_reasoning(_joined(written, _TEXTS))
    text = before_stop(whole, stop).rstrip()
    fields = message if isinstance(message, dict) else {}
    thoughts = [_joined(fields.get(name), (*_TEXTS, *_THOUGHTS)) for name in _THOUGHT_FIELDS]
    thoughts += [_joined(written, _THOUGHTS), inline or ""]
    ended = choice.get("finish_reason")
    if ended == "content_filter" or not text:
        refusal = _joined(fields.get("refusal"), (*_TEXTS, "refusal")) or _joined(written, ("refusal",))
        raise NoAnswerError(_reason(choice, ended, refusal, max_tokens))
    return Answer(text=redacted(text), reasoning=redacted(next(filter(None, thoughts), "")) or None)


def _reason(choice: dict[str, Any], ended: object, refusal: str, max_tokens: int) -> str:
    """Return why a choice holds no answer."""
    if refusal:
        return f"the model refused: {server_words(refusal)}"
    if ended == "length":
        return f"no answer within {max_tokens} tokens; raise --max-tokens"
    if isinstance(ended, str) and ended in _ENDED:
        return _ENDED[ended]
    if not isinstance(choice.get("message"), dict) and not isinstance(choice.get("text"), str):
        return "the server's reply has no message in it"
    return f"an empty answer (finish_reason {server_words(str(ended))})"


def _joined(written: object, kinds: tuple[str, ...]) -> str:
    """Return the text of a string, of a part whose type is one of `kinds`, or of a list of those."""
    if isinstance(written, str):
        return written if kinds[0] == "text" else ""
    if isinstance(written, list):
        return "".join(_joined(part, kinds) for part in written)
    if not isinstance(written, dict) or written.get("type", "text") not in kinds:
        return ""
    names = ("text", "thinking", "reasoning", "summary", "refusal", "content", "value")
    inner = next((written[name] for name in names if written.get(name)), "")
    return _joined(inner, (*_TEXTS, *kinds))


def _words(body: object) -> str:
    """Return the first text that an error holds where servers put theirs, with the place it is about."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, map(_words, body)))
    if not isinstance(body, dict):
        return ""
    place = ".".join(map(str, body["loc"])) if isinstance(body.get("loc"), list) else ""
    words = next(filter(None, (_words(body.get(name)) for name in _WORDS)), "")
    return f"{place}: {words}" if place else words or str(body.get("code") or body.get("type") or "")
