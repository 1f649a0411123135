"""One sample, found in its dataset by its id."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from babilong_gen.errors import OutputError, UsageError
from babilong_gen.write.folder import Folder, reaching
from babilong_gen.write.manifest import read_manifest


def find_sample(folder: Folder, sample_id: str) -> dict[str, Any]:
    """Return the row of a sample; only the row group that holds it is read.

    Raises:
        UsageError: the dataset has no such sample.
        OutputError: there is no dataset, or its shard is gone.
    """
    manifest = read_manifest(folder)
    task, length, index = _parts(sample_id)
    for shard in manifest["shards"]:
        if (shard["task"], shard["length"]) == (task, length) and 0 <= index - shard["first"] < shard["rows"]:
            with reaching(folder, "read", "check that you may read it"):
                return _row(folder / shard["path"], index - shard["first"])
    spec = manifest["spec"]
    example = f"{spec['tasks'][0]}/{spec['lengths'][0]}/000000"
    raise UsageError(
        f"{folder} has no sample {sample_id!r}: ids are like {example}, 0 to {spec['samples'] - 1}"
    )


def _parts(sample_id: str) -> tuple[str, str, int]:
    task, _, rest = sample_id.partition("/")
    length, _, index = rest.partition("/")
    return task, length, int(index) if index.isascii() and index.isdigit() else -1


def _row(path: Folder, number: int) -> dict[str, Any]:
    try:
        with path.open("rb") as opened:
            file = pq.ParquetFile(opened)
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if number < rows:
                    return file.read_row_group(group).slice(number, 1).to_pylist()[0]
                number -= rows
    except FileNotFoundError:
        raise OutputError(
            f"{path} is missing: give the generate command again, it makes what is not there"
        ) from None
    except pa.ArrowException as broken:
        raise OutputError(f"{path} is damaged ({broken}): run babilong verify on its dataset") from broken
    raise OutputError(f"{path} has fewer rows than its manifest says: run babilong verify on its dataset")
