"""What servers put into a reply: parts, nulls, refusals, and errors under the status 200."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from babilong_eval.inference.endpoint import ServerOptions
from babilong_gen.errors import UsageError
from tests.eval.inference.model_server import TEXT, Reply, chat_answer, outcomes, serving

ONCE = ServerOptions(retries=0)
BUSY = {"error": {"message": "the model is overloaded", "code": 502}}


def ended(reason: str | None, text: object = None, **message: object) -> Reply:
    """A chat's answer with another reason why it ended."""
    status, body = chat_answer(text, **message)
    body["choices"][0]["finish_reason"] = reason
    return status, body


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text", "text": "garden"}],
        [{"type": "thinking", "thinking": "She went there."}, {"type": "text", "text": "garden"}],
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "She went there."}]},
            {"type": "text", "text": "gar"},
            {"type": "output_text", "text": "den"},
        ],
        [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "She went there."}]}, "garden"],
        {"type": "text", "text": {"value": "garden"}},
    ],
)
def test_parts_are_joined_and_thoughts_kept_apart(content: Any) -> None:
    with serving(lambda *_: chat_answer(content)) as server:
        (outcome,) = outcomes(server)
    assert outcome.answer is not None
    assert outcome.answer.text == "garden"
    assert outcome.answer.reasoning == ("She went there." if "went" in str(content) else None)


def test_reasoning_in_details_is_kept_apart() -> None:
    details = [{"type": "reasoning.text", "text": "She went there."}]
    with serving(lambda *_: chat_answer("garden", reasoning=None, reasoning_details=details)) as server:
        (outcome,) = outcomes(server)
    assert outcome.answer is not None
    assert (outcome.answer.text, outcome.answer.reasoning) == ("garden", "She went there.")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((200, {"choices": [{"message": None}]}), "the server's reply has no message in it"),
        ((200, {"choices": [None]}), "the server's reply has no choice in it"),
        ((200, {"choices": []}), "the server's reply has no choice in it"),
        ((200, {"choices": None}), "the server's reply has no choice in it"),
        (ended("content_filter"), "the server's content filter withheld the answer"),
        (ended("content_filter", "The gar"), "the server's content filter withheld the answer"),
        (ended("stop", refusal="I can't help with that."), "the model refused: I can't help with that."),
        (
            ended("stop", [{"type": "refusal", "refusal": "Not that."}]),
            "the model refused: Not that.",
        ),
        (ended("tool_calls", tool_calls=[{}]), "the model called a tool instead of answering"),
        (ended("stop"), "an empty answer (finish_reason stop)"),
        (ended(None, "<think>hm</think>"), "an empty answer (finish_reason None)"),
        (ended("stop", 42), "an empty answer (finish_reason stop)"),
        ((200, {"choices": [], "error": {"message": " "}}), "the server does not say why"),
    ],
)
def test_a_reply_without_an_answer_is_a_failure_with_its_reason(reply: Reply, reason: str) -> None:
    with serving(lambda *_: reply) as server:
        (outcome,) = outcomes(server, options=ONCE)
    assert (outcome.answer, outcome.error) == (None, reason)


def test_a_completion_without_text_is_a_failure_too() -> None:
    with serving(lambda *_: (200, {"choices": [{"text": None, "finish_reason": "stop"}]})) as server:
        (outcome,) = outcomes(server, prompt=TEXT)
    assert outcome.error == "the server's reply has no message in it"


@pytest.mark.parametrize(
    "body",
    [
        BUSY,
        {"choices": [{"message": {"content": ""}, **BUSY}]},
        {"object": "error", "message": "overloaded", "code": 50001},
        {"detail": "Not ready"},
        {"message": "overloaded", "status": 503},
    ],
)
def test_an_error_with_status_200_is_retried(body: Any) -> None:
    with serving(lambda number, _: (200, body) if number == 0 else chat_answer("garden")) as server:
        (outcome,) = outcomes(server)
    assert outcome.answer is not None
    assert len(server.requests) == 2


def test_an_error_with_status_200_that_stays_is_the_samples_failure_in_the_servers_words() -> None:
    def reply(_: int, body: dict) -> Reply:
        return (200, BUSY) if "room 1" in body["messages"][1]["content"] else chat_answer("garden")

    with serving(reply) as server:
        errors = [outcome.error for outcome in outcomes(server, 3, options=ServerOptions(retries=1))]
    assert errors == ["", "the model is overloaded", ""]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "no room"}, "no room"),
        ({"detail": "no room"}, "no room"),
        ({"object": "error", "message": "no room"}, "no room"),
        ({"detail": [{"loc": ["body", "stop"], "msg": "Extra inputs"}]}, "body.stop: Extra inputs"),
        ({"errors": [{"message": "no room"}, {"message": "nor time"}]}, "no room; nor time"),
        (b"<h1>no\n room</h1>", "<h1>no room</h1>"),
        (b"", "Bad Request"),
        ({"error": {"message": "no \x1b[31mroom\ud800"}}, "no \ufffd[31mroom\ufffd"),
    ],
)
def test_the_servers_words_are_found_and_fit_in_a_line(body: object, words: str) -> None:
    with serving(lambda *_: (400, body)) as server:
        (outcome,) = outcomes(server)
    assert outcome.error == f"HTTP 400: {words}"


def test_one_page_among_answers_does_not_end_the_run() -> None:
    def reply(number: int, _: dict) -> Reply:
        return (200, b"<html>Bad gateway</html>") if number == 2 else chat_answer("garden")

    with serving(reply) as server:
        errors = [outcome.error for outcome in outcomes(server, 4, options=ServerOptions(concurrency=1))]
    assert errors == ["", "", "no completion in JSON (<html>Bad gateway</html>)", ""]


def test_a_refused_prompt_among_answers_is_not_taken_for_a_refused_key() -> None:
    def reply(number: int, _: dict) -> Reply:
        return (403, {"error": {"message": "flagged"}}) if number == 1 else chat_answer("garden")

    with serving(reply) as server:
        errors = [outcome.error for outcome in outcomes(server, 3, options=ServerOptions(concurrency=1))]
    assert errors == ["", "HTTP 403: flagged", ""]


def test_requests_that_fail_at_once_are_all_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    with (
        serving(lambda *_: (404, {"error": {"message": "model small does not exist"}})) as server,
        pytest.raises(UsageError, match="has no model 'small'"),
    ):
        outcomes(server, 20)
    gc.collect()
    assert "never retrieved" not in caplog.text
