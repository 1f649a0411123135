"""Checks that training and evaluation share no document, no story and no sample.

The generator's split decides by content what is held out. Here that is checked again by other means than
those that made the choice, and datasets for evaluation are compared with what a recipe trains on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from babilong_eval.training.held_out import ContaminationError, held_out_documents, is_training_story
from babilong_gen.errors import SourceError
from babilong_gen.write.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from babilong_eval.training.samples import SampleSource


def check_noise(source: SampleSource, tasks: Sequence[str]) -> set[str]:
    """Check that training draws from no held-out document; return the names of these documents.

    Raises:
        ContaminationError: it does.
    """
    names: set[str] = set()
    for noise in range(len(source.prepared)):
        held_out: set[int] | None = None
        for task in tasks:
            pool = source.context(noise, task).pool
            if held_out is None:
                held_out = held_out_documents(pool.corpus)
                names |= {pool.corpus.document_name(number) for number in held_out}
            documents = np.unique(pool.corpus.document_end.searchsorted(pool.kept, "right"))
            if shared := held_out & set(documents.tolist()):
                name = pool.corpus.document_name(min(shared))
                raise ContaminationError(f"the training noise of {task} holds the held-out document {name!r}")
    return names


def check_dataset(folder: Path, source: SampleSource, held_out: set[str]) -> int:
    """Check that a dataset for evaluation shares nothing with training; return its number of samples.

    Args:
        held_out: names of the source's documents that training does not read.

    Raises:
        ContaminationError: a story, a noise document or the samples' key is shared.
        BabilongError: `folder` is no finished dataset, or a shard is missing or damaged.
    """
    manifest = read_manifest(folder)
    if manifest["fingerprint"] in {prepared.fingerprint for prepared in source.prepared}:
        raise ContaminationError(f"{folder}: its samples have the fingerprint of the training samples")
    trained = _training_documents(source) - held_out
    checked = 0
    for sample_id, facts, documents in _rows([folder / shard["path"] for shard in manifest["shards"]]):
        checked += 1
        if is_training_story(facts):
            raise ContaminationError(
                f"{folder}: {sample_id} holds a training story; generate with --split test"
            )
        if shared := sorted(trained & documents):
            raise ContaminationError(
                f"{folder}: {sample_id} has noise of the training document {shared[0]!r}; generate with "
                "--split test, or from other noise"
            )
    return checked


def _training_documents(source: SampleSource) -> set[str]:
    names = set()
    for prepared in source.prepared:
        corpus = prepared.corpus()
        names |= {corpus.document_name(number) for number in range(len(corpus.document_end))}
    return names


def _rows(shards: list[Path]) -> Iterator[tuple[str, list[str], set[str]]]:
    """Yield each sample's id, its facts, and the documents of its noise."""
    columns = ["sample_id", "facts", "noise"]
    for path in shards:
        try:
            batches = pq.ParquetFile(path).iter_batches(batch_size=64, columns=columns)
            rows = [row for batch in batches for row in batch.to_pylist()]
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{path} cannot be read ({error}): generate the dataset again") from None
        for row in rows:
            yield (
                row["sample_id"],
                [fact["text"] for fact in row["facts"]],
                {span["document"] for span in row["noise"]},
            )
