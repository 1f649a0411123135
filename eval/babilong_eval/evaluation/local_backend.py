"""A model on this machine: one that is loaded by name, or a model object of the caller's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from babilong_eval.evaluation.backend import Setup
from babilong_eval.inference.batching import BatchLimits
from babilong_eval.inference.segment_loop import SegmentReader, answer_samples, as_chat, make_reader
from babilong_eval.inference.shared_prefix import answer_series
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.models.registry import load_model
from babilong_eval.models.segments import overlap_of
from babilong_eval.models.stop_strings import StopsAtStrings
from babilong_eval.prompts import ruler
from babilong_eval.prompts.prompts import adjusted, own_prompts, plain_prompts, read_prompts
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tasks import RULER_TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from babilong_eval.data.sample import Sample
    from babilong_eval.evaluation.config import EvaluationConfig
    from babilong_eval.evaluation.distributed import Rank
    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.models.protocol import SegmentModel
    from babilong_eval.prompts.prompts import Prompt

# Words that stand in no prompt.
_SAID = ("numbat", "quokka")

_TOKENS_ON_CPU = 1 << 20
_TOKENS_ON_GPU = 1 << 26
_TOKENS_OF_GROWING_STATE = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBackend:
    """A `Backend` that reads samples segment by segment."""

    setup: Setup
    reader: SegmentReader
    limits: BatchLimits

    @property
    def generate_kwargs(self) -> Mapping[str, Any]:
        """As set up."""
        return self.setup.generate_kwargs

    def answer(self, groups: Iterable[Iterable[Sample]]) -> Iterator[SampleResult]:
        """Yield results batch by batch; a batch never mixes groups."""
        for group in groups:
            yield from answer_samples(self.reader, group, self.limits)

    def answer_series(self, series: Iterable[Iterable[Sample]]) -> Iterator[SampleResult]:
        """Yield results series by series."""
        return answer_series(self.reader, series, self.limits)


def make_local_backend(
    config: EvaluationConfig, tasks: Sequence[str], rank: Rank, model: SegmentModel | None
) -> LocalBackend:
    """Return the backend around a model object or a model that is loaded; errors as for `find_backend`."""
    if config.answers == "labels" and (open_task := next(filter(RULER_TASKS.__contains__, tasks), None)):
        raise UsageError(
            f"{open_task} has open answers, and no labels to choose from: leave it out by --tasks, or ask a "
            "model that writes with --answers text"
        )
    read = read_prompts(config.prompts, tasks) if config.prompts else None
    if read and (read.generate_kwargs.get("do_sample") or read.generate_kwargs.get("temperature")):
        raise UsageError(
            f"{config.prompts}: that run sampled its answers; {config.model} takes the likeliest"
        )
    stop = tuple(config.stop) or (read.stop if read else ())
    generate_kwargs: dict[str, Any] = {"do_sample": False, **({"stop_strings": list(stop)} if stop else {})}
    if model is None:
        longer = [task for task in tasks if task in RULER_TASKS]
        usual = ruler.most_new_tokens(longer) if longer else None
        max_tokens = config.max_tokens or (read and read.max_tokens) or usual
        options = {**config.model_options, **({"max_new_tokens": max_tokens} if max_tokens else {})}
        model = load_model(config.model, device=_device(config.device, rank), **options)
        generate_kwargs["max_new_tokens"] = max_tokens or MAX_NEW_TOKENS
        if isinstance(model, StopsAtStrings):
            model.stop = stop
    elif config.model_options or config.max_tokens:
        raise UsageError("model_options and max_tokens belong to a model that is loaded by name")
    is_plain = model.input_form == "plain"
    prompts = read or (plain_prompts(tasks) if is_plain else own_prompts(tasks))
    prompts = adjusted(prompts, config.off, config.system_prompt, config.chat_template)
    for prompt in prompts.prompts.values():
        if prompt.chat_template:  # a template that fails is told of before anything is written
            _try_chat(model, prompt, config.model)
    setup = Setup(
        prompts=prompts.prompts,
        answers=config.answers or ("labels" if is_plain else "text"),
        generate_kwargs=generate_kwargs,
        device=torch.cuda.get_device_name(model.device) if model.device.type == "cuda" else str(model.device),
        segment_size=model.segment_size,
        segment_overlap=overlap_of(model),
    )
    if config.stop and setup.answers == "labels" and not any(task in RULER_TASKS for task in tasks):
        raise UsageError("--stop ends what a model writes, and this one chooses labels: add --answers text")
    reader = make_reader(model, setup.prompts, choose=setup.answers == "labels", stop=stop)
    return LocalBackend(setup=setup, reader=reader, limits=_limits(config, model))


def _try_chat(model: SegmentModel, prompt: Prompt, name: str) -> None:
    """Refuse a chat template that fails, or that leaves out what the user says."""
    text = as_chat(model, prompt, *_SAID).casefold()
    if not all(word in text for word in _SAID):
        raise SourceError(
            f"{name}: its chat template leaves out what the user says; fix it, or give --no-chat-template"
        )


def _device(asked: str, rank: Rank) -> str:
    """Return the device of a process: with `auto`, several processes on one machine take a GPU each."""
    if asked != "auto" or rank.world_size == 1 or not torch.cuda.is_available():
        return asked
    return f"cuda:{rank.local}"


def _limits(config: EvaluationConfig, model: SegmentModel) -> BatchLimits:
    """Return how large a batch may be: a state that grows with what is read needs room on the device."""
    tokens = _TOKENS_OF_GROWING_STATE
    if model.bounded_state:
        tokens = _TOKENS_ON_CPU if model.device.type == "cpu" else _TOKENS_ON_GPU
    return BatchLimits(rows=config.batch_size, tokens=config.batch_tokens or tokens)
