"""The columns of the dataset, and samples as a record batch of them.

The first three are those of the published BABILong sets; the others say where everything came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np
import pyarrow as pa

from babilong_gen.assemble.sample import Sample
from babilong_gen.tasks import have_targets

FACT = pa.struct(
    [
        ("text", pa.string()),
        ("char_start", pa.int64()),
        ("char_end", pa.int64()),
        ("token_start", pa.int64()),
        ("token_end", pa.int64()),
        ("supporting", pa.bool_()),
    ]
)
NOISE = pa.struct([("document", pa.string()), ("sentence_start", pa.int64()), ("sentence_end", pa.int64())])

_COLUMNS = [
    ("input", pa.large_string()),
    ("question", pa.string()),
    ("target", pa.string()),
    ("sample_id", pa.string()),
    ("task", pa.string()),
    ("length", pa.string()),
    ("n_tokens", pa.int64()),
    ("choices", pa.list_(pa.string())),
    ("facts", pa.list_(FACT)),
    ("noise", pa.list_(NOISE)),
]
_TARGETS = ("targets", pa.list_(pa.string()))
_INPUT_IDS = ("input_ids", pa.list_(pa.uint32()))


def dataset_schema(*, store_tokens: bool, tasks: Iterable[str]) -> pa.Schema:
    """Return the explicit schema that every shard is written with.

    Args:
        store_tokens: whether there are `input_ids`.
        tasks: of the dataset: where one may ask for several answers, all of them have `targets`.
    """
    columns = [*_COLUMNS, *([_TARGETS] if have_targets(tasks) else [])]
    return pa.schema([*columns, _INPUT_IDS] if store_tokens else columns)


def record_batch(samples: Sequence[Sample], schema: pa.Schema) -> pa.RecordBatch:
    """Make the samples one record batch; their texts are copied once, whatever their size."""
    columns: dict[str, pa.Array] = {
        "input": _texts([sample.text for sample in samples]),
        "question": pa.array([s.question for s in samples], pa.string()),
        "target": pa.array([s.target for s in samples], pa.string()),
        "sample_id": pa.array([s.sample_id for s in samples], pa.string()),
        "task": pa.array([s.task for s in samples], pa.string()),
        "length": pa.array([s.length for s in samples], pa.string()),
        "n_tokens": pa.array([s.n_tokens for s in samples], pa.int64()),
        "choices": pa.array([s.choices for s in samples], pa.list_(pa.string())),
        "facts": _structs([s.facts for s in samples], FACT),
        "noise": _structs([s.noise for s in samples], NOISE),
    }
    if "targets" in schema.names:
        columns["targets"] = pa.array([s.targets for s in samples], pa.list_(pa.string()))
    if "input_ids" in schema.names:
        columns["input_ids"] = _ids([s.input_ids for s in samples])
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def _texts(texts: list[bytes]) -> pa.Array:
    offsets = np.array(list(accumulate(map(len, texts), initial=0)), np.int64)
    whole = texts[0] if len(texts) == 1 else b"".join(texts)
    return pa.Array.from_buffers(
        pa.large_string(), len(texts), [None, pa.py_buffer(offsets), pa.py_buffer(whole)]
    )


def _structs(rows: list[list], struct: pa.StructType) -> pa.Array:
    """Make lists of records with the struct's field names, column by column."""
    offsets = pa.array(list(accumulate(map(len, rows), initial=0)), pa.int32())
    flat = [record for row in rows for record in row]
    fields = [struct.field(i) for i in range(struct.num_fields)]
    arrays = [pa.array([getattr(record, field.name) for record in flat], field.type) for field in fields]
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(arrays, fields=fields))


def _ids(rows: list[np.ndarray | None]) -> pa.Array:
    known = [np.zeros(0, np.uint32) if row is None else row for row in rows]
    offsets = pa.array(list(accumulate(map(len, known), initial=0)), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(np.concatenate(known), pa.uint32()))
