"""A model behind an OpenAI-compatible server."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from babilong_eval.inference.endpoint import Endpoint, parse_address
from babilong_eval.inference.openai_server import request_answers
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.prompts.prompts import adjusted, own_prompts, read_prompts
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from babilong_eval.data.dataset import Sample
    from babilong_eval.evaluation.config import AnswerForm, EvaluationConfig
    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.prompts.prompts import PromptSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBackend:
    """A `Backend` that sends each sample to a server."""

    endpoint: Endpoint
    prompts: PromptSet
    answers: AnswerForm = "text"
    segment_size: None = None

    @property
    def generate_kwargs(self) -> Mapping[str, Any]:
        """What the server is asked for."""
        endpoint = self.endpoint
        return {
            "max_tokens": endpoint.max_tokens,
            "temperature": endpoint.temperature,
            "top_p": endpoint.top_p,
            "seed": endpoint.seed,
        }

    @property
    def device(self) -> str:
        """The server's URL."""
        return self.endpoint.base_url

    def answer(self, groups: Iterable[Iterable[Sample]]) -> Iterator[SampleResult]:
        """Yield results as they come in, several requests in flight at once."""
        return request_answers(self.endpoint, chain.from_iterable(groups), self.prompts.prompts)

    def answer_series(self, series: Iterable[Iterable[Sample]]) -> Iterator[SampleResult]:  # noqa: ARG002  # the protocol's
        """Refuse: a server does not show its model's state."""
        raise UsageError("--probe forks a model's state, which a server does not show: leave it out")


def make_server_backend(config: EvaluationConfig, tasks: Sequence[str]) -> ServerBackend:
    """Return the backend of an `api:` model.

    Raises:
        UsageError: its address is malformed, or an option does not go with a server.
        SourceError: the prompt file cannot be read.
    """
    if config.answers == "labels":
        raise UsageError("a server answers in its own words: leave out --answers labels")
    prompts = read_prompts(config.prompts, tasks) if config.prompts else own_prompts(tasks)
    model, base_url = parse_address(config.model)
    return ServerBackend(
        prompts=adjusted(
            prompts,
            off=config.off,
            system_prompt=config.system_prompt,
            chat_template=config.chat_template is not False,
        ),
        endpoint=Endpoint(
            model=model,
            base_url=base_url,
            max_tokens=config.max_tokens or prompts.max_tokens or MAX_NEW_TOKENS,
            temperature=prompts.generate_kwargs.get("temperature") or 0.0,
            top_p=prompts.generate_kwargs.get("top_p"),
            seed=config.seed,
            options=config.server,
        ),
    )
