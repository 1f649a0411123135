"""What an evaluation records: of the run, of each result, and at its end predictions, scores and cells."""

from __future__ import annotations

import platform
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from babilong_eval.evaluation.resume import only_process_in
from babilong_eval.prompts.prompts import as_settings
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.predictions_log import LoggedPrediction, read_logs
from babilong_eval.results.records import (
    RESULTS_FILE,
    Cell,
    Prediction,
    RunInfo,
    cell_of,
    read_cells,
    read_run,
    write_cells,
    write_predictions,
)
from babilong_eval.results.scores import rules_for, score_file
from babilong_gen.errors import SourceError
from babilong_gen.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from babilong_eval.data.dataset import Dataset
    from babilong_eval.data.layout import Pair
    from babilong_eval.data.sample import Sample
    from babilong_eval.evaluation.backend import Setup
    from babilong_eval.evaluation.config import EvaluationConfig
    from babilong_eval.inference.sample_result import SampleResult

_SHOWN_REASONS = 3
_PACKAGES = ("babilong-gen", "torch", "transformers", "tokenizers", "openai")


def run_info(config: EvaluationConfig, dataset: Dataset, setup: Setup) -> RunInfo:
    """Return the record of a run that starts now."""
    path = config.model.partition("@")[0].partition(":")[2]
    asked = {name: getattr(config, name) for name in ("tasks", "lengths", "limit", "batch_size", "probe")}
    settings = {
        "answers": setup.answers,
        "generate_kwargs": dict(setup.generate_kwargs),
        "model options": dict(config.model_options),
        **({"segment_overlap": setup.segment_overlap} if setup.segment_overlap else {}),
    }
    return RunInfo(
        name=config.name or Path(path).name or config.model,
        model=config.model,
        data=redacted(str(config.data)),
        data_fingerprint=dataset.fingerprint,
        versions=_versions(),
        seed=config.seed,
        device=setup.device,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        segment_size=setup.segment_size,
        options={
            **{name: value for name, value in asked.items() if value is not None},
            "settings": settings,
            "prompts": {task: as_settings(prompt) for task, prompt in setup.prompts.items()},
        },
    )


def logged(result: SampleResult) -> LoggedPrediction:
    """Return a result as a line of the log; a failed sample's output is empty, which no rule counts."""
    sample, answer = result.sample, result.answer
    supporting = [fact for fact in sample.facts if fact.get("supporting")]
    prediction = Prediction(
        target=sample.target,
        output="" if answer is None else answer.text,
        question=sample.question,
        sample_id=sample.sample_id,
        n_tokens=result.n_tokens,
        segments=result.segments,
        depth=_depth(sample),
        supporting=tuple(str(fact.get("text", "")) for fact in supporting),
        label="" if answer is None or answer.scores is None else answer.text,
        reasoning="" if answer is None else answer.reasoning or "",
        error=result.error,
        seconds=None if result.seconds is None else round(result.seconds, 6),
    )
    return LoggedPrediction(
        task=sample.task,
        length=sample.length,
        index=sample.index,
        prediction=prediction,
        peak_memory_bytes=result.peak_memory_bytes,
    )


def write_results(
    out: Path, ids: Mapping[Pair, Sequence[str]], labels: Mapping[str, Sequence[str]], setup: Setup
) -> list[Cell]:
    """Write prediction files and `results.json` once every sample of every process has a result.

    Of several processes the last to get here finds all results there; the others return no cells. Cells of
    other tasks and lengths that are in the folder already are kept.

    Raises:
        SourceError: every sample failed, so that there is nothing to score.
    """
    with only_process_in(out):
        lines = read_logs(out)
        by_pair = {pair: [lines.get((*pair, name)) for name in names] for pair, names in ids.items()}
        if any(None in found for found in by_pair.values()):
            return []
        _check_any_answered([line for found in by_pair.values() for line in found if line])
        setup = replace(setup, generate_kwargs=read_run(out).options["settings"]["generate_kwargs"])
        cells = []
        for (task, length), found in by_pair.items():
            cells += _write_pair(out, task, length, list(filter(None, found)), labels[task], setup)
        kept = read_cells(out) if (out / RESULTS_FILE).exists() else []
        write_cells(out, [*(cell for cell in kept if (cell.task, cell.length) not in ids), *cells])
        return cells


def _check_any_answered(lines: Sequence[LoggedPrediction]) -> None:
    """Refuse to score a run in which every sample failed: its accuracy would say nothing of the model."""
    if not lines or not all(line.prediction.error for line in lines):
        return
    reasons = Counter(line.prediction.error for line in lines).most_common(_SHOWN_REASONS)
    told = "; ".join(f"{count} times: {reason}" for reason, count in reasons)
    raise SourceError(
        f"every sample failed, so there is no accuracy to report ({told}); "
        "mend the cause, and the same command asks them again"
    )


def _depth(sample: Sample) -> float | None:
    """Return where the supporting facts lie: the mean of their middles, as a fraction of the input."""
    middles = [
        (fact["token_start"] + fact["token_end"]) / 2 for fact in sample.facts if fact.get("supporting")
    ]
    if not middles or not sample.n_tokens:
        return None
    return round(sum(middles) / len(middles) / sample.n_tokens, 6)


def _write_pair(
    out: Path, task: str, length: str, lines: Sequence[LoggedPrediction], labels: Sequence[str], setup: Setup
) -> list[Cell]:
    """Write the predictions of one (task, length) and score the file by every rule that applies."""
    prompt = setup.prompts[task]
    path = write_predictions(
        out,
        FileName(task=task, length=length, config=prompt.config),
        [line.prediction for line in lines],
        prompt=as_settings(prompt),
        generate_kwargs=setup.generate_kwargs,
        choices=labels,
    )
    labelled = any(line.prediction.label for line in lines)
    seconds = [line.prediction.seconds for line in lines if line.prediction.seconds is not None]
    return [
        cell_of(
            score_file(path, scorer),
            task=task,
            length=length,
            scorer=scorer,
            segments=max(line.prediction.segments or 0 for line in lines) or None,
            seconds=sum(seconds) if seconds else None,
            peak_memory_bytes=max(line.peak_memory_bytes or 0 for line in lines) or None,
        )
        for scorer in rules_for(task, labelled=labelled)
    ]


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions
