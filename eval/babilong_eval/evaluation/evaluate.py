"""The main job as a function: a dataset, a model, and a results folder of predictions and scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from babilong_eval.data.dataset import label_sets, open_dataset, sample_ids, samples_at, select, sizes_of
from babilong_eval.evaluation.backend import find_backend
from babilong_eval.evaluation.distributed import this_rank
from babilong_eval.evaluation.record import logged, run_info, write_results
from babilong_eval.evaluation.resume import claim_folder, record_generate_kwargs, remaining
from babilong_eval.results.predictions_log import open_log
from babilong_gen.user_paths import user_path, user_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from babilong_eval.data.dataset import Dataset
    from babilong_eval.data.layout import Pair
    from babilong_eval.data.sample import Sample
    from babilong_eval.evaluation.backend import Backend
    from babilong_eval.evaluation.config import EvaluationConfig
    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.models.protocol import SegmentModel
    from babilong_eval.results.records import Cell

    Left = Mapping[Pair, Sequence[int]]


def evaluate(
    config: EvaluationConfig,
    *,
    model: SegmentModel | None = None,
    on_start: Callable[[Left], object] | None = None,
    on_result: Callable[[SampleResult], object] | None = None,
) -> list[Cell]:
    """Ask about every sample that has no answer yet, and score all there are in the end.

    Args:
        model: a model object; None: the one that `config.model` names.
        on_start: called once with the sample indices that are left to this process, by (task, length).
        on_result: called with each result once it is on the disk. What it raises stops the run, which the
            same call continues.

    Returns:
        A cell for each task, length and scorer; none in a process that is not the last of several to finish.

    Raises:
        UsageError: something that was asked for does not exist or does not go together.
        SourceError: the data, the model or the server is missing or broken, or every sample failed.
        OutputError: the results folder holds another run, or cannot be written.
    """
    if model is not None and not config.model:
        config = replace(config, model=type(model).__name__)
    rank = this_rank()
    dataset = open_dataset(user_place(str(config.data)))
    pairs = select(dataset, config.tasks, config.lengths)
    ids = sample_ids(dataset, sizes_of(dataset, pairs, config.limit))
    labels = label_sets(dataset, pairs)
    backend = find_backend(config, list(labels), rank, model)
    out = user_path(str(config.out))
    claim_folder(out, run_info(config, dataset, backend.setup))
    with open_log(out, rank.number) as append:
        left = remaining(out, ids, rank)
        if on_start:
            on_start(left)
        recorded = backend.setup.generate_kwargs
        for result in _results(dataset, backend, left, probe=config.probe):
            if (sent := backend.generate_kwargs) != recorded:
                record_generate_kwargs(out, asked=backend.setup.generate_kwargs, sent=sent)
                recorded = sent
            append(logged(result))
            if on_result:
                on_result(result)
    return write_results(out, ids, labels, backend.setup)


def _results(dataset: Dataset, backend: Backend, left: Left, *, probe: bool) -> Iterator[SampleResult]:
    if not left:
        return iter(())
    # only an unchanged input can be read from stored tokens
    tokens = all(prompt.is_plain for prompt in backend.setup.prompts.values())
    samples = {pair: samples_at(dataset, pair, left[pair], tokens=tokens) for pair in left}
    return backend.answer_series(_series(left, samples)) if probe else backend.answer(samples.values())


def _series(left: Left, samples: Mapping[Pair, Iterator[Sample]]) -> Iterator[Iterator[Sample]]:
    """Yield the length series of each task and index: its samples at all lengths left, from short to long."""
    for task in dict.fromkeys(task for task, _ in left):
        pairs = [pair for pair in left if pair[0] == task]
        for index in sorted({index for pair in pairs for index in left[pair]}):
            yield map(next, [samples[pair] for pair in pairs if index in left[pair]])
