"""Rows of a Parquet, Arrow or JSON file, one after another in bounded memory.

A row of the longest samples is tens of megabytes and a file holds many of them, so nothing here reads a whole
file: Parquet page by page, Arrow from a memory map, JSON object by object.
"""

from __future__ import annotations

import codecs
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

import pyarrow as pa

from babilong_gen.errors import SourceError, first_line
from babilong_gen.noise.sources.rows import reading_parquet

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".parquet", ".arrow", ".jsonl", ".json")

Row = Mapping[str, Any]
Utf8 = bytes | memoryview

_BYTES_AT_ONCE = 4 << 20
_MOST_ROWS_AT_ONCE = 256


def column_names(path: Path) -> list[str]:
    """Return the columns of a file; of JSON, those of its first object."""
    if path.suffix == ".parquet":
        with reading_parquet(path) as file:
            return file.schema_arrow.names
    if path.suffix == ".arrow":
        return _open_arrow(path).schema.names
    return list(next(_json_rows(path, 0), {}))


def count_rows(path: Path) -> int:
    """Return how many rows a file has; JSON has to be read for it."""
    if path.suffix == ".parquet":
        with reading_parquet(path) as file:
            return file.metadata.num_rows
    if path.suffix == ".arrow":
        return sum(batch.num_rows for batch in _arrow_batches(path))
    return sum(1 for _ in _json_rows(path, 0))


def read_rows(
    path: Path, columns: Sequence[str], *, skip: int = 0, as_utf8: Sequence[str] = ()
) -> Iterator[Row]:
    """Yield the rows after the first `skip`, each with those of `columns` that the file has.

    Values are Python's own except where they can be large: lists of numbers stay Arrow arrays, and texts of
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


def _parquet_rows(path: Path, columns: Sequence[str], skip: int, as_utf8: Sequence[str]) -> Iterator[Row]:
    with reading_parquet(path) as file:
        wanted = [name for name in file.schema_arrow.names if name in columns]
        for group in range(file.metadata.num_row_groups):
            about = file.metadata.row_group(group)
            if skip >= about.num_rows:
                skip -= about.num_rows
                continue
            row_bytes = max(1, about.total_byte_size // max(1, about.num_rows))
            at_once = min(_MOST_ROWS_AT_ONCE, max(1, _BYTES_AT_ONCE // row_bytes))
            # threads would decode columns, and pages ahead, side by side: speed for memory
            yield from _rows_of_group(
                # unnamed: a name here would hold the last batch while its rows are used
                file.iter_batches(at_once, row_groups=[group], columns=wanted, use_threads=False),
                about.num_rows,
                skip,
                as_utf8,
            )
            skip = 0


def _rows_of_group(
    batches: Iterator[pa.RecordBatch], n_rows: int, skip: int, as_utf8: Sequence[str]
) -> Iterator[Row]:
    """Yield rows and let go of everything else: a row's neighbours hold no memory while it is used."""
    while n_rows:
        batch = next(batches)
        n_rows -= batch.num_rows
        if not n_rows:
            batches = iter(())
        rows = deque(_batch_rows(batch, skip, as_utf8))
        skip = max(0, skip - batch.num_rows)
        del batch
        while rows:
            yield rows.popleft()


def _open_arrow(path: Path) -> pa.RecordBatchStreamReader | pa.RecordBatchFileReader:
    """Open either of Arrow's two file forms; `datasets` writes the streaming one."""
    with suppress(pa.ArrowInvalid, OSError):
        return pa.ipc.open_stream(pa.memory_map(str(path)))
    try:
        return pa.ipc.open_file(pa.memory_map(str(path)))
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path}: not a readable Arrow file ({first_line(error)})") from error


def _arrow_batches(path: Path) -> Iterator[pa.RecordBatch]:
    reader = _open_arrow(path)
    if isinstance(reader, pa.RecordBatchFileReader):
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
        return
    try:
        yield from reader
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(f"{path}: breaks off ({first_line(error)})") from error


def _arrow_rows(path: Path, columns: Sequence[str], skip: int, as_utf8: Sequence[str]) -> Iterator[Row]:
    for batch in _arrow_batches(path):
        wanted = [name for name in batch.schema.names if name in columns]
        try:
            yield from _batch_rows(batch.select(wanted), skip, as_utf8)
        except pa.ArrowInvalid as error:
            raise SourceError(f"{path}: damaged ({first_line(error)})") from error
        skip = max(0, skip - batch.num_rows)


def _batch_rows(batch: pa.RecordBatch, skip: int, as_utf8: Sequence[str]) -> Iterator[Row]:
    for name, column in zip(batch.schema.names, batch, strict=True):
        if name in as_utf8:
            _check_utf8(column)
    for number in range(skip, batch.num_rows):
        yield {
            name: _value(column[number], utf8=name in as_utf8)
            for name, column in zip(batch.schema.names, batch, strict=True)
        }


def _check_utf8(column: pa.Array) -> None:
    """Raise ArrowInvalid where a text is not UTF-8, which neither a writer nor a reader need have noticed."""
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        column.cast(pa.large_string())
    else:
        column.validate(full=True)


def _value(scalar: pa.Scalar, *, utf8: bool) -> Any:
    if isinstance(scalar, pa.DictionaryScalar):  # of a category in pandas
        scalar = scalar.value
    if utf8 and isinstance(scalar, pa.StringScalar | pa.LargeStringScalar) and scalar.is_valid:
        return memoryview(scalar.as_buffer())
    if isinstance(scalar, pa.ListScalar | pa.LargeListScalar) and pa.types.is_integer(scalar.type.value_type):
        return scalar.values
    return scalar.as_py()


def _encoded(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _json_rows(path: Path, skip: int) -> Iterator[Row]:
    """Yield the objects of a JSON file, be it an array of them or one after another (JSON lines)."""
    encoding = _unicode_form(path)
    try:
        with path.open(encoding=encoding) as file:
            for number, value in enumerate(_json_values(file, path)):
                if not isinstance(value, dict):
                    raise SourceError(f"{path}: entry {number} is not an object with the columns of a sample")
                if number >= skip:
                    yield value
    except UnicodeError as error:
        raise SourceError(f"{path}: {_not_unicode(path, encoding)}; save it as UTF-8") from error


def _unicode_form(path: Path) -> str:
    """Return the encoding that a JSON file begins with: by its byte-order mark, or by where zeros are."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    found = json.detect_encoding(start) if start else "utf-8"
    return "utf-8-sig" if found == "utf-8" else found


def _not_unicode(path: Path, encoding: str) -> str:
    """Return what a file that cannot be decoded is likely to be."""
    if encoding != "utf-8-sig":
        return f"broken {encoding.upper()}"
    decoder = codecs.getincrementaldecoder("cp1252")()
    try:
        with path.open("rb") as file:
            while block := file.read(_BYTES_AT_ONCE):
                decoder.decode(block)
    except UnicodeDecodeError:
        return "not UTF-8"
    return "not UTF-8 but, it seems, cp1252 (Windows-1252)"


def _json_values(file: TextIO, path: Path) -> Iterator[Any]:
    """Decode value after value; what is still incomplete is tried again with twice the text."""
    decoder, between = json.JSONDecoder(), " \t\r\n,"
    text = file.read(_BYTES_AT_ONCE).lstrip()
    is_array = text.startswith("[")
    text = text.removeprefix("[").lstrip(between)
    while not (is_array and text.startswith("]")):
        try:
            value, end = decoder.raw_decode(text)
        except json.JSONDecodeError as error:
            more = file.read(max(_BYTES_AT_ONCE, len(text)))
            if not more and not text and not is_array:
                return
            if not more:
                raise SourceError(
                    f"{path}: not JSON, or cut off ({error.msg}, near {text[:40]!r})"
                ) from error
            text = (text + more).lstrip(between)
        else:
            yield value
            text = text[end:].lstrip(between)
