"""Has an OpenAI-compatible server answer: vLLM, llama.cpp, `transformers serve`, or a hosted one.

Several requests are in flight at once; answers come back in the order in which they finish. The official
client retries, with growing pauses or after the pause that the server asks for, when a server is busy (429),
fails (5xx) or breaks a connection off. What still fails then is the sample's failure where the next sample
may fare better, and ends the run where it cannot: a wrong key, an unknown model, no server at all.
"""

from __future__ import annotations

import asyncio
import os
import time
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from babilong_eval.inference.endpoint import OPENAI_URL, Endpoint
from babilong_eval.inference.sample_result import SampleResult
from babilong_eval.models.protocol import Answer
from babilong_eval.models.reasoning import split_reasoning
from babilong_gen.errors import SourceError, UsageError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from openai import AsyncOpenAI

    from babilong_eval.data.dataset import Sample
    from babilong_eval.prompts.prompts import Prompt

_CHECK_SECONDS = 20.0


def request_answers(
    endpoint: Endpoint, samples: Iterable[Sample], prompts: Mapping[str, Prompt]
) -> Iterator[SampleResult]:
    """Ask about every sample and yield the results as they come in.

    No more than `concurrency` samples are held. A prompt that is not a chat goes to the completions endpoint.

    Args:
        prompts: by task.

    Raises:
        SourceError: no server answers at the URL, or it does not answer in JSON.
        UsageError: the key is missing or refused, or the server does not know the model.
    """
    options = endpoint.options
    with asyncio.Runner() as runner:
        client = runner.run(_connect(endpoint))
        wait = _pacer(options.requests_per_minute)
        in_flight: set[asyncio.Task[SampleResult]] = set()
        waiting = iter(samples)
        try:
            while True:
                while len(in_flight) < options.concurrency and (sample := next(waiting, None)) is not None:
                    coroutine = _result(client, endpoint, sample, prompts[sample.task], wait)
                    in_flight.add(runner.get_loop().create_task(coroutine))
                if not in_flight:
                    return
                done, in_flight = runner.run(_first_of(in_flight))
                yield from (task.result() for task in done)
        finally:
            runner.run(client.close())


async def _first_of(
    tasks: set[asyncio.Task[SampleResult]],
) -> tuple[set[asyncio.Task[SampleResult]], set[asyncio.Task[SampleResult]]]:
    return await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _connect(endpoint: Endpoint) -> AsyncOpenAI:
    """Return a client for a server that is up and takes our key, checked before the first long prompt."""
    import openai

    client = openai.AsyncOpenAI(
        api_key=_key(endpoint),
        base_url=endpoint.base_url,
        timeout=endpoint.options.timeout_seconds,
        max_retries=endpoint.options.retries,
    )
    check = client.with_options(max_retries=0, timeout=_CHECK_SECONDS)
    try:
        await check.models.with_raw_response.list()
    except openai.APITimeoutError:
        pass  # slow, but there
    except openai.APIConnectionError as error:
        reason = first_line(error.__cause__ or error)
        raise SourceError(f"no server answers at {endpoint.base_url} ({reason}): is the server up?") from None
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise _refused(endpoint, error.status_code) from None
    except openai.APIStatusError:
        pass  # not every server lists its models
    return client


def _key(endpoint: Endpoint) -> str:
    key = os.environ.get(endpoint.options.key_variable)
    if not key and endpoint.base_url.startswith(OPENAI_URL):
        raise UsageError(
            f"no key for {endpoint.base_url}: put it into the environment as {endpoint.options.key_variable}"
        )
    return key or "none"


def _pacer(requests_per_minute: int | None) -> Callable[[], float]:
    """Return a function that says how many seconds the next request has to wait for its turn."""
    turn = 0.0

    def wait() -> float:
        nonlocal turn
        now = time.monotonic()
        turn = max(turn, now)
        mine = turn - now
        turn += 60.0 / requests_per_minute if requests_per_minute else 0.0
        return mine

    return wait


async def _result(
    client: AsyncOpenAI, endpoint: Endpoint, sample: Sample, prompt: Prompt, wait: Callable[[], float]
) -> SampleResult:
    """Ask one question; a failure of the sample is a result, a failure of the run is raised."""
    import openai

    await asyncio.sleep(wait())
    started = time.monotonic()
    try:
        reply = await _request(client, endpoint, prompt, sample)
        answer, n_tokens = _read(reply, endpoint)
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise _refused(endpoint, error.status_code) from None
    except openai.NotFoundError as error:
        raise UsageError(
            f"{endpoint.base_url} has no model {endpoint.model!r} ({_said(error, endpoint)})"
        ) from None
    except openai.APITimeoutError:
        return SampleResult(sample=sample, error=f"no answer within {endpoint.options.timeout_seconds:g} s")
    except openai.APIConnectionError as error:
        reason = first_line(error.__cause__ or error)
        raise SourceError(
            f"{endpoint.base_url} no longer answers ({reason}); the same command continues from here"
        ) from None
    except openai.APIStatusError as error:
        return SampleResult(sample=sample, error=f"HTTP {error.status_code}: {_said(error, endpoint)}")
    except (JSONDecodeError, openai.APIResponseValidationError) as error:
        raise _not_json(endpoint, getattr(error, "doc", "")) from None
    except _NoAnswerError as error:
        return SampleResult(sample=sample, error=str(error), seconds=time.monotonic() - started)
    return SampleResult(sample=sample, answer=answer, n_tokens=n_tokens, seconds=time.monotonic() - started)


async def _request(client: AsyncOpenAI, endpoint: Endpoint, prompt: Prompt, sample: Sample) -> Any:
    settings: dict[str, Any] = {"model": endpoint.model, "max_tokens": endpoint.max_tokens}
    for name in ("temperature", "top_p", "seed"):
        if (value := getattr(endpoint, name)) is not None:
            settings[name] = value
    if not prompt.chat_template:
        return await client.completions.create(prompt=prompt.text(sample.input, sample.question), **settings)
    if endpoint.base_url.startswith(OPENAI_URL):
        # its own reasoning models refuse the name that all other servers know
        settings["max_completion_tokens"] = settings.pop("max_tokens")
    messages: Any = prompt.messages(sample.input, sample.question)
    return await client.chat.completions.create(messages=messages, **settings)


class _NoAnswerError(Exception):
    """The server answered properly, but the model said nothing."""


def _read(reply: Any, endpoint: Endpoint) -> tuple[Answer, int | None]:
    """Return a completion's answer, with its reasoning apart, and how many tokens the prompt had."""
    choices = getattr(reply, "choices", None)
    if not choices:
        raise _not_json(endpoint, reply if isinstance(reply, str) else repr(reply))
    message = getattr(choices[0], "message", None)
    written = choices[0].text if message is None else message.content
    inline, text = split_reasoning(written or "")
    thought = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None) or inline
    if not text and choices[0].finish_reason == "length":
        raise _NoAnswerError(f"no answer within {endpoint.max_tokens} tokens; raise --max-tokens")
    usage = getattr(reply, "usage", None)
    return Answer(text=text, reasoning=thought or None), getattr(usage, "prompt_tokens", None)


def _refused(endpoint: Endpoint, status: int) -> UsageError:
    variable = endpoint.options.key_variable
    return UsageError(f"{endpoint.base_url} refuses the key (HTTP {status}): set {variable} to a valid one")


def _not_json(endpoint: Endpoint, body: str) -> SourceError:
    begin = " ".join(body.split())[:60]
    return SourceError(
        f"{endpoint.base_url} answers, but not with a completion in JSON ({begin!r}): is it the /v1 address?"
    )


def _said(error: Any, endpoint: Endpoint) -> str:
    """Return the server's message in one line for a file, without the key, which some servers repeat."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    line = " ".join(str(message or error.message).split())[:300]
    return line.replace(_key(endpoint), "[key]")
