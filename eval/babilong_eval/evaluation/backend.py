"""Whoever answers: a model on this machine, or one behind a server."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from babilong_eval.inference import openai_server as api
from babilong_eval.inference.batching import BatchLimits
from babilong_eval.prompts.prompts import (
    PromptSet,
    as_chat,
    own_prompts,
    plain_prompts,
    read_prompts,
    with_system_prompt,
    without,
)
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import torch

    from babilong_eval.data.dataset import Sample
    from babilong_eval.evaluation.config import AnswerForm, Request
    from babilong_eval.evaluation.distributed import Rank
    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.models.protocol import SegmentModel

MAX_NEW_TOKENS = 20
"""Of an answer, as in the published runs."""

_TOKENS_ON_CPU = 1 << 20
_TOKENS_ON_GPU = 1 << 26
_TOKENS_OF_GROWING_STATE = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Whoever answers, a model here or a server, and what must be recorded of it.

    Attributes:
        ask: samples, a (task, length) after the other, in; outcomes out, in any order.
        climb: the same for the ladders of a probe; None where that cannot be done.
        generate_kwargs: how it makes its answers.
    """

    prompts: PromptSet
    ask: Callable[[Iterable[Iterable[Sample]]], Iterator[SampleResult]]
    climb: Callable[[Iterable[Iterable[Sample]]], Iterator[SampleResult]] | None
    answers: AnswerForm
    generate_kwargs: Mapping[str, Any]
    device: str
    segment_size: int | None = None


def find_respondent(request: Request, tasks: Sequence[str], rank: Rank) -> Backend:
    """The one that `request.model` names, with the prompts that it is asked by.

    Raises:
        UsageError: an option that does not go with it.
        SourceError: it is not there.
    """
    if request.model.startswith(api.KIND):
        return _server(request, tasks)
    return _model(request, tasks, rank)


def _server(request: Request, tasks: Sequence[str]) -> Backend:
    if request.answers == "labels":
        raise UsageError("a server answers in its own words: leave out --answers labels")
    prompts = read_prompts(request.prompts, tasks) if request.prompts else own_prompts(tasks)
    prompts = _adjusted(prompts, request, chat_template=request.chat_template is not False)
    model, base_url = api.parse_address(request.model)
    told = prompts.generate_kwargs
    endpoint = api.Endpoint(
        model=model,
        base_url=base_url,
        max_tokens=_max_tokens(request, told) or MAX_NEW_TOKENS,
        temperature=told.get("temperature") or 0.0,
        top_p=told.get("top_p"),
        seed=request.seed,
        **request.endpoint,
    )
    return Backend(
        prompts=prompts,
        ask=lambda groups: api.ask(
            endpoint, chain.from_iterable(groups), lambda sample: prompts.prompts[sample.task]
        ),
        climb=None,
        answers="text",
        generate_kwargs={
            "max_tokens": endpoint.max_tokens,
            "temperature": endpoint.temperature,
            "top_p": endpoint.top_p,
            "seed": endpoint.seed,
        },
        device=base_url,
    )


def _model(request: Request, tasks: Sequence[str], rank: Rank) -> Backend:
    from babilong_eval.inference import segment_loop as reading
    from babilong_eval.inference import shared_prefix as probes
    from babilong_eval.models.registry import load_model

    told = read_prompts(request.prompts, tasks) if request.prompts else None
    generate_kwargs = {} if told is None else told.generate_kwargs
    if generate_kwargs.get("do_sample") or generate_kwargs.get("temperature"):
        raise UsageError(
            f"{request.prompts}: that run sampled its answers; {request.model} takes the likeliest"
        )
    options = dict(request.model_options)
    if max_tokens := _max_tokens(request, generate_kwargs):
        options["max_new_tokens"] = max_tokens
    model = load_model(request.model, device=_device(request.device, rank), **options)
    plain = model.input_form == "plain"
    prompts = told or (plain_prompts(tasks) if plain else own_prompts(tasks))
    prompts = _adjusted(prompts, request, chat_template=request.chat_template)
    answers = request.answers or ("labels" if plain else "text")
    reader = reading.reader(model, lambda sample: prompts.prompts[sample.task], choose=answers == "labels")
    limits = _limits(request, model)
    return Backend(
        prompts=prompts,
        ask=lambda groups: chain.from_iterable(reading.ask(reader, group, limits) for group in groups),
        climb=lambda ladders: probes.ask(reader, ladders, limits),
        answers=answers,
        generate_kwargs={"do_sample": False, "max_new_tokens": max_tokens or MAX_NEW_TOKENS},
        segment_size=model.segment_size,
        device=_device_name(model.device),
    )


def _adjusted(prompts: PromptSet, request: Request, *, chat_template: bool | None) -> PromptSet:
    """The prompts with what the user switched off or added."""
    prompts = without(prompts, request.off)
    if request.system_prompt is not None:
        prompts = with_system_prompt(prompts, request.system_prompt)
    return prompts if chat_template is None else as_chat(prompts, chat_template)


def _max_tokens(request: Request, generate_kwargs: Mapping[str, Any]) -> int | None:
    """The limit of an answer: the user's, or that of the run whose prompts are used."""
    names = ("max_new_tokens", "max_tokens", "max_completion_tokens", "max_output_tokens")
    return request.max_tokens or next(filter(None, map(generate_kwargs.get, names)), None)


def _device(asked: str, rank: Rank) -> str:
    """The device of a process: with `auto`, several processes on one machine take a GPU each."""
    import torch

    if asked != "auto" or rank.of == 1 or not torch.cuda.is_available():
        return asked
    return f"cuda:{rank.local}"


def _device_name(device: torch.device) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def _limits(request: Request, model: SegmentModel) -> BatchLimits:
    """How large a batch may be: a state that grows with what is read needs memory of the device for it."""
    tokens = _TOKENS_OF_GROWING_STATE
    if model.bounded_state:
        tokens = _TOKENS_ON_CPU if model.device.type == "cpu" else _TOKENS_ON_GPU
    return BatchLimits(rows=request.batch_size, tokens=request.batch_tokens or tokens)
