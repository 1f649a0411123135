"""Rows of a Parquet, Arrow or JSON file, one after another in bounded memory.

A row of the longest samples is tens of megabytes and a file holds many of them, so nothing here reads a whole
file: Parquet page by page, Arrow from a memory map, JSON object by object.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from babilong_gen.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".parquet", ".arrow", ".jsonl", ".json")

Row = Mapping[str, Any]
Utf8 = bytes | memoryview

_BYTES_AT_ONCE = 4 << 20
_MOST_ROWS_AT_ONCE = 256


def column_names(path: Path) -> list[str]:
    """The columns of a file; of JSON, those of its first object."""
    if path.suffix == ".parquet":
        return _open_parquet(path).schema_arrow.names
    if path.suffix == ".arrow":
        return _open_arrow(path).schema.names
    return list(next(_json_rows(path, 0), {}))


def count_rows(path: Path) -> int:
    """How many rows a file has; JSON has to be read for it."""
    if path.suffix == ".parquet":
        return _open_parquet(path).metadata.num_rows
    if path.suffix == ".arrow":
        return sum(batch.num_rows for batch in _arrow_batches(path))
    return sum(1 for _ in _json_rows(path, 0))


def read_rows(
    path: Path, columns: Sequence[str], *, skip: int = 0, as_utf8: Sequence[str] = ()
) -> Iterator[Row]:
    """Yields the rows after the first `skip`, each with those of `columns` that the file has.

    Values are Python's own, but for what could be large: lists of numbers stay Arrow arrays, and the texts of
    the columns `as_utf8` stay the bytes that they are in the file.

    Raises:
        SourceError: the file is not what its suffix says, or breaks off.
    """
    if path.suffix == ".parquet":
        return _parquet_rows(path, columns, skip, as_utf8)
    if path.suffix == ".arrow":
        return _arrow_rows(path, columns, skip, as_utf8)
    rows = _json_rows(path, skip)
    return (
        {name: _encoded(value) if name in as_utf8 else value for name, value in row.items()} for row in rows
    )


def _open_parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path}: not a readable Parquet file ({_first_line(error)})") from error


def _parquet_rows(path: Path, columns: Sequence[str], skip: int, as_utf8: Sequence[str]) -> Iterator[Row]:
    file = _open_parquet(path)
    wanted = [name for name in file.schema_arrow.names if name in columns]
    for group in range(file.metadata.num_row_groups):
        about = file.metadata.row_group(group)
        if skip >= about.num_rows:
            skip -= about.num_rows
            continue
        row_bytes = max(1, about.total_byte_size // max(1, about.num_rows))
        at_once = min(_MOST_ROWS_AT_ONCE, max(1, _BYTES_AT_ONCE // row_bytes))
        yield from _rows_of_group(
            # threads would decode columns, and pages ahead, side by side: speed for memory
            file.iter_batches(at_once, row_groups=[group], columns=wanted, use_threads=False),
            about.num_rows,
            skip,
            as_utf8,
            f"{path}: row group {group}",
        )
        skip = 0


def _rows_of_group(
    batches: Iterator[pa.RecordBatch], n_rows: int, skip: int, as_utf8: Sequence[str], where: str
) -> Iterator[Row]:
    """Yields rows and lets go of everything else: whoever works on a row is not to pay for its neighbours."""
    while n_rows:
        try:
            batch = next(batches)
        except (OSError, pa.ArrowInvalid) as error:
            raise SourceError(f"{where} is damaged ({_first_line(error)})") from error
        n_rows -= batch.num_rows
        if not n_rows:
            batches = iter(())
        rows = deque(_batch_rows(batch, skip, as_utf8))
        skip = max(0, skip - batch.num_rows)
        del batch
        while rows:
            yield rows.popleft()


def _open_arrow(path: Path) -> pa.RecordBatchStreamReader | pa.RecordBatchFileReader:
    """Opens either of Arrow's two file forms; `datasets` writes the streaming one."""
    try:
        return pa.ipc.open_stream(pa.memory_map(str(path)))
    except pa.ArrowInvalid:
        pass
    except OSError as error:
        raise SourceError(f"{path}: not a readable Arrow file ({_first_line(error)})") from error
    try:
        return pa.ipc.open_file(pa.memory_map(str(path)))
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path}: not a readable Arrow file ({_first_line(error)})") from error


def _arrow_batches(path: Path) -> Iterator[pa.RecordBatch]:
    reader = _open_arrow(path)
    if isinstance(reader, pa.RecordBatchFileReader):
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
        return
    try:
        yield from reader
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path}: breaks off ({_first_line(error)})") from error


def _arrow_rows(path: Path, columns: Sequence[str], skip: int, as_utf8: Sequence[str]) -> Iterator[Row]:
    for batch in _arrow_batches(path):
        wanted = [name for name in batch.schema.names if name in columns]
        yield from _batch_rows(batch.select(wanted), skip, as_utf8)
        skip = max(0, skip - batch.num_rows)


def _batch_rows(batch: pa.RecordBatch, skip: int, as_utf8: Sequence[str]) -> Iterator[Row]:
    for number in range(skip, batch.num_rows):
        yield {
            name: _value(column[number], utf8=name in as_utf8)
            for name, column in zip(batch.schema.names, batch, strict=True)
        }


def _value(scalar: pa.Scalar, *, utf8: bool) -> Any:
    if utf8 and isinstance(scalar, pa.StringScalar | pa.LargeStringScalar) and scalar.is_valid:
        return memoryview(scalar.as_buffer())
    if isinstance(scalar, pa.ListScalar | pa.LargeListScalar) and pa.types.is_integer(scalar.type.value_type):
        return scalar.values
    return scalar.as_py()


def _encoded(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _json_rows(path: Path, skip: int) -> Iterator[Row]:
    """The objects of a JSON file, be it an array of them or one after another (JSON lines)."""
    with path.open(encoding="utf-8") as file:
        for number, value in enumerate(_json_values(file, path)):
            if not isinstance(value, dict):
                raise SourceError(f"{path}: entry {number} is not an object with the columns of a sample")
            if number >= skip:
                yield value


def _json_values(file: TextIO, path: Path) -> Iterator[Any]:
    """Decodes value after value; what is still incomplete is tried again with twice the text."""
    decoder = json.JSONDecoder()
    text, more = "", _BYTES_AT_ONCE
    while True:
        read = file.read(more)
        text = (text + read).lstrip(" \t\r\n,[")
        while text and text[0] != "]":
            try:
                value, end = decoder.raw_decode(text)
            except json.JSONDecodeError as error:
                if not read:
                    raise SourceError(f"{path}: not JSON ({error.msg}, near {text[:40]!r})") from error
                break
            yield value
            text = text[end:].lstrip(" \t\r\n,")
        if not read:
            return
        more = max(_BYTES_AT_ONCE, len(text))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
