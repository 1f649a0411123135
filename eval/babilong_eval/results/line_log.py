"""A log of JSON lines that only grows: what was written stays whole, whatever stops the process.

The line that was being written when a machine stopped lacks its end. Readers leave it out, and the next
writer cuts it off.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, BinaryIO

from babilong_gen.errors import not_written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class LineLog:
    """A log that is open for appending."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab+")
        self._file.truncate(_end_of_whole_lines(self._file))

    def append(self, record: Mapping[str, Any], *, sync: bool = False) -> None:
        """Write one line; with `sync` it is on the disk afterwards, and all before it.

        Raises:
            OutputError: the disk is full, or its permissions do not allow it.
        """
        self._write(json.dumps(record).encode() + b"\n", sync=sync)

    def sync(self) -> None:
        """Force what was written to the disk; errors as for `append`."""
        self._write(b"", sync=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, data: bytes, *, sync: bool) -> None:
        try:
            self._file.write(data)
            if sync:
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as error:
            raise not_written(self._file.name, error) from error


def whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a log, without one that is torn or being written at the moment."""
    with path.open("rb") as file:
        yield from (line for line in file if line.endswith(b"\n"))


def _end_of_whole_lines(file: BinaryIO, chunk: int = 1 << 16) -> int:
    """Return the place after the last line's end, searched from the end of the file."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - chunk)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
