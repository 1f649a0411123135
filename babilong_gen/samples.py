"""The samples of a spec without a folder: made when they are asked for, the same that `generate` writes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise, starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from babilong_gen.assemble.context import AssemblyContext
from babilong_gen.assemble.sample import Sample
from babilong_gen.errors import UsageError
from babilong_gen.make import make_samples
from babilong_gen.prepare import Prepared, check_reuse, default_cache, prepare
from babilong_gen.spec import DatasetSpec, SpecOptions, spec_of

if TYPE_CHECKING:
    from datasets import IterableDataset

# Into so many parts, at most, `datasets` may deal the samples out to the workers of a loader.
_PARTS = 64


def iter_samples(
    spec: DatasetSpec | None = None,
    *,
    task: str | None = None,
    length: str | None = None,
    cache: Path | None = None,
    **options: Unpack[SpecOptions],
) -> Iterator[Sample]:
    """Make the samples of a spec one by one, in the order in which `generate` writes them.

    Args:
        spec: what to make; or give its options by name, as to `make_spec`.
        task: only samples of this task of the spec; likewise `length`.
        cache: where tokenized noise is kept; None for the user's cache folder.

    Raises:
        BabilongError: an option is wrong, or a source is missing or broken; at the call, not later.
        DoesNotFitError: while iterating, where a sample cannot be made.
    """
    samples = open_samples(spec_of(spec, options), task=task, length=length, cache=cache)
    return samples.at(range(len(samples)))


def to_hf_iterable(
    spec: DatasetSpec | None = None,
    *,
    task: str | None = None,
    length: str | None = None,
    cache: Path | None = None,
    **options: Unpack[SpecOptions],
) -> IterableDataset:
    """Make the same samples an `IterableDataset` of the library `datasets`.

    Arguments and errors as for `iter_samples`; the columns are those of a generated dataset.
    """
    if find_spec("datasets") is None:
        raise UsageError("an IterableDataset needs a package more: pip install datasets")
    from datasets import Features, IterableDataset

    from babilong_gen.write.schema import dataset_schema

    samples = open_samples(spec_of(spec, options), task=task, length=length, cache=cache)
    parts = min(_PARTS, len(samples))
    cuts = [len(samples) * part // parts for part in range(parts + 1)]
    made = samples.prepared.spec
    schema = dataset_schema(store_tokens=made.store_tokens, tasks=made.tasks)
    return IterableDataset.from_generator(
        _rows,
        features=Features.from_arrow_schema(schema),
        gen_kwargs={"samples": samples, "parts": list(starmap(range, pairwise(cuts)))},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSequence:
    """The samples of some cells of a spec, by number. Picklable: workers make their own from it.

    Attributes:
        cells: (task, length), in the dataset's order.
    """

    prepared: Prepared
    cells: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.cells) * self.prepared.spec.samples

    def at(self, numbers: Iterable[int]) -> Iterator[Sample]:
        """Make the samples of these numbers, counted through the cells."""
        contexts: dict[str, AssemblyContext] = {}
        for number in numbers:
            cell, index = divmod(number, self.prepared.spec.samples)
            task, length = self.cells[cell]
            if task not in contexts:
                contexts[task] = self.prepared.context(task)
            for sample, _ in make_samples(self.prepared, contexts[task], task, length, index, index + 1):
                yield sample


def open_samples(
    spec: DatasetSpec, *, task: str | None = None, length: str | None = None, cache: Path | None = None
) -> SampleSequence:
    """Prepare a spec's samples; arguments and errors as for `iter_samples`. Notes become warnings."""
    cells = tuple(
        (own_task, own_length)
        for own_length in _chosen("length", length, spec.lengths)
        for own_task in _chosen("task", task, spec.tasks)
    )
    prepared, _ = prepare(spec, cache=cache or default_cache(), report=lambda _: None, notify=warnings.warn)
    check_reuse(prepared, warnings.warn)
    return SampleSequence(prepared=prepared, cells=cells)


def _chosen(what: str, asked: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    if asked is None:
        return known
    if asked not in known:
        raise UsageError(f"no {what} {asked!r} in this spec: expected one of {', '.join(known)}")
    return (asked,)


def _rows(samples: SampleSequence, parts: list[range]) -> Iterator[dict[str, Any]]:
    for part in parts:
        yield from (sample.row() for sample in samples.at(part))
