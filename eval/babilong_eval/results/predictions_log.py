"""The predictions of a run as they are made: one JSON object a line, appended and never rewritten.

A line is on the disk (fsync) before the next sample is taken, so a run that is killed loses at most the
samples it was working on, and goes on with those when it is started again. A line that was being written
when the machine stopped lacks its end and is cut off. Each process of a run writes a log of its own, and
reads all.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from filelock import FileLock, Timeout

from babilong_eval.results.records import Prediction
from babilong_gen.errors import OutputError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: a prediction, where it belongs, and what it cost.

    Attributes:
        index: the sample's row within (task, length).
        peak_memory_bytes: the most that was held while the sample was worked on.
    """

    task: str
    length: str
    index: int
    prediction: Prediction
    peak_memory_bytes: int | None = None

    @property
    def key(self) -> Key:
        """What says which sample it is about."""
        return self.task, self.length, self.index


@contextmanager
def open_log(folder: Path, rank: int = 0) -> Iterator[Callable[[Entry], None]]:
    """Opens the log of one process; gives the function that appends an entry and returns once it is on disk.

    Raises:
        OutputError: another process writes to this log, or the disk is full.
    """
    path = folder / _name(rank)
    lock = FileLock(folder / f".{path.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(
            f"{path}: another run is writing to it; wait for it, or use another folder"
        ) from error
    with lock:
        _cut_torn_line(path)
        with path.open("ab") as file:
            yield partial(_append, file)


def read_entries(folder: Path) -> dict[Key, Entry]:
    """What all logs of a folder say of each sample: its last answer, or where it has none its last failure.

    Raises:
        SourceError: a line in the middle of a log is not an entry.
    """
    entries: dict[Key, Entry] = {}
    for path in sorted(folder.glob(_name("*"))):
        for entry in _read(path):
            known = entries.get(entry.key)
            if known is None or known.prediction.error or not entry.prediction.error:
                entries[entry.key] = entry
    return entries


def _name(rank: int | str) -> str:
    return f"predictions-{rank}.jsonl"


def _append(file: BinaryIO, entry: Entry) -> None:
    try:
        file.write(json.dumps(asdict(entry)).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"{file.name}: cannot be written ({error.strerror})") from error


def _read(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return  # torn, or being written this moment by another process
            try:
                values = json.loads(line)
                told = values.pop("prediction")
                told["supporting"] = tuple(told["supporting"])
                yield Entry(prediction=Prediction(**told), **values)
            except (ValueError, TypeError, KeyError) as error:
                raise SourceError(f"{path}: line {number} is not a prediction ({error})") from error


def _cut_torn_line(path: Path) -> None:
    if path.exists():
        with path.open("r+b") as file:
            file.truncate(_end_of_whole_lines(file))


def _end_of_whole_lines(file: BinaryIO, chunk: int = 1 << 16) -> int:
    """The place behind the last line's end, searched from the end of the file."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - chunk)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
