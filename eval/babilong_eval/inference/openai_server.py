"""Has an OpenAI-compatible server answer: vLLM, llama.cpp, `transformers serve`, or a hosted one.

    server_address.py     api:MODEL@BASE_URL
    endpoint.py           model, address, options, key
    server_request.py     what is asked besides the prompt, and what of it the server takes
    server_reply.py       the answer in a reply, or the reason why there is none
    server_failures.py    whom a failure concerns: the sample, or the run

Several requests are in flight at once; answers come back in the order in which they finish. The official
client retries, with growing pauses or after the pause that the server asks for, when a server is busy (429),
fails (5xx) or breaks a connection off; an error inside a reply whose status is 200 is retried here.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from babilong_eval.inference.endpoint import Endpoint, find_key
from babilong_eval.inference.sample_result import SampleResult
from babilong_eval.inference.server_failures import (
    error_words,
    lost_server,
    no_server,
    not_a_completion,
    refused_key,
    status_failure,
)
from babilong_eval.inference.server_reply import (
    NoAnswerError,
    NotACompletionError,
    ServerFaultError,
    read_reply,
)
from babilong_eval.inference.server_request import TakenFields, request_body, request_fields
from babilong_gen.errors import BabilongError, UsageError
from babilong_gen.network import environment_fault, proxy_for, ssl_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from openai import AsyncOpenAI

    from babilong_eval.data.sample import Sample
    from babilong_eval.models.protocol import Answer
    from babilong_eval.prompts.prompts import Prompt

_CHECK_SECONDS = 20.0
# Fields that the client wants by name; it takes all others, old and new, as they are.
_NAMED = ("model", "messages", "prompt")
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 8.0


def request_answers(
    endpoint: Endpoint,
    samples: Iterable[Sample],
    prompts: Mapping[str, Prompt],
    taken: TakenFields | None = None,
) -> Iterator[SampleResult]:
    """Ask about every sample and yield the results as they come in.

    No more than `concurrency` samples are held. A prompt that is not a chat goes to the completions endpoint.
    When the run has to end, what has been answered by then is yielded first.

    Args:
        prompts: by task.
        taken: what the server takes of a request's fields, which changes as it refuses some.

    Raises:
        SourceError: no server answers at the URL, or it does not answer in JSON.
        UsageError: the key is missing or refused, the server does not know the model, or the environment
            names a proxy or certificates that cannot be used.
    """
    with asyncio.Runner() as runner:
        client = runner.run(_connect(endpoint))
        server = _Server(
            client=client,
            endpoint=endpoint,
            wait=_pacer(endpoint.options.requests_per_minute),
            taken=taken or TakenFields(fixed=frozenset(endpoint.fields)),
        )
        in_flight: set[asyncio.Task[SampleResult]] = set()
        waiting = iter(samples)
        try:
            while True:
                free = endpoint.options.concurrency - len(in_flight)
                for _, sample in zip(range(free), waiting, strict=False):
                    coroutine = server.result(sample, prompts[sample.task])
                    in_flight.add(runner.get_loop().create_task(coroutine))
                if not in_flight:
                    return
                done, in_flight = runner.run(_first_of(in_flight))
                # every error is looked at, for several requests may fail at once
                failures = [error for task in done if (error := task.exception())]
                yield from [task.result() for task in done if not task.exception()]
                if failures:
                    raise failures[0]
        finally:
            runner.run(_give_up(in_flight, client))


async def _first_of(
    tasks: set[asyncio.Task[SampleResult]],
) -> tuple[set[asyncio.Task[SampleResult]], set[asyncio.Task[SampleResult]]]:
    return await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _give_up(tasks: set[asyncio.Task[SampleResult]], client: AsyncOpenAI) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close()


async def _connect(endpoint: Endpoint) -> AsyncOpenAI:
    """Return a client for a server that is up and takes our key, checked before the first long prompt."""
    import openai

    key = find_key(endpoint)
    if fault := environment_fault(endpoint.base_url):
        raise UsageError(f"cannot reach {endpoint.base_url}: {fault}")
    proxy = proxy_for(endpoint.base_url)
    client = openai.AsyncOpenAI(
        api_key=key,
        base_url=endpoint.base_url,
        timeout=endpoint.options.timeout_seconds,
        max_retries=endpoint.options.retries,
        # left to itself it opens every proxy of the environment, also one that this server has no need of
        http_client=openai.DefaultAsyncHttpxClient(
            trust_env=False, proxy=proxy.url if proxy else None, verify=ssl_context() or True
        ),
    )
    check = client.with_options(max_retries=0, timeout=_CHECK_SECONDS)
    try:
        await check.models.with_raw_response.list()
    except openai.APITimeoutError:
        pass  # slow, but there
    except openai.APIConnectionError as error:
        raise no_server(error, endpoint) from None
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise refused_key(error.status_code, endpoint) from None
    except openai.APIStatusError:
        pass  # not every server lists its models
    return client


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


@dataclass(slots=True, kw_only=True)
class _Server:
    """A server that is being asked, and what the answers so far say about it.

    Attributes:
        wait: says how many seconds the next request has to wait for its turn.
        taken: the fields of a request that it takes.
        spoke: whether it has answered as a server of this protocol does.
    """

    client: AsyncOpenAI
    endpoint: Endpoint
    wait: Callable[[], float]
    taken: TakenFields
    spoke: bool = False

    async def result(self, sample: Sample, prompt: Prompt) -> SampleResult:
        """Ask about one sample; a failure of the sample is a result, a failure of the run is raised."""
        import openai

        started = time.monotonic()
        try:
            answer, n_tokens = await self._asked_until_answered(sample, prompt)
        except openai.APITimeoutError:
            reason = f"no answer within {self.endpoint.options.timeout_seconds:g} s"
        except openai.APIConnectionError as error:
            raise lost_server(error, self.endpoint) from None
        except openai.APIStatusError as error:
            reason = status_failure(error, self.endpoint, spoke=self.spoke)
            if isinstance(reason, BabilongError):
                raise reason from None
        except NotACompletionError as error:
            if not self.spoke:
                raise not_a_completion(str(error), self.endpoint) from None
            reason = f"no completion in JSON ({error})"
        except NoAnswerError as error:
            self.spoke = True
            reason = str(error)
        except UnicodeEncodeError as error:
            reason = f"the prompt cannot be sent ({error.reason})"
        else:
            self.spoke = True
            seconds = time.monotonic() - started
            return SampleResult(sample=sample, answer=answer, n_tokens=n_tokens, seconds=seconds)
        return SampleResult(sample=sample, error=reason, seconds=time.monotonic() - started)

    async def _asked_until_answered(self, sample: Sample, prompt: Prompt) -> tuple[Answer, int | None]:
        """Ask again, with growing pauses, where the server says in a proper reply that it failed."""
        for retry in range(self.endpoint.options.retries):
            try:
                return await self._asked(sample, prompt)
            except ServerFaultError:
                await asyncio.sleep(min(_FIRST_PAUSE_SECONDS * 2**retry, _LONGEST_PAUSE_SECONDS))
        return await self._asked(sample, prompt)

    async def _asked(self, sample: Sample, prompt: Prompt) -> tuple[Answer, int | None]:
        """Ask with all fields that the server takes; one that refuses some is asked again without them."""
        import openai

        fields = request_fields(self.endpoint, chat=prompt.chat_template)
        changes, refusal = self.taken.changes, ""
        while True:
            body = request_body(self.taken.applied(fields, changes), prompt, sample.input, sample.question)
            try:
                found = await self._sent(body)
            except (openai.BadRequestError, openai.UnprocessableEntityError, ServerFaultError) as error:
                words = str(error) if isinstance(error, ServerFaultError) else error_words(error)
                narrower = self.taken.narrowed(words, fields, changes)
                if narrower is None:
                    raise
                changes, refusal = narrower, words
            else:
                self.taken.adopt(changes, refusal)
                return found

    async def _sent(self, body: dict[str, Any]) -> tuple[Answer, int | None]:
        await asyncio.sleep(self.wait())
        client = self.client.chat.completions if "messages" in body else self.client.completions
        named: dict[str, Any] = {name: body[name] for name in _NAMED if name in body}
        others = {name: value for name, value in body.items() if name not in _NAMED}
        reply = await client.with_raw_response.create(**named, extra_body=others)
        return read_reply(reply.content, self.endpoint.max_tokens, self.endpoint.stop)
