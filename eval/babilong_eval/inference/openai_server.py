"""Models behind an OpenAI-compatible server: vLLM, llama.cpp, `transformers serve`, or hosted ones.

Several requests are under way at once; answers come back in the order in which they are finished. The
official client tries again, with growing pauses or after the pause that the server asks for, when a server
is busy (429), fails (5xx) or breaks a connection off. What then still fails is the sample's failure where
the next sample may fare better, and the end of the run where it cannot: wrong key, unknown model, nobody
there.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from babilong_eval.inference.sample_result import SampleResult
from babilong_eval.models.protocol import Answer
from babilong_eval.models.reasoning import split_reasoning
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from openai import AsyncOpenAI

    from babilong_eval.data.dataset import Sample
    from babilong_eval.prompts.prompts import Prompt

OPENAI_URL = "https://api.openai.com/v1"
KIND = "api:"

_CHECK_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model on a server, and how to talk to it.

    Attributes:
        model: its name there.
        base_url: of the server, up to and with `/v1`.
        concurrency: requests under way at once.
        requests_per_minute: at most so many are begun; None: no limit of ours.
        max_tokens: of an answer, its reasoning included.
        temperature: 0 takes the likeliest token; None leaves it to the server.
        top_p: of the sampling; None leaves it to the server.
        seed: of the sampling, where the server takes one.
        timeout_seconds: for one answer.
        retries: after the first try.
        key_variable: the environment variable that holds the key.
    """

    model: str
    base_url: str = OPENAI_URL
    concurrency: int = 8
    requests_per_minute: int | None = None
    max_tokens: int = 20
    temperature: float | None = 0.0
    top_p: float | None = None
    seed: int | None = None
    timeout_seconds: float = 600.0
    retries: int = 5
    key_variable: str = "OPENAI_API_KEY"


def parse_address(spec: str) -> tuple[str, str]:
    """`api:MODEL@BASE_URL` as (model, base URL); without a URL it is OpenAI's own.

    Raises:
        UsageError: no model, or a URL that is none, or one with a password in it.
    """
    model, at, url = spec.removeprefix(KIND).rpartition("@http")
    model, url = (model, f"http{url}") if at else (url, os.environ.get("OPENAI_BASE_URL", OPENAI_URL))
    parts = urlsplit(url)
    if not model or not parts.hostname:
        raise UsageError(
            f"model '{spec}': expected api:MODEL@BASE_URL, say api:smollm2@http://localhost:8000/v1"
        )
    if parts.username or parts.password:
        raise UsageError("a key does not belong in the URL: put it into OPENAI_API_KEY")
    return model, url


def ask(
    endpoint: Endpoint, samples: Iterable[Sample], prompt_of: Callable[[Sample], Prompt]
) -> Iterator[SampleResult]:
    """Asks about every sample and yields the outcomes as they come in.

    No more than `concurrency` samples are held. A prompt that is no chat goes to the completions endpoint.

    Raises:
        SourceError: nobody answers at the URL, or what answers does not speak JSON.
        UsageError: the key is missing or refused, or the model is unknown there.
    """
    with asyncio.Runner() as runner:
        client = runner.run(_connect(endpoint))
        wait = _pacer(endpoint.requests_per_minute)
        under_way: set[asyncio.Task[SampleResult]] = set()
        waiting = iter(samples)
        try:
            while True:
                while len(under_way) < endpoint.concurrency and (sample := next(waiting, None)) is not None:
                    coroutine = _outcome(client, endpoint, sample, prompt_of(sample), wait)
                    under_way.add(runner.get_loop().create_task(coroutine))
                if not under_way:
                    return
                done, under_way = runner.run(_first_of(under_way))
                yield from (task.result() for task in done)
        finally:
            runner.run(client.close())


async def _first_of(
    tasks: set[asyncio.Task[SampleResult]],
) -> tuple[set[asyncio.Task[SampleResult]], set[asyncio.Task[SampleResult]]]:
    return await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _connect(endpoint: Endpoint) -> AsyncOpenAI:
    """A client for a server that is there and takes our key: better to know before the first long prompt."""
    import openai

    client = openai.AsyncOpenAI(
        api_key=_key(endpoint),
        base_url=endpoint.base_url,
        timeout=endpoint.timeout_seconds,
        max_retries=endpoint.retries,
    )
    check = client.with_options(max_retries=0, timeout=_CHECK_SECONDS)
    try:
        await check.models.with_raw_response.list()
    except openai.APITimeoutError:
        pass  # slow, but there
    except openai.APIConnectionError as error:
        raise SourceError(
            f"nobody answers at {endpoint.base_url} ({_cause(error)}): is the server up?"
        ) from None
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise _refused(endpoint, error.status_code) from None
    except openai.APIStatusError:
        pass  # not every server lists its models
    return client


def _key(endpoint: Endpoint) -> str:
    key = os.environ.get(endpoint.key_variable)
    if not key and endpoint.base_url.startswith(OPENAI_URL):
        raise UsageError(
            f"no key for {endpoint.base_url}: put it into the environment as {endpoint.key_variable}"
        )
    return key or "none"


def _pacer(requests_per_minute: int | None) -> Callable[[], float]:
    """Says how many seconds the next request has to wait for its turn."""
    turn = 0.0

    def wait() -> float:
        nonlocal turn
        now = time.monotonic()
        turn = max(turn, now)
        mine = turn - now
        turn += 60.0 / requests_per_minute if requests_per_minute else 0.0
        return mine

    return wait


async def _outcome(
    client: AsyncOpenAI, endpoint: Endpoint, sample: Sample, prompt: Prompt, wait: Callable[[], float]
) -> SampleResult:
    """Asks one question, and tells failures of the sample from those of the run."""
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
        return SampleResult(sample=sample, error=f"no answer within {endpoint.timeout_seconds:g} s")
    except openai.APIConnectionError as error:
        raise SourceError(
            f"{endpoint.base_url} no longer answers ({_cause(error)}); the same command goes on from here"
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
        # its own reasoning models refuse the name that everybody else knows
        settings["max_completion_tokens"] = settings.pop("max_tokens")
    messages: Any = prompt.messages(sample.input, sample.question)
    return await client.chat.completions.create(messages=messages, **settings)


class _NoAnswerError(Exception):
    """The server answered properly, but the model said nothing."""


def _read(reply: Any, endpoint: Endpoint) -> tuple[Answer, int | None]:
    """The answer in a completion, its reasoning apart, and how many tokens the prompt had."""
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
    return UsageError(
        f"{endpoint.base_url} refuses the key (HTTP {status}): set {endpoint.key_variable} to a valid one"
    )


def _not_json(endpoint: Endpoint, body: str) -> SourceError:
    begin = " ".join(body.split())[:60]
    return SourceError(
        f"{endpoint.base_url} answers, but not with a completion in JSON ({begin!r}): is it the /v1 address?"
    )


def _said(error: Any, endpoint: Endpoint) -> str:
    """The server's message in one line; some servers repeat the key in it, which must not get into a file."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    line = " ".join(str(message or error.message).split())[:300]
    return line.replace(_key(endpoint), "[key]")


def _cause(error: Exception) -> str:
    return str(error.__cause__ or error).strip() or type(error).__name__
