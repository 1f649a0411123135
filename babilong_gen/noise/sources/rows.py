"""Rows of JSON Lines, JSON and Parquet files, and the one field of each that is the text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from babilong_gen.errors import SourceError, first_line
from babilong_gen.noise.document import Document
from babilong_gen.noise.sources.html import html_to_text, looks_like_html

Row = dict[str, Any]
NumberedRows = Iterable[tuple[int, Row]]

_USUAL_FIELDS = ("text", "article", "content", "story", "body", "document", "passage", "context")
_ARTICLE_ID = "article_id"
_BOM = b"\xef\xbb\xbf"
# Books weigh half a megabyte a row: few rows at a time keep memory flat inside a row group too.
_ROWS_AT_A_TIME = 32
_READ_BUFFER_BYTES = 1 << 20


def jsonl_rows(stream: BinaryIO, label: str) -> Iterator[tuple[int, Row]]:
    """Yield the objects of a JSON Lines stream with their line numbers, from 1; blank lines are passed over.

    Raises:
        SourceError: a line is not UTF-8, not JSON, or not an object; it is named by ``label`` and number.
    """
    offset = 0
    for number, line in enumerate(stream, start=1):
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            yield number, _object(decode(line, label, offset), f"{label}, line {number}")
        offset += len(line)


def json_rows(stream: BinaryIO, label: str) -> Iterator[tuple[int, Row]]:
    """Yield the objects of a JSON array, numbered from 1; JSON Lines under this name are read as such.

    The array is held in memory as a whole.
    """
    content = decode(stream.read().removeprefix(_BOM), label, 0)
    if not content.lstrip().startswith("["):
        for number, line in enumerate(content.split("\n"), start=1):
            if line.strip():
                yield number, _object(line, f"{label}, line {number}")
        return
    for number, row in enumerate(_parse(content, label), start=1):
        yield number, _checked(row, f"{label}, item {number}")


def parquet_field(path: Path) -> str:
    """Return the field of a Parquet file that is the text, by its first row.

    Raises:
        SourceError: not a Parquet file, without rows, or no field holds text.
    """
    with reading_parquet(path) as file:
        for batch in file.iter_batches(batch_size=1):
            return choose_text_field(batch.to_pylist()[0], f"{path}, row 1")
        raise SourceError(f"{path}: has no rows; leave it out, or get the file again")


def parquet_rows(path: Path, field: str) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a Parquet file with their numbers, from 1: ``field`` and what tells an article.

    Raises:
        SourceError: not a Parquet file, damaged, or without ``field``.
    """
    with reading_parquet(path) as file:
        columns = file.schema_arrow.names
        if field not in columns:
            raise missing_field(str(path), field, columns)
        wanted = [name for name in (field, _ARTICLE_ID) if name in columns]
        batches = file.iter_batches(batch_size=_ROWS_AT_A_TIME, columns=wanted)
        yield from enumerate((row for batch in batches for row in batch.to_pylist()), start=1)


def row_documents(
    rows: NumberedRows, *, label: str, name: str, field: str | None, seen: set[str | bytes]
) -> Iterator[Document]:
    """Turn rows into documents; rows without text are passed over.

    Question sets such as QuALITY's repeat an article with each of its questions: of rows whose text is
    an ``article``, each article (told by its ``article_id``, else by its text) is used once. Such an
    article may be HTML, in one string or in lines; its tags are stripped.

    Args:
        rows: each with its number.
        label: the file, as errors name it.
        name: the file, as documents are named after it.
        field: which field is the text; None finds it in the first row.
        seen: the articles used so far, kept by the caller across files.

    Raises:
        SourceError: a row lacks the field, or the field holds no text.
    """
    for number, row in rows:
        where = f"{label}, row {number}"
        field = field or choose_text_field(row, where)
        text = _text_of(row, field, where)
        if field == "article":
            article = row.get(_ARTICLE_ID)
            key = xxhash.xxh3_128_digest(text.encode()) if article is None else str(article)
            if key in seen:
                continue
            seen.add(key)
            text = html_to_text(text) if looks_like_html(text) else text
        else:
            article = None
        if text and not text.isspace():
            yield Document(name=f"{name}:{number}" if article is None else str(article), text=text)


def choose_text_field(row: Row, where: str) -> str:
    """Choose the field of ``row`` that is the text: one of the usual names, else the longest string.

    Raises:
        SourceError: no field holds a string.
    """
    for name in _USUAL_FIELDS:
        if name in row and (row[name] is None or _is_text(row[name])):
            return name
    strings = {name: value for name, value in row.items() if isinstance(value, str)}
    if not strings:
        raise SourceError(f"{where}: no field holds text (fields: {_listed(row)}); name one with GLOB#field")
    return max(strings, key=lambda name: len(strings[name]))


def decode(content: bytes, label: str, offset: int) -> str:
    """Decode ``content`` as text.

    Args:
        content: bytes that should be UTF-8.
        label: the file, as errors name it.
        offset: where in the file ``content`` begins, in bytes.

    Raises:
        SourceError: a NUL byte, or one that is not UTF-8; named by its position in the file.
    """
    if b"\0" in content:
        position = offset + content.index(b"\0")
        raise SourceError(
            f"{label}: binary, not text (a NUL byte at byte {position}); give UTF-8 text, "
            "or convert UTF-16 with iconv -f utf-16 -t utf-8"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{label}: not UTF-8 at byte {offset + error.start} (0x{content[error.start]:02x}); "
            "convert it, for example with iconv -f latin1 -t utf-8"
        ) from None


def missing_field(where: str, field: str, fields: Iterable[str]) -> SourceError:
    """Return the error of a row or file without the field that was asked for."""
    return SourceError(f"{where}: no field {field!r} (fields: {_listed(fields)}); name one with GLOB#field")


@contextmanager
def reading_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file to be read page by page within the block.

    Raises:
        SourceError: not a Parquet file, damaged, or a text in it is not UTF-8.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BUFFER_BYTES) as file:
            yield file
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: a text in it is not UTF-8 ({error}); write the file anew") from None
    except (pa.ArrowException, OSError) as error:
        reason = first_line(error)
        raise SourceError(f"{path}: not a Parquet file, or damaged ({reason}); get the file again") from None


def _text_of(row: Row, field: str, where: str) -> str:
    if field not in row:
        raise missing_field(where, field, row)
    value = row[field]
    if value is None:
        return ""
    if not _is_text(value):
        raise SourceError(f"{where}: the field {field!r} is {type(value).__name__}, expected text")
    text = value if isinstance(value, str) else "\n".join(value)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SourceError(
            f"{where}: the field {field!r} has half of a surrogate pair ({text[error.start]!r}); "
            "mend its JSON escape"
        ) from None
    return text


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(line, str) for line in value)
    )


def _object(line: str, where: str) -> Row:
    return _checked(_parse(line, where), where)


def _parse(content: str, where: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{where}: not JSON ({error}); expected one object a line") from None


def _checked(row: object, where: str) -> Row:
    if not isinstance(row, dict):
        raise SourceError(f"{where}: a JSON {type(row).__name__}, expected an object with a text field")
    return row


def _listed(fields: Iterable[str]) -> str:
    return ", ".join(sorted(fields)) or "none"
