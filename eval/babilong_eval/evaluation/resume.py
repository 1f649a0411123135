"""One evaluation from start to end: what is still to be asked, the log of what was answered, the results.

    open_results   the folder is new, or holds the same run
    pending        what of it this process still has to ask
    run            appends each outcome to the log as it comes
    finish         turns the logs into prediction files, cells and scores

A run can be stopped at any moment and goes on where it was. Which run a folder holds is said by its
`run.json`: the model, the data, the prompts, the seed. Other tasks and lengths may be added, a larger limit
too; anything else is another run, and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from babilong_eval.data.dataset import Dataset, Sample, count_samples, read_samples
from babilong_eval.inference.sample_result import SampleResult, prediction_of
from babilong_eval.prompts.prompts import PromptSet, as_settings
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.predictions_log import Entry, Key, open_log, read_entries
from babilong_eval.results.records import (
    RESULTS_FILE,
    RUN_FILE,
    Cell,
    RunInfo,
    cell_of,
    read_cells,
    read_run,
    write_cells,
    write_predictions,
    write_run,
)
from babilong_eval.scoring.official import OFFICIAL_LABELS
from babilong_eval.scoring.score import SCORERS, ScorerName, score_file
from babilong_gen.errors import OutputError, SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from babilong_eval.evaluation.distributed import Rank

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What is asked, and where the answers go.

    Attributes:
        sizes: how many samples each (task, length) has, `--limit` applied; in the order of evaluation.
        labels: each task's label set.
        settings: what of the run's options decides its predictions, beside model, data, prompts and seed.
        info: of the run, for the record; `settings` and the prompts come into its options.
        rank: which part of the samples is this process's.
    """

    dataset: Dataset
    sizes: Mapping[Pair, int]
    labels: Mapping[str, Sequence[str]]
    prompts: PromptSet
    settings: Mapping[str, Any]
    info: RunInfo
    out: Path
    rank: Rank


def sizes_of(dataset: Dataset, pairs: Iterable[Pair], limit: int | None) -> dict[Pair, int]:
    """How many samples of each pair are evaluated.

    Raises:
        SourceError: a pair without any.
    """
    counts = {pair: count_samples(dataset, *pair) for pair in pairs}
    for (task, length), count in counts.items():
        if not count:
            raise SourceError(
                f"{dataset.source}: no samples of {task} at {length}; generate or fetch it again"
            )
    return {pair: count if limit is None else min(limit, count) for pair, count in counts.items()}


def labels_of(dataset: Dataset, pairs: Iterable[Pair]) -> dict[str, tuple[str, ...]]:
    """Each task's label set.

    Raises:
        UsageError: a task that is not ours, in a dataset without labels: nobody could score it.
    """
    labels: dict[str, tuple[str, ...]] = {}
    for task, length in pairs:
        if task not in labels:
            first = next(read_samples(dataset, task, length), None)
            labels[task] = (first.choices if first else None) or OFFICIAL_LABELS.get(task, ())
            if not labels[task]:
                raise UsageError(f"{dataset.source}: no labels for task {task}; add a column 'choices'")
    return labels


def open_results(evaluation: Evaluation) -> None:
    """Makes the results folder, or checks that it belongs to the same run.

    Raises:
        OutputError: it holds another run, or something else altogether.
    """
    out = evaluation.out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be made a folder ({error.strerror})") from error
    with _only_process_in(out):
        info = _with_settings(evaluation)
        if (out / RUN_FILE).exists():
            info = _same_run(out, read_run(out), info)
        elif any(not path.name.startswith(".") for path in out.iterdir()):
            raise OutputError(f"{out}: not empty, and no results folder; give another one to --out")
        write_run(out, info)


def answered(evaluation: Evaluation) -> set[Key]:
    """The samples that need not be asked again; those that failed are."""
    entries = read_entries(evaluation.out)
    return {key for key, entry in entries.items() if not entry.prediction.error}


def pending(evaluation: Evaluation, done: set[Key]) -> dict[Pair, list[int]]:
    """By (task, length), the indices that this process still has to ask about; no pair with none."""
    left = {
        pair: [index for index in range(size) if evaluation.rank.owns(index) and (*pair, index) not in done]
        for pair, size in evaluation.sizes.items()
    }
    return {pair: indices for pair, indices in left.items() if indices}


def samples_at(
    dataset: Dataset, pair: Pair, indices: Sequence[int], *, tokens: bool = False
) -> Iterator[Sample]:
    """The samples of a pair at some indices, in order, with stored tokens if wanted."""
    wanted, span = set(indices), indices[-1] + 1 - indices[0]
    samples = islice(read_samples(dataset, *pair, start=indices[0], tokens=tokens), span)
    return filter(lambda sample: sample.index in wanted, samples)


def run(evaluation: Evaluation, outcomes: Iterable[SampleResult]) -> Iterator[SampleResult]:
    """Appends each outcome to this process's log, and yields it once it is on the disk."""
    with open_log(evaluation.out, evaluation.rank.number) as append:
        for outcome in outcomes:
            sample = outcome.sample
            append(
                Entry(
                    task=sample.task,
                    length=sample.length,
                    index=sample.index,
                    prediction=prediction_of(outcome),
                    peak_memory_bytes=outcome.peak_memory_bytes,
                )
            )
            yield outcome


def finish(evaluation: Evaluation) -> list[Cell] | None:
    """Writes prediction files and `results.json` once every sample of every process has an outcome.

    Of several processes the last to come here finds all there; for the others the result is None. Cells of
    other tasks and lengths that are in the folder already are kept.
    """
    with _only_process_in(evaluation.out):
        entries = read_entries(evaluation.out)
        wanted = [(*pair, index) for pair, size in evaluation.sizes.items() for index in range(size)]
        if any(key not in entries for key in wanted):
            return None
        cells = [cell for pair in evaluation.sizes for cell in _write_pair(evaluation, pair, entries)]
        write_cells(evaluation.out, [*_other_cells(evaluation), *cells])
        return cells


def _only_process_in(folder: Path) -> FileLock:
    return FileLock(folder / ".results.lock")


def _with_settings(evaluation: Evaluation) -> RunInfo:
    """The run's facts with everything in their options that decides its predictions."""
    prompts = {task: as_settings(prompt) for task, prompt in evaluation.prompts.prompts.items()}
    options = {**evaluation.info.options, "settings": dict(evaluation.settings), "prompts": prompts}
    return replace(evaluation.info, options=options)


def _same_run(out: Path, before: RunInfo, now: RunInfo) -> RunInfo:
    """The facts of the run that goes on, with what it already has of other tasks.

    Raises:
        OutputError: it is another run; the message says in what.
    """
    then, asked = _decisive(before), _decisive(now)
    for name in {**then, **asked}:
        is_prompt = name.startswith("prompt of ")
        if then.get(name) != asked.get(name) and not (is_prompt and (name not in then or name not in asked)):
            found = "another" if is_prompt else f"{then.get(name)!r}, not {asked.get(name)!r}"
            raise OutputError(
                f"{out}: holds another run: its {name} is {found}; give another folder to --out"
            )
    prompts = {**before.options.get("prompts", {}), **now.options["prompts"]}
    return replace(now, started=before.started, options={**now.options, "prompts": prompts})


def _decisive(info: RunInfo) -> dict[str, Any]:
    """By name, everything that two parts of one run must have in common."""
    facts: dict[str, Any] = {
        "model": info.model,
        "data fingerprint": info.data_fingerprint,
        "seed": info.seed,
        "segment size": info.segment_size,
    }
    settings = info.options.get("settings", {})
    prompts = {f"prompt of {task}": prompt for task, prompt in info.options.get("prompts", {}).items()}
    return {**facts, **settings, **prompts}


def _write_pair(evaluation: Evaluation, pair: Pair, entries: Mapping[Key, Entry]) -> list[Cell]:
    """Writes the predictions of one (task, length) and scores the file by every rule that applies."""
    task, length = pair
    prompt = evaluation.prompts.prompts[task]
    mine = [entries[task, length, index] for index in range(evaluation.sizes[pair])]
    path = write_predictions(
        evaluation.out,
        FileName(task=task, length=length, config=prompt.config),
        [entry.prediction for entry in mine],
        prompt=as_settings(prompt),
        generate_kwargs=evaluation.settings.get("generate_kwargs", {}),
        choices=evaluation.labels[task],
    )
    labelled = any(entry.prediction.label for entry in mine)
    scorers: list[ScorerName] = [scorer for scorer in SCORERS if labelled or scorer != "label"]
    return [
        cell_of(score_file(path, scorer), task=task, length=length, scorer=scorer, **_costs(mine))
        for scorer in scorers
    ]


def _costs(entries: Sequence[Entry]) -> dict[str, Any]:
    seconds = [entry.prediction.seconds for entry in entries if entry.prediction.seconds is not None]
    return {
        "segments": max((entry.prediction.segments or 0 for entry in entries), default=0) or None,
        "seconds": sum(seconds) if seconds else None,
        "peak_memory_bytes": max((entry.peak_memory_bytes or 0 for entry in entries), default=0) or None,
    }


def _other_cells(evaluation: Evaluation) -> list[Cell]:
    if not (evaluation.out / RESULTS_FILE).exists():
        return []
    return [cell for cell in read_cells(evaluation.out) if (cell.task, cell.length) not in evaluation.sizes]
