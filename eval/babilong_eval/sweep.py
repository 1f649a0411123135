"""Models × datasets × lengths in one file: each pair of model and dataset is an ordinary evaluation run.

    out: results/sweep
    models:
      tiny: rmt:tiny-reasoning
      gpt: {model: "api:gpt-4o-mini", concurrency: 16}
    datasets:
      demo: data/demo
    lengths: [0k, 4k, 16k]
    limit: 100

A run's folder is OUT/MODEL/DATASET, and what is in it decides what is left: a sweep that was killed continues
with the same file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from babilong_eval.data.dataset import open_dataset, sample_ids, select, sizes_of
from babilong_eval.evaluation.config import EvaluationConfig
from babilong_eval.inference.endpoint import ServerOptions
from babilong_eval.results.predictions_log import read_logs
from babilong_gen.errors import SourceError, UsageError, first_line
from babilong_gen.user_paths import user_path, user_place, user_spec

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = re.compile(r"[\w.+-]*\w[\w.+-]*")


def _several(names: object) -> object:
    return names.split(",") if isinstance(names, str) else names


def _entry(model: object) -> object:
    return {"model": model} if isinstance(model, str) else model


Names = Annotated[tuple[str, ...] | None, BeforeValidator(_several)]


class RunOptions(BaseModel):
    """Options of `babilong evaluate`, for all models of a sweep or for one of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: Annotated[int, Field(ge=1)] = 8
    batch_tokens: Annotated[int, Field(ge=1)] | None = None
    device: str = "auto"
    answers: Literal["labels", "text"] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    model_options: dict[str, Any] = Field(default_factory=dict)
    probe: bool = False
    chat_template: bool | None = None
    system_prompt: str | None = None
    seed: int = 0
    concurrency: Annotated[int, Field(ge=1)] = 8
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    api_key_env: str = "OPENAI_API_KEY"


class ModelEntry(RunOptions):
    """One model, with options of its own."""

    model: str


class Sweep(RunOptions):
    """The content of a sweep's file; `docs/sweeps.md` lists its keys."""

    out: str
    models: dict[str, Annotated[ModelEntry, BeforeValidator(_entry)]] = Field(min_length=1)
    datasets: dict[str, str] = Field(min_length=1)
    tasks: Names = None
    lengths: Names = None
    limit: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one run is.

    Attributes:
        done: samples that have an answer.
        total: all samples that are asked for.
    """

    done: int
    total: int


def read_sweep(path: Path) -> Sweep:
    """Read a sweep's file.

    Raises:
        SourceError: there is no such file, or it is not YAML.
        UsageError: a key is unknown or missing, or a value impossible.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"no sweep at {path}: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path} is no sweep: expected out, models and datasets")
    try:
        sweep = Sweep.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"{path}: {first_line(error)}; docs/sweeps.md lists the keys") from error
    if strange := [name for name in (*sweep.models, *sweep.datasets) if not _FOLDER.fullmatch(name)]:
        raise UsageError(
            f"{path}: {strange[0]!r} cannot be the name of a folder; use letters, digits, and any of . + - _"
        )
    return sweep


def runs_of(sweep: Sweep) -> list[EvaluationConfig]:
    """Return the runs of a sweep, model by model."""
    shared = sweep.model_dump(include=set(RunOptions.model_fields) & sweep.model_fields_set)
    return [
        _config(sweep, name, entry, shared, dataset)
        for name, entry in sweep.models.items()
        for dataset in sweep.datasets
    ]


def progress_of(config: EvaluationConfig) -> Progress:
    """Return how far a run is; its model is not loaded.

    Raises:
        SourceError: the dataset is missing or broken, or the run's log is.
        UsageError: the dataset lacks a task or length that is asked for.
    """
    dataset = open_dataset(str(config.data))
    pairs = select(dataset, config.tasks, config.lengths)
    ids = sample_ids(dataset, sizes_of(dataset, pairs, config.limit))
    asked = {(*pair, name) for pair, names in ids.items() for name in names}
    answered = {
        key for key, line in read_logs(user_path(str(config.out))).items() if not line.prediction.error
    }
    return Progress(done=len(asked & answered), total=len(asked))


def _config(
    sweep: Sweep, name: str, entry: ModelEntry, shared: dict[str, Any], dataset: str
) -> EvaluationConfig:
    own = entry.model_dump(include=set(RunOptions.model_fields) & entry.model_fields_set)
    options = {**shared, **own}
    server = {
        ours: options.pop(name)
        for name, ours in (
            ("concurrency", "concurrency"),
            ("requests_per_minute", "requests_per_minute"),
            ("api_key_env", "key_variable"),
        )
        if name in options
    }
    return EvaluationConfig(
        data=user_place(sweep.datasets[dataset]),
        out=user_path(sweep.out) / name / dataset,
        model=user_spec(entry.model),
        tasks=sweep.tasks,
        lengths=sweep.lengths,
        limit=sweep.limit,
        name=name if len(sweep.datasets) == 1 else f"{name}, {dataset}",
        server=ServerOptions(**server),
        **options,
    )
