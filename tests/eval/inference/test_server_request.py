"""Servers that do not take every field of a request get requests that they take."""

from __future__ import annotations

from typing import Any

import pytest

from babilong_eval.inference.endpoint import ServerOptions
from babilong_eval.inference.server_request import own_fields
from babilong_gen.errors import UsageError
from tests.eval.inference.model_server import Reply, chat_answer, outcomes, serving

ONE_BY_ONE = ServerOptions(concurrency=1, retries=0)

# As servers word it, in the form of their own errors.
NO_TEMPERATURE = "Unsupported value: 'temperature' does not support 0.0 with this model. Only 1 is supported."
NO_LIMIT = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
NO_SEED = {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs forbidden"}]}
REFUSALS = {
    "seed": (422, NO_SEED),
    "temperature": (400, {"error": {"message": NO_TEMPERATURE, "param": "temperature"}}),
    "max_tokens": (400, {"error": {"message": NO_LIMIT, "param": "max_tokens"}}),
}


def strict(_: int, body: dict) -> Reply:
    """A reasoning model's server, which refuses the first field that it does not take."""
    return next((refusal for name, refusal in REFUSALS.items() if name in body), chat_answer("garden"))


@pytest.mark.parametrize("concurrency", [1, 8])
def test_refused_fields_are_left_out_or_renamed_and_that_is_said_once(
    concurrency: int, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(strict) as server:
        found = outcomes(server, 12, seed=0, max_tokens=7, options=ServerOptions(concurrency=concurrency))
    assert all(outcome.answer for outcome in found)
    assert {"max_completion_tokens", "temperature", "seed", "max_tokens"} & server.requests[-1].keys() == {
        "max_completion_tokens"
    }
    assert server.requests[-1]["max_completion_tokens"] == 7
    assert [record.getMessage().partition(", for")[0] for record in caplog.records] == [
        "note: seed is left out",
        "note: temperature is left out",
        "note: max_tokens is sent as max_completion_tokens",
    ]
    assert len(server.requests) <= 12 + 3 * concurrency


def test_a_refusal_with_status_200_is_understood_as_well() -> None:
    def reply(_: int, body: dict) -> Reply:
        return (200, REFUSALS["seed"][1] | {"error": NO_SEED}) if "seed" in body else chat_answer("garden")

    with serving(reply) as server:
        (outcome,) = outcomes(server, seed=0, options=ONE_BY_ONE)
    assert outcome.answer is not None


def test_a_field_that_other_samples_were_answered_with_is_kept() -> None:
    def reply(number: int, _: dict) -> Reply:
        return REFUSALS["temperature"] if number == 1 else chat_answer("garden")

    with serving(reply) as server:
        errors = [outcome.error for outcome in outcomes(server, 3, options=ONE_BY_ONE)]
    assert errors == ["", f"HTTP 400: {NO_TEMPERATURE}", ""]
    assert all("temperature" in asked for asked in server.requests)


def test_a_guess_that_does_not_help_is_not_kept() -> None:
    def reply(number: int, _: dict) -> Reply:
        return REFUSALS["temperature"] if number < 2 else chat_answer("garden")

    with serving(reply) as server:
        errors = [outcome.error for outcome in outcomes(server, 2, options=ONE_BY_ONE)]
    assert errors == [f"HTTP 400: {NO_TEMPERATURE}", ""]
    assert ["temperature" in asked for asked in server.requests] == [True, False, True]


def test_too_long_a_prompt_is_not_blamed_on_the_limit_of_the_answer() -> None:
    words = (
        "'max_tokens' or 'max_completion_tokens' is too large: 20. The maximum context length is 4096 tokens"
    )
    with serving(lambda *_: (400, {"error": {"message": words}})) as server:
        (outcome,) = outcomes(server, max_tokens=20)
    assert outcome.error == f"HTTP 400: {words}"
    assert len(server.requests) == 1


def test_options_set_fields_and_leave_them_out() -> None:
    fields = own_fields(
        {"temperature": None, "seed": None, "top_k": 5, "chat_template_kwargs": '{"enable_thinking": false}'}
    )
    with serving(lambda *_: chat_answer("garden")) as server:
        outcomes(server, seed=3, fields=fields)
    asked = {name: value for name, value in server.requests[0].items() if name not in ("path", "messages")}
    assert asked == {
        "model": "small",
        "max_tokens": 20,
        "top_k": 5,
        "chat_template_kwargs": {"enable_thinking": False},
    }


def test_the_limit_of_an_answer_can_have_its_newer_name() -> None:
    with serving(lambda *_: chat_answer("garden")) as server:
        outcomes(server, fields=own_fields({"max_completion_tokens": 900}))
    assert server.requests[0]["max_completion_tokens"] == 900
    assert "max_tokens" not in server.requests[0]


def test_what_the_user_has_set_is_never_left_out() -> None:
    with serving(strict) as server:
        (outcome,) = outcomes(server, fields={"temperature": 0.7})
    assert outcome.error == f"HTTP 400: {NO_TEMPERATURE}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"messages": "mine"}, "--model-option messages: is set by the evaluation itself"),
        ({"stop": "[broken"}, "--model-option stop: expected JSON"),
    ],
)
def test_a_field_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        own_fields(options)
