"""Proof that training and evaluation share no document, no story and no sample.

The generator's split decides by content what is held out; here that is looked at again, by other means than
those that made the choice, and a dataset that is meant for evaluation is held against a recipe's sources.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from babilong_eval.training.held_out import ContaminationError, held_out_documents, is_training_story
from babilong_gen.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from babilong_eval.training.samples import SampleSource


def check_noise(material: SampleSource, tasks: Sequence[str]) -> set[str]:
    """Names of the held-out documents, of which no sentence is in any pool that training draws from.

    Raises:
        ContaminationError: one is.
    """
    names: set[str] = set()
    for source in range(len(material.sources)):
        held_out: set[int] | None = None
        for task in tasks:
            pool = material.haystack(source, task).pool
            if held_out is None:
                held_out = held_out_documents(pool.corpus)
                names |= {pool.corpus.document_name(number) for number in held_out}
            documents = np.unique(pool.corpus.document_end.searchsorted(pool.kept, "right"))
            if shared := held_out & set(documents.tolist()):
                name = pool.corpus.document_name(min(shared))
                raise ContaminationError(f"the training noise of {task} holds the held-out document {name!r}")
    return names


def check_dataset(folder: Path, material: SampleSource, held_out: set[str]) -> int:
    """Holds a dataset for evaluation against what a run trains on; how many samples were looked at.

    Raises:
        ContaminationError: a story, a noise document or the key of the samples is shared.
        SourceError: `folder` is no finished dataset.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        raise SourceError(f"{folder} is no dataset made by `babilong generate`: no manifest.json") from None
    if manifest["fingerprint"] in {source.fingerprint for source in material.sources}:
        raise ContaminationError(f"{folder}: its samples have the fingerprint of the training samples")
    trained = _training_documents(material) - held_out
    looked_at = 0
    for sample_id, facts, documents in _rows(folder):
        looked_at += 1
        if is_training_story(facts):
            raise ContaminationError(
                f"{folder}: {sample_id} tells a training story; generate with --split test"
            )
        if shared := sorted(trained & documents):
            raise ContaminationError(
                f"{folder}: {sample_id} has noise of the training document {shared[0]!r}; generate with "
                "--split test, or from other noise"
            )
    return looked_at


def _training_documents(material: SampleSource) -> set[str]:
    names = set()
    for source in material.sources:
        corpus = source.corpus()
        names |= {corpus.document_name(number) for number in range(len(corpus.document_end))}
    return names


def _rows(folder: Path) -> Iterator[tuple[str, list[str], set[str]]]:
    """Of each sample: its id, its facts, and the documents of its noise."""
    for path in sorted(folder.glob("data/*/*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(
            batch_size=64, columns=["sample_id", "facts", "noise"]
        ):
            for row in batch.to_pylist():
                yield (
                    row["sample_id"],
                    [fact["text"] for fact in row["facts"]],
                    {span["document"] for span in row["noise"]},
                )
