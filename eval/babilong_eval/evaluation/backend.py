"""What answers samples: a model behind a server or (`local_backend.py`, which needs torch) one here."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from babilong_eval.inference.endpoint import Endpoint
from babilong_eval.inference.openai_server import request_answers
from babilong_eval.inference.server_address import KIND, parse_address
from babilong_eval.inference.server_request import TakenFields, own_fields, request_fields
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.prompts.prompts import adjusted, own_prompts, read_prompts
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from babilong_eval.data.sample import Sample
    from babilong_eval.evaluation.config import AnswerForm, EvaluationConfig
    from babilong_eval.evaluation.distributed import Rank
    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.models.protocol import SegmentModel
    from babilong_eval.prompts.prompts import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a backend answers, as results record it.

    Attributes:
        prompts: the words around a sample, by task.
        generate_kwargs: how answers are to be generated.
        device: `cpu`, a GPU's name, or a server's URL.
        segment_size: tokens per segment; None where nothing is read in segments.
        segment_overlap: tokens of the segment before that are read again with each.
    """

    prompts: Mapping[str, Prompt]
    answers: AnswerForm
    generate_kwargs: Mapping[str, Any]
    device: str
    segment_size: int | None = None
    segment_overlap: int = 0


class Backend(Protocol):
    """Answers samples: a `LocalBackend` or a `ServerBackend`."""

    @property
    def setup(self) -> Setup:
        """How it answers."""
        ...

    @property
    def generate_kwargs(self) -> Mapping[str, Any]:
        """How answers are really generated: as set up, less what a server turned out not to take."""
        ...

    def answer(self, groups: Iterable[Iterable[Sample]]) -> Iterator[SampleResult]:
        """Yield a result for every sample, in any order; a group holds the samples of one (task, length)."""
        ...

    def answer_series(self, series: Iterable[Iterable[Sample]]) -> Iterator[SampleResult]:
        """Yield the same, reading each length series in one pass; UsageError where the backend cannot."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBackend:
    """A `Backend` that sends each sample to a server, several at once."""

    setup: Setup
    endpoint: Endpoint
    taken: TakenFields

    @property
    def generate_kwargs(self) -> Mapping[str, Any]:
        """The fields of a request as the server takes them."""
        return self.taken.applied(self.setup.generate_kwargs, self.taken.changes)

    def answer(self, groups: Iterable[Iterable[Sample]]) -> Iterator[SampleResult]:
        """Yield results as they come in."""
        return request_answers(self.endpoint, chain.from_iterable(groups), self.setup.prompts, self.taken)

    def answer_series(self, series: Iterable[Iterable[Sample]]) -> Iterator[SampleResult]:  # noqa: ARG002  # the protocol's
        """Refuse, with a UsageError."""
        raise UsageError("--probe forks a model's state, which a server does not show: leave it out")


def find_backend(
    config: EvaluationConfig, tasks: Sequence[str], rank: Rank, model: SegmentModel | None
) -> Backend:
    """Return the backend around a model object, or around the model that `config.model` names.

    Raises:
        UsageError: the model is unknown, or an option does not go with it.
        SourceError: the model or the prompt file cannot be read.
    """
    if model is None and config.model.startswith(KIND):
        return _server(config, tasks)
    from babilong_eval.evaluation.local_backend import make_local_backend

    return make_local_backend(config, tasks, rank, model)


def _server(config: EvaluationConfig, tasks: Sequence[str]) -> ServerBackend:
    if config.answers == "labels":
        raise UsageError("a server answers in its own words: leave out --answers labels")
    if config.stop and "stop" in config.model_options:
        raise UsageError("--stop and --model-option stop say the same thing: give one of them")
    prompts = read_prompts(config.prompts, tasks) if config.prompts else own_prompts(tasks)
    prompts = adjusted(prompts, config.off, config.system_prompt, config.chat_template is not False)
    model, base_url = parse_address(config.model)
    endpoint = Endpoint(
        model=model,
        base_url=base_url,
        max_tokens=config.max_tokens or prompts.max_tokens or MAX_NEW_TOKENS,
        temperature=prompts.generate_kwargs.get("temperature") or 0.0,
        top_p=prompts.generate_kwargs.get("top_p"),
        seed=config.seed,
        stop=tuple(config.stop) or prompts.stop,
        fields=own_fields(config.model_options),
        options=config.server,
    )
    chat = any(prompt.chat_template for prompt in prompts.prompts.values())
    fields = request_fields(endpoint, chat=chat)
    setup = Setup(
        prompts=prompts.prompts,
        answers="text",
        generate_kwargs={name: value for name, value in fields.items() if name != "model"},
        device=base_url,
    )
    taken = TakenFields(fixed=frozenset(endpoint.fields))
    return ServerBackend(setup=setup, endpoint=endpoint, taken=taken)
