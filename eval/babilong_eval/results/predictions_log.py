"""The predictions of a run as they are made: one JSON object per line, appended and never rewritten.

A line is on the disk (fsync) before the next sample is taken, so a run that is killed loses at most the
samples it was working on, and continues with those when it is started again. Each process of a run writes a
log of its own, and reads all.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from babilong_eval.results.line_log import LineLog, whole_lines
from babilong_eval.results.records import Prediction
from babilong_gen.errors import OutputError, SourceError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedPrediction:
    """One line: a prediction, the sample it is about, and what it cost.

    Attributes:
        index: the sample's row within (task, length) when it was asked about.
        peak_memory_bytes: the most memory in use while the sample was worked on.
    """

    task: str
    length: str
    index: int
    prediction: Prediction
    peak_memory_bytes: int | None = None

    @property
    def key(self) -> Key:
        """The sample that it is about, by its id: where it stood in the dataset may change."""
        sample_id = self.prediction.sample_id or f"{self.task}/{self.length}/{self.index:06d}"
        return self.task, self.length, sample_id


_LINE = TypeAdapter(LoggedPrediction)


@contextmanager
def open_log(folder: Path, rank: int = 0) -> Iterator[Callable[[LoggedPrediction], None]]:
    """Open the log of one process; give a function that appends a prediction and forces it to the disk.

    Raises:
        OutputError: another process writes to this log, or the disk is full.
    """
    path = folder / _name(rank)
    try:
        held = _lock(path).acquire(timeout=0)
    except Timeout as error:
        raise OutputError(
            f"{path}: another run is writing to it; wait for it, or use another folder"
        ) from error
    with held, closing(LineLog(path)) as log:
        yield lambda line: log.append(asdict(line), sync=True)


def read_logs(folder: Path) -> dict[Key, LoggedPrediction]:
    """Return from all logs of a folder each sample's last answer, or its last failure if it has no answer.

    Raises:
        SourceError: a line in the middle of a log is not a prediction.
    """
    found: dict[Key, LoggedPrediction] = {}
    for path in sorted(folder.glob(_name("*"))):
        for line in _read(path):
            known = found.get(line.key)
            if known is None or known.prediction.error or not line.prediction.error:
                found[line.key] = line
    return found


def discard_failures(folder: Path) -> bool:
    """Remove the logs of a folder, and what was written from them, if they hold no answer.

    Returns:
        Whether they are gone; they stay where there is an answer, and while a process writes to one of them.
    """
    lines, logs = read_logs(folder), sorted(folder.glob(_name("*")))
    if any(not line.prediction.error for line in lines.values()):
        return False
    try:
        with ExitStack() as locks:
            for path in logs:
                locks.enter_context(_lock(path).acquire(timeout=0))
            for path in logs:
                path.unlink()
    except Timeout:
        return False
    for task, length in {(task, length) for task, length, _ in lines}:
        for path in folder.glob(f"{task}_{length}_*.csv"):
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)
    return True


def _lock(log: Path) -> FileLock:
    """Return the lock that a process holds while it writes to a log."""
    return FileLock(log.with_name(f".{log.name}.lock"))


def _name(rank: int | str) -> str:
    return f"predictions-{rank}.jsonl"


def _read(path: Path) -> Iterator[LoggedPrediction]:
    for number, line in enumerate(whole_lines(path), start=1):
        try:
            # not validate_json: a model can put out half a surrogate pair, which that refuses
            yield _LINE.validate_python(json.loads(line))
        except ValueError as error:
            raise SourceError(f"{path}: line {number} is not a prediction ({first_line(error)})") from error
