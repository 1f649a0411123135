"""Arrow files that are memory-mapped: one table of one record batch each, sealed by a digest.

A corpus can be larger than memory, so columns are appended to plain files while it is built, wrapped
into an Arrow file from the mapped pages, and read as NumPy views of the mapped file thereafter.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

SEAL = "seal.json"

_BLOCK_BYTES = 1 << 20
_WHOLE_BELOW_BLOCKS = 256

Columns = Mapping[str, np.ndarray]


def write_columns(path: Path, columns: Columns) -> None:
    """Write equally long one-dimensional arrays as one Arrow file.

    The arrays may be memory-mapped: their pages go from file to file.
    """
    arrays = [pa.Array.from_buffers(pa.from_numpy_dtype(a.dtype), len(a), [None, pa.py_buffer(a)])
              for a in columns.values()]  # fmt: skip
    batch = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def map_columns(path: Path) -> dict[str, np.ndarray]:
    """Map the columns of an Arrow file as read-only views of its pages."""
    batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    return {name: batch.column(name).to_numpy(zero_copy_only=True) for name in batch.schema.names}


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Finish a folder of Arrow files: note what it holds and the digest of every file."""
    digests = {path.name: digest(path) for path in sorted(folder.glob("*.arrow"))}
    (folder / SEAL).write_text(json.dumps({**facts, "digests": digests}, indent=1), encoding="utf-8")


def sealed_facts(folder: Path) -> dict[str, Any] | None:
    """Return what the folder's seal says, or None where the folder is missing, unfinished or damaged."""
    try:
        facts = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        sound = all(digest(folder / name) == known for name, known in facts["digests"].items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return facts if sound else None


def put_in_place(building: Path, final: Path) -> None:
    """Give a sealed folder its final name; a sound one that another process has made meanwhile stays."""
    try:
        building.rename(final)
    except OSError:
        if sealed_facts(final) is None:
            shutil.rmtree(final, ignore_errors=True)
            building.rename(final)


def digest(path: Path) -> str:
    """Return a digest of a file's size and content; above 256 MiB, of 256 blocks spread evenly over it.

    Damage is found without reading tens of gigabytes each time a corpus is opened: a truncated file or a
    lost region is seen always, a flipped byte in a very large one not.
    """
    size = path.stat().st_size
    blocks = -(-size // _BLOCK_BYTES)
    chosen = (
        range(blocks) if blocks <= _WHOLE_BELOW_BLOCKS else np.linspace(0, blocks - 1, _WHOLE_BELOW_BLOCKS)
    )
    state = xxhash.xxh3_128(str(size).encode())
    with path.open("rb") as file:
        for block in chosen:
            file.seek(int(block) * _BLOCK_BYTES)
            state.update(file.read(_BLOCK_BYTES))
    return state.hexdigest()
