"""vLLM's and llama.cpp's servers, each in its own form of reply: answers, reasoning, too long a prompt.

The forms are those of vLLM 0.10 and later and of llama.cpp's `llama-server` as of 2026, fields that we do not
read included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.eval.inference.model_server import TEXT, Reply, outcomes, serving

if TYPE_CHECKING:
    from collections.abc import Callable


def vllm_chat(content: str | None, *, reasoning: str | None = None, finish: str = "stop") -> Reply:
    message = {
        "role": "assistant", "content": content, "refusal": None, "annotations": None, "audio": None,
        "function_call": None, "tool_calls": [], "reasoning": reasoning, "reasoning_content": reasoning,
    }  # fmt: skip
    choice = {
        "index": 0, "message": message, "logprobs": None, "finish_reason": finish, "stop_reason": None,
        "token_ids": None,
    }  # fmt: skip
    usage = {"prompt_tokens": 128_417, "total_tokens": 128_421, "completion_tokens": 4}
    return 200, {
        "id": "chatcmpl-1f", "object": "chat.completion", "created": 1, "model": "small", "choices": [choice],
        "service_tier": None, "system_fingerprint": None, "prompt_logprobs": None, "prompt_token_ids": None,
        "usage": usage | {"prompt_tokens_details": None}, "kv_transfer_params": None,
    }  # fmt: skip


def llama_chat(content: str | None, *, reasoning: str | None = None, finish: str = "stop") -> Reply:
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if reasoning is not None:
        message["reasoning_content"] = reasoning
    usage = {"completion_tokens": 4, "prompt_tokens": 128_417, "total_tokens": 128_421}
    return 200, {
        "choices": [{"finish_reason": finish, "index": 0, "message": message}], "created": 1,
        "model": "small.gguf", "system_fingerprint": "b9001-0ff0c", "object": "chat.completion",
        "usage": usage | {"prompt_tokens_details": {"cached_tokens": 301}}, "id": "chatcmpl-oJ",
        "timings": {"cache_n": 301, "prompt_n": 128_116, "prompt_ms": 99.5, "predicted_n": 4},
    }  # fmt: skip


def vllm_text(text: str) -> Reply:
    choice = {
        "index": 0, "text": text, "logprobs": None, "finish_reason": "length", "stop_reason": None,
        "prompt_logprobs": None,
    }  # fmt: skip
    usage = {"prompt_tokens": 9, "total_tokens": 29, "completion_tokens": 20, "prompt_tokens_details": None}
    return 200, {"id": "cmpl-1", "object": "text_completion", "choices": [choice], "usage": usage}


def llama_text(text: str) -> Reply:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": "length"}
    usage = {"completion_tokens": 20, "prompt_tokens": 9, "total_tokens": 29}
    return 200, {"choices": [choice], "object": "text_completion", "usage": usage, "timings": {"cache_n": 0}}


VLLM_TOO_LONG = (
    "This model's maximum context length is 131072 tokens. However, your request has 140012 input tokens. "
    "Please reduce the length of the input messages."
)
LLAMA_TOO_LONG = (
    "request (140012 tokens) exceeds the available context size (131072 tokens), try increasing it"
)

TOO_LONG = {
    "vLLM": (
        VLLM_TOO_LONG,
        {"error": {"message": VLLM_TOO_LONG, "type": "BadRequestError", "param": None, "code": 400}},
    ),
    "vLLM before 0.10": (
        VLLM_TOO_LONG,
        {"object": "error", "message": VLLM_TOO_LONG, "type": "BadRequestError", "param": None, "code": 400},
    ),
    "llama.cpp": (
        LLAMA_TOO_LONG,
        {
            "error": {
                "code": 400, "message": LLAMA_TOO_LONG, "type": "exceed_context_size_error",
                "n_prompt_tokens": 140_012, "n_ctx": 131_072,
            }
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("chat", [vllm_chat, llama_chat])
def test_answer_reasoning_and_the_prompts_tokens_are_read(chat: Callable[..., Reply]) -> None:
    with serving(lambda *_: chat(" garden", reasoning="Mary went there.")) as server:
        (outcome,) = outcomes(server, stop=("\n",), seed=0)
    assert outcome.answer is not None
    assert (outcome.answer.text, outcome.answer.reasoning) == ("garden", "Mary went there.")
    assert outcome.n_tokens == 128_417
    sent = {name: server.requests[0][name] for name in ("max_tokens", "temperature", "seed", "stop")}
    assert sent == {"max_tokens": 20, "temperature": 0.0, "seed": 0, "stop": ["\n"]}


@pytest.mark.parametrize("chat", [vllm_chat, llama_chat])
def test_reasoning_that_used_up_the_tokens_is_a_failure_that_says_what_to_do(
    chat: Callable[..., Reply],
) -> None:
    with serving(lambda *_: chat(None, reasoning="Let me see", finish="length")) as server:
        (outcome,) = outcomes(server)
    assert outcome.error == "no answer within 20 tokens; raise --max-tokens"


@pytest.mark.parametrize("text", [vllm_text, llama_text])
def test_a_bare_text_is_continued(text: Callable[[str], Reply]) -> None:
    with serving(lambda *_: text(" garden\nQuestion: Where is")) as server:
        (outcome,) = outcomes(server, prompt=TEXT, stop=("Question:",))
    assert outcome.answer is not None
    assert outcome.answer.text == "garden"


@pytest.mark.parametrize(("words", "body"), TOO_LONG.values(), ids=list(TOO_LONG))
def test_a_prompt_that_is_too_long_fails_by_itself_in_the_servers_words(words: str, body: object) -> None:
    def reply(number: int, _: dict) -> Reply:
        return (400, body) if number == 1 else vllm_chat("garden")

    with serving(reply) as server:
        found = [outcome.error for outcome in outcomes(server, 3)]
    assert len(server.requests) == 3  # no field is taken for the fault
    assert sorted(found) == ["", "", f"HTTP 400: {words}"]


def test_a_server_that_still_loads_its_model_is_waited_for() -> None:
    loading = 503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}
    with serving(lambda number, _: loading if number == 0 else llama_chat("garden")) as server:
        (outcome,) = outcomes(server)
    assert outcome.answer is not None
    assert outcome.answer.text == "garden"
