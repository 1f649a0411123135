"""The main job as a function: a dataset, a model, and a results folder of predictions and scores."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from babilong_eval.data.dataset import Dataset, Sample, open_dataset, select
from babilong_eval.evaluation.backend import Backend, find_respondent
from babilong_eval.evaluation.distributed import this_rank
from babilong_eval.evaluation.resume import (
    Evaluation,
    Pair,
    answered,
    finish,
    labels_of,
    open_results,
    pending,
    run,
    samples_at,
    sizes_of,
)
from babilong_eval.inference.sample_result import SampleResult
from babilong_eval.results.records import Cell, RunInfo
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from babilong_eval.evaluation.config import Request

Watch = Callable[[Mapping[Pair, list[int]], Iterator[SampleResult]], object]

_PACKAGES = ("babilong-gen", "torch", "transformers", "tokenizers", "openai")


def evaluate(request: Request, watch: Watch) -> list[Cell] | None:
    """Ask about every sample that has no answer yet, and score all there are in the end.

    Args:
        watch: is told what is left and given the outcomes; it has to go through them, and can show them.

    Returns:
        The cells; None in a process that is not the last of several to finish.

    Raises:
        UsageError: something that was asked for does not exist or does not go together.
        SourceError: the data, the model or the server is missing or broken.
        OutputError: the results folder holds another run.
    """
    rank = this_rank()
    dataset = open_dataset(request.data)
    pairs = select(dataset, request.tasks, request.lengths)
    labels = labels_of(dataset, pairs)
    sizes = sizes_of(dataset, pairs, request.limit)
    respondent = find_respondent(request, list(labels), rank)
    evaluation = Evaluation(
        dataset=dataset,
        sizes=sizes,
        labels=labels,
        prompts=respondent.prompts,
        settings={
            "answers": respondent.answers,
            "generate_kwargs": dict(respondent.generate_kwargs),
            "model options": dict(request.model_options),
        },
        info=_run_info(request, dataset, respondent),
        out=request.out,
        rank=rank,
    )
    open_results(evaluation)
    left = pending(evaluation, answered(evaluation))
    watch(left, run(evaluation, _outcomes(request, evaluation, respondent, left)))
    return finish(evaluation)


def _outcomes(
    request: Request, evaluation: Evaluation, respondent: Backend, left: Mapping[Pair, list[int]]
) -> Iterator[SampleResult]:
    # only an unchanged input can be read from stored tokens
    tokens = all(prompt.is_plain for prompt in respondent.prompts.prompts.values())
    samples = {pair: samples_at(evaluation.dataset, pair, left[pair], tokens=tokens) for pair in left}
    if not left:
        return iter(())
    if not request.probe:
        return respondent.ask(samples.values())
    if respondent.climb is None:
        raise UsageError(f"--probe forks a model's state, which {request.model} does not show: leave it out")
    return respondent.climb(_ladders(left, samples))


def _ladders(
    left: Mapping[Pair, list[int]], samples: Mapping[Pair, Iterator[Sample]]
) -> Iterator[Iterator[Sample]]:
    """For each task and index, the samples at all lengths that are left, from the shortest to the longest."""
    for task in dict.fromkeys(task for task, _ in left):
        pairs = [pair for pair in left if pair[0] == task]
        for index in sorted({index for pair in pairs for index in left[pair]}):
            yield map(next, [samples[pair] for pair in pairs if index in left[pair]])


def _run_info(request: Request, dataset: Dataset, respondent: Backend) -> RunInfo:
    path = request.model.partition("@")[0].partition(":")[2]
    options = {
        "tasks": request.tasks,
        "lengths": request.lengths,
        "limit": request.limit,
        "batch_size": request.batch_size,
        "probe": request.probe,
    }
    return RunInfo(
        name=request.name or Path(path).name,
        model=request.model,
        data=request.data,
        data_fingerprint=dataset.fingerprint,
        versions=_versions(),
        seed=request.seed,
        device=respondent.device,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        segment_size=respondent.segment_size,
        options={name: value for name, value in options.items() if value is not None},
    )


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions
