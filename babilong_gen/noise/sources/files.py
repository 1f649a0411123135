"""Documents out of a user's own files: ``files:GLOB[#field]``.

One document a text or Markdown file, one a row of JSON Lines, JSON and Parquet. Files come in the order
of their names, rows in theirs, and no more than a few rows or megabytes are in memory at a time.
"""

from __future__ import annotations

import glob
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from babilong_gen.errors import SourceError
from babilong_gen.foreign_files import is_visible, refuse_pointer
from babilong_gen.noise.document import Document
from babilong_gen.noise.sources.rows import (
    decode,
    json_rows,
    jsonl_rows,
    parquet_field,
    parquet_rows,
    row_documents,
)
from babilong_gen.user_paths import check_name

PIECE_BYTES = 32 << 20
"""A text file larger than this becomes several documents, cut at a blank line where there is one."""

_FORMATS = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
# A QuALITY release names its JSON Lines files after the split: QuALITY.v1.0.1.htmlstripped.dev
_QUALITY_FILE = re.compile(r"QuALITY\.v[\d.]+\d(?:\.htmlstripped)?\.(?:train|dev|test)")
_GLOB_SIGNS = re.compile(r"[*?[]")
_FRONT_MATTER = re.compile(r"\A---\r?\n.*?^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_BREAKS = (b"\n\n", b"\r\n\r\n", b".\n", b". ", b"\n", b" ")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFile:
    """A file to read.

    Attributes:
        path: where it lies.
        name: its path below the folder that was named, ``/`` between folders; the same wherever that lies.
    """

    path: Path
    name: str


def split_field(pattern: str) -> tuple[str, str | None]:
    """Split ``GLOB#field``; a ``#`` in a folder's name, or of a file that is there, does not count."""
    head, mark, field = pattern.rpartition("#")
    if not mark or not field or "/" in field or _is_there(pattern):
        return pattern, None
    return head, field


def match_files(pattern: str) -> list[NoiseFile]:
    """Return the files that ``pattern`` names, sorted by name.

    Args:
        pattern: a file, a folder (all readable kinds below it), or a glob (``**`` crosses folders);
            ``~`` is the home folder.

    Raises:
        SourceError: nothing matches, or a file is empty, unreadable or of an unknown kind.
    """
    try:
        files = _matches(Path(pattern).expanduser())
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, no such user, a NUL in the name
        raise SourceError(
            f"cannot look for {pattern!r}: {error}; expected a file, a folder or a glob"
        ) from None
    if not files:
        raise SourceError(f"no file matches {pattern!r}; expected a file, a folder or a glob of {_known()}")
    for file in files:
        check_name(file.path)
        _check(file)
    return files


def file_format(name: str) -> str | None:
    """Return ``text``, ``markdown``, ``jsonl``, ``json`` or ``parquet`` by the file's name; else None."""
    base = PurePosixPath(name).name
    if _QUALITY_FILE.fullmatch(base):
        return "jsonl"
    kind = _FORMATS.get(PurePosixPath(base.removesuffix(".gz")).suffix.lower())
    return None if base.endswith(".gz") and kind == "parquet" else kind


def read_documents(files: Sequence[NoiseFile], field: str | None = None) -> Iterator[Document]:
    """Stream the documents of ``files``.

    Args:
        files: as `match_files` returns them.
        field: the field that holds the text, in formats that have fields; None finds it.

    Raises:
        SourceError: a file is binary, not UTF-8, truncated or damaged, a row is no object or lacks the
            field, or there is no text in any file.
    """
    seen: set[str | bytes] = set()
    found = False
    for file in files:
        for document in _file_documents(file, field, seen):
            found = True
            yield document
    if not found:
        raise SourceError(
            f"no text in {', '.join(str(file.path) for file in files[:3])}: every document is empty"
        )


def _file_documents(file: NoiseFile, field: str | None, seen: set[str | bytes]) -> Iterator[Document]:
    label, kind = str(file.path), file_format(file.name)
    if kind == "parquet":
        field = field or parquet_field(file.path)
        rows = parquet_rows(file.path, field)
        yield from row_documents(rows, label=label, name=file.name, field=field, seen=seen)
        return
    with _opened(file) as stream:
        if kind in ("jsonl", "json"):
            rows = jsonl_rows(stream, label) if kind == "jsonl" else json_rows(stream, label)
            yield from row_documents(rows, label=label, name=file.name, field=field, seen=seen)
        else:
            yield from _text_documents(stream, file, front_matter=kind == "markdown")


def _text_documents(stream: BinaryIO, file: NoiseFile, *, front_matter: bool) -> Iterator[Document]:
    offset = 0
    for number, piece in enumerate(_pieces(stream, PIECE_BYTES), start=1):
        text = decode(piece.removeprefix(_BOM) if offset == 0 else piece, str(file.path), offset)
        if offset == 0 and front_matter:
            text = _FRONT_MATTER.sub("", text, count=1)
        if text and not text.isspace():
            yield Document(name=file.name if number == 1 else f"{file.name}:{number}", text=text)
        offset += len(piece)


def _pieces(stream: BinaryIO, limit: int) -> Iterator[bytes]:
    """Yield the stream in pieces of at most ``limit`` bytes, cut where a reader would pause."""
    rest = b""
    while len(block := rest + stream.read(limit - len(rest))) == limit:
        cut = _pause(block)
        yield block[:cut]
        rest = block[cut:]
    if block:
        yield block


def _pause(block: bytes) -> int:
    for mark in _BREAKS:
        if (cut := block.rfind(mark, len(block) // 2)) > 0:
            return cut + len(mark)
    cut = len(block) - 1
    while cut > 1 and block[cut] & 0xC0 == 0x80:  # the middle of a character
        cut -= 1
    return cut


@contextmanager
def _opened(file: NoiseFile) -> Iterator[BinaryIO]:
    """Open a file, unpacked where it is gzip; what goes wrong while reading is told in one line."""
    try:
        with file.path.open("rb") as raw:
            if file.name.endswith(".gz"):
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield cast("BinaryIO", unpacked)
            else:
                yield raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{file.path}: truncated or damaged gzip ({error}); get the file again") from None
    except OSError as error:
        raise SourceError(f"cannot read {file.path}: {error.strerror or error}") from None


def _matches(path: Path) -> list[NoiseFile]:
    if path.is_file():
        return [NoiseFile(path=path, name=path.name)]
    if path.is_dir():
        return [file for file in _glob(path, "**/*") if file_format(file.name)]
    fixed = len(list(_until_glob(path.parts)))
    return _glob(Path(*path.parts[:fixed]), str(Path(*path.parts[fixed:])))


def _glob(root: Path, pattern: str) -> list[NoiseFile]:
    # Not Path.glob, which shows hidden files.
    matches = glob.iglob(pattern, root_dir=root, recursive=True)  # noqa: PTH207
    names = sorted(match for match in map(str, map(PurePosixPath, matches)) if is_visible(match))
    return [NoiseFile(path=root / name, name=name) for name in names if (root / name).is_file()]


def _until_glob(parts: Sequence[str]) -> Iterator[str]:
    for part in parts:
        if _GLOB_SIGNS.search(part):
            return
        yield part


def _is_there(pattern: str) -> bool:
    try:
        return Path(pattern).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False


def _check(file: NoiseFile) -> None:
    if file_format(file.name) is None:
        raise SourceError(
            f"{file.path}: unknown kind of file; expected {_known()}; narrow the glob to leave it out"
        )
    try:
        size = file.path.stat().st_size
    except OSError as error:
        raise SourceError(f"cannot read {file.path}: {error.strerror}") from None
    if size == 0:
        raise SourceError(f"{file.path}: empty file; expected text; narrow the glob to leave it out")
    refuse_pointer(file.path)


def _known() -> str:
    return ", ".join(_FORMATS) + " (text and JSON also as .gz)"
