"""Samples for torch, made in the workers of a loader: nothing on the disk, none twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from babilong_gen.samples import SampleSequence, open_samples
from babilong_gen.spec import DatasetSpec, SpecOptions, spec_of


class SampleStream(IterableDataset[dict[str, Any]]):
    """Rows of a dataset, dealt out to the workers of a `DataLoader` in turn."""

    def __init__(self, samples: SampleSequence, part: tuple[int, int]) -> None:
        self._samples = samples
        self._part = part

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Make this worker's rows; `input_ids`, where the spec has them, are int64 [n_tokens]."""
        worker = get_worker_info()
        number, of = self._part
        numbers = range(number, len(self._samples), of)
        if worker is not None:
            numbers = numbers[worker.id :: worker.num_workers]
        for sample in self._samples.at(numbers):
            row = sample.row()
            if sample.input_ids is not None:
                row["input_ids"] = torch.from_numpy(sample.input_ids.astype(np.int64))
            yield row


def to_torch_iterable(
    spec: DatasetSpec | None = None,
    *,
    task: str | None = None,
    length: str | None = None,
    part: tuple[int, int] = (0, 1),
    cache: Path | None = None,
    **options: Unpack[SpecOptions],
) -> SampleStream:
    """Make the samples of a spec an `IterableDataset` of torch; each is made by one worker of the loader.

    Rows have the columns of a generated dataset. They differ in length: give a `DataLoader` a `collate_fn`
    that makes batches of them, or `batch_size=None`.

    Args:
        spec, task, length, cache, options: as for `babilong_gen.iter_samples`.
        part: (number, of how many): a process's share where several train together, as (rank, world size).

    Raises:
        BabilongError: an option is wrong, or a source is missing or broken.
    """
    return SampleStream(open_samples(spec_of(spec, options), task=task, length=length, cache=cache), part)
