"""A server that speaks the OpenAI protocol is asked, waited for, and told apart from one that does not."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from babilong_eval.evaluation.config import EvaluationConfig
from babilong_eval.evaluation.evaluate import evaluate
from babilong_eval.inference.endpoint import Endpoint, ServerOptions
from babilong_eval.inference.openai_server import request_answers
from babilong_eval.inference.server_address import parse_address
from babilong_gen.errors import SourceError, UsageError
from tests.eval.inference.model_server import (
    CHAT,
    TEXT,
    Reply,
    chat_answer,
    outcomes,
    samples,
    serving,
    text_answer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from babilong_eval.data.dataset import Sample


def test_a_chat_is_sent_and_its_answer_read() -> None:
    with serving(lambda _, body: chat_answer(body["messages"][1]["content"].upper())) as server:
        (outcome,) = outcomes(server, max_tokens=7, seed=3)
    assert outcome.answer is not None
    assert outcome.answer.text == "MARY WENT TO ROOM 0. WHERE IS MARY?"
    assert outcome.n_tokens == 12
    assert server.requests == [
        {
            "path": "/v1/chat/completions",
            "model": "small",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Mary went to room 0. Where is Mary?"},
            ],
            "max_tokens": 7,
            "temperature": 0.0,
            "seed": 3,
        }
    ]


def test_a_prompt_that_is_no_chat_goes_to_the_completions() -> None:
    with serving(lambda _, body: text_answer(f" {body['prompt'][-5:]}")) as server:
        (outcome,) = outcomes(server, prompt=TEXT)
    assert outcome.answer is not None
    assert outcome.answer.text == "Mary?"
    assert server.requests[0]["path"] == "/v1/completions"


@pytest.mark.parametrize(
    "reply",
    [
        chat_answer("garden", reasoning_content="She went there."),
        chat_answer("garden", reasoning="She went there."),
        chat_answer("<think>She went there.</think> garden"),
    ],
)
def test_reasoning_is_kept_apart(reply: Reply) -> None:
    with serving(lambda *_: reply) as server:
        (outcome,) = outcomes(server)
    assert outcome.answer is not None
    assert (outcome.answer.text, outcome.answer.reasoning) == ("garden", "She went there.")


def test_an_answer_that_was_all_reasoning_is_a_failure() -> None:
    status, body = chat_answer(None, reasoning_content="Let me see")
    body["choices"][0]["finish_reason"] = "length"
    with serving(lambda *_: (status, body)) as server:
        (outcome,) = outcomes(server, max_tokens=5)
    assert outcome.answer is None
    assert outcome.error == "no answer within 5 tokens; raise --max-tokens"


def test_requests_go_side_by_side_but_not_too_many() -> None:
    with serving(lambda *_: chat_answer("x"), seconds=0.05) as server:
        assert len(outcomes(server, 12, options=ServerOptions(concurrency=4))) == 12
    assert server.most_under_way == 4


def test_no_more_samples_are_taken_than_are_under_way() -> None:
    taken = 0

    def counted() -> Iterator[Sample]:
        nonlocal taken
        for sample in samples(20):
            taken += 1
            yield sample

    with serving(lambda *_: chat_answer("x")) as server:
        endpoint = Endpoint(model="small", base_url=server.url, options=ServerOptions(concurrency=3))
        next(request_answers(endpoint, counted(), {"qa1": CHAT}))
    assert taken <= 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_or_failing_server_is_asked_again(status: int) -> None:
    def reply(number: int, _: dict) -> Reply:
        return (status, {"error": {"message": "not now"}}) if number == 0 else chat_answer("garden")

    with serving(reply) as server:
        (outcome,) = outcomes(server)
    assert outcome.answer is not None
    assert len(server.requests) == 2


def test_what_fails_again_and_again_is_recorded_and_the_rest_goes_on() -> None:
    def reply(_: int, body: dict) -> Reply:
        broken = "room 1" in body["messages"][1]["content"]
        return (500, {"error": {"message": "no room"}}) if broken else chat_answer("garden")

    with serving(reply) as server:
        errors = [outcome.error for outcome in outcomes(server, 3, options=ServerOptions(retries=1))]
    assert errors == ["", "HTTP 500: no room", ""]


def test_a_refused_request_is_the_samples_failure() -> None:
    with serving(lambda *_: (400, {"error": {"message": "context of 4096 tokens exceeded"}})) as server:
        (outcome,) = outcomes(server)
    assert outcome.error == "HTTP 400: context of 4096 tokens exceeded"


def test_a_slow_answer_is_given_up() -> None:
    with serving(lambda *_: chat_answer("x"), seconds=0.6) as server:
        (outcome,) = outcomes(server, options=ServerOptions(timeout_seconds=0.2, retries=0))
    assert outcome.error == "no answer within 0.2 s"


def test_requests_are_spread_over_the_minute() -> None:
    with serving(lambda *_: chat_answer("x")) as server:
        started = time.monotonic()
        outcomes(server, 4, options=ServerOptions(requests_per_minute=600))
        assert time.monotonic() - started >= 0.3


def test_a_wrong_key_ends_the_run_without_telling_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with serving(lambda *_: chat_answer("x"), key="another") as server:
        with pytest.raises(UsageError, match=r"refuses the key \(HTTP 401\): set OPENAI_API_KEY") as raised:
            outcomes(server)
        assert server.requests == []
    assert "secret" not in str(raised.value)


def test_the_right_key_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    with serving(lambda *_: chat_answer("x"), key="sk-very-secret") as server:
        (outcome,) = outcomes(server, options=ServerOptions(key_variable="MY_KEY"))
    assert outcome.answer is not None


def test_a_server_that_repeats_the_key_does_not_get_it_into_the_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with serving(lambda *_: (400, {"error": {"message": "sk-very-secret has no credit"}})) as server:
        (outcome,) = outcomes(server)
    assert outcome.error == "HTTP 400: [key] has no credit"


def test_a_server_that_is_not_there_is_reported_at_once() -> None:
    with pytest.raises(SourceError, match=r"no server answers at http://127.0.0.1:9/v1 .*is the server up\?"):
        list(
            request_answers(
                Endpoint(model="small", base_url="http://127.0.0.1:9/v1"), samples(1), {"qa1": CHAT}
            )
        )


def test_an_unknown_model_ends_the_run() -> None:
    with (
        serving(lambda *_: (404, {"error": {"message": "model small does not exist"}})) as server,
        pytest.raises(UsageError, match=r"has no model 'small' \(model small does not exist\)"),
    ):
        outcomes(server)


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b'{"choices": [', {"hello": "there"}, ["choices"]])
def test_what_is_no_completion_ends_the_run(body: object) -> None:
    with (
        serving(lambda *_: (200, body)) as server,
        pytest.raises(SourceError, match="answers, but not with a completion in JSON"),
    ):
        outcomes(server)


def test_an_address_is_model_at_url() -> None:
    assert parse_address("api:org/model@v2@http://localhost:8000/v1") == (
        "org/model@v2",
        "http://localhost:8000/v1",
    )


def test_an_address_without_url_is_openais(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert parse_address("api:gpt-4o-mini") == ("gpt-4o-mini", "https://api.openai.com/v1")


@pytest.mark.parametrize(
    "spec", ["api:", "api:@http://localhost:8000/v1", "api:m@http://", "api:m@http://a:b@host/v1"]
)
def test_a_broken_address_is_refused(spec: str) -> None:
    with pytest.raises(UsageError):
        parse_address(spec)


def test_a_published_run_is_repeated_through_a_server(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    published = tmp_path / "qa1_0k_instruction_yes_examples_no_post_prompt_no_chat_template_yes.json"
    prompt = {
        "instruction": "Find the facts.",
        "chat_template": True,
        "template": "{instruction} {context} {question}",
    }
    published.write_text(json.dumps({"prompt": prompt, "generate_kwargs": {"max_new_tokens": 7}}))
    with serving(lambda *_: chat_answer("garden"), key="sk-very-secret") as server:
        config = EvaluationConfig(
            data=str(dataset),
            model=f"api:small@{server.url}",
            out=tmp_path / "results",
            tasks=("qa1",),
            lengths=("0k",),
            prompts=published,
        )
        cells = evaluate(config)
    assert [(cell.scorer, cell.n, cell.correct) for cell in cells] == [("official", 12, 2), ("strict", 12, 2)]
    assert {
        (asked["max_tokens"], asked["messages"][0]["content"].split(".")[0]) for asked in server.requests
    } == {(7, "Find the facts")}
    assert (Path(config.out) / f"{published.stem}.csv").exists()
    assert not any(b"secret" in path.read_bytes() for path in Path(config.out).iterdir())
