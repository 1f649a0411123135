"""One sample of any dataset, by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_eval.data.dataset import read_samples
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from babilong_eval.data.dataset import Dataset, Sample


def find_sample(dataset: Dataset, sample_id: str) -> Sample:
    """The sample that is called TASK/LENGTH/INDEX, such as `reasoning/4seg/000017`.

    Raises:
        UsageError: the dataset has no such sample.
    """
    task, _, rest = sample_id.partition("/")
    length, _, index = rest.partition("/")
    if (task, length) in dataset.files and index.isascii() and index.isdigit():
        sample = next(read_samples(dataset, task, length, start=int(index)), None)
        if sample is not None:
            return sample
    has = ", ".join(f"{task}/{length}" for task, length in list(dataset.files)[:8])
    raise UsageError(
        f"{dataset.source} has no sample {sample_id!r}: ids are like reasoning/4seg/000017, and it has {has}"
    )
