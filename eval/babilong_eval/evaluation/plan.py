"""What an evaluation is going to do: which samples, by which prompts, and what is recorded of it."""

from __future__ import annotations

import platform
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babilong_eval.prompts.prompts import as_settings
from babilong_eval.results.records import RunInfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from babilong_eval.data.dataset import Dataset
    from babilong_eval.data.layout import Pair
    from babilong_eval.evaluation.backend import Backend
    from babilong_eval.evaluation.config import EvaluationConfig
    from babilong_eval.evaluation.distributed import Rank
    from babilong_eval.prompts.prompts import Prompt

_PACKAGES = ("babilong-gen", "torch", "transformers", "tokenizers", "openai")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPlan:
    """What is asked, and where the answers go.

    Attributes:
        sizes: how many samples each (task, length) has, the limit applied; in the order of evaluation.
        labels: each task's label set.
        prompts: the words around a sample, by task.
        generate_kwargs: how answers are generated.
        info: the record of the run, with all that decides its predictions in its options.
        out: the results folder.
        rank: which part of the samples is this process's.
    """

    dataset: Dataset
    sizes: Mapping[Pair, int]
    labels: Mapping[str, Sequence[str]]
    prompts: Mapping[str, Prompt]
    generate_kwargs: Mapping[str, Any]
    info: RunInfo
    out: Path
    rank: Rank


def make_plan(
    config: EvaluationConfig,
    backend: Backend,
    *,
    dataset: Dataset,
    sizes: Mapping[Pair, int],
    labels: Mapping[str, Sequence[str]],
    rank: Rank,
) -> EvaluationPlan:
    """Return the plan of an evaluation; arguments as in `EvaluationPlan`."""
    path = config.model.partition("@")[0].partition(":")[2]
    info = RunInfo(
        name=config.name or Path(path).name or config.model,
        model=config.model,
        data=config.data,
        data_fingerprint=dataset.fingerprint,
        versions=_versions(),
        seed=config.seed,
        device=backend.device,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        segment_size=backend.segment_size,
        options=_options(config, backend),
    )
    return EvaluationPlan(
        dataset=dataset,
        sizes=sizes,
        labels=labels,
        prompts=backend.prompts.prompts,
        generate_kwargs=backend.generate_kwargs,
        info=info,
        out=Path(config.out),  # from Python, people write a plain string
        rank=rank,
    )


def _options(config: EvaluationConfig, backend: Backend) -> dict[str, Any]:
    asked = {
        "tasks": config.tasks,
        "lengths": config.lengths,
        "limit": config.limit,
        "batch_size": config.batch_size,
        "probe": config.probe,
    }
    return {
        **{name: value for name, value in asked.items() if value is not None},
        "settings": {
            "answers": backend.answers,
            "generate_kwargs": dict(backend.generate_kwargs),
            "model options": dict(config.model_options),
        },
        "prompts": {task: as_settings(prompt) for task, prompt in backend.prompts.prompts.items()},
    }


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions
