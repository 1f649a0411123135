"""The command line as a test gives it: in a process of its own, or within this one, which spares its start.

Within this one it is the same `main`, and finds arguments, variables, streams, warnings and log as a new
process does, and no secret that another test announced; what it leaves behind is put back. Imports stay, and
what modules have cached. Commands are put together anew each time, since typer changes the defaults of
options as it prints their help.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TextIO
from unittest.mock import patch

MAIN = "from babilong_eval.cli import main; main()"

# As where pandas is not installed: pyarrow would load it for its first array, longer than all else takes.
WITHOUT_PANDAS = """
import sys

class NoPandas:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")

sys.meta_path.insert(0, NoPandas())
from babilong_eval.cli import main
main()
"""
_GENERATES = ("generate", "push", "verify")

_Done = subprocess.CompletedProcess[str]

# Streams for good: a logger keeps the one it was made with. They lead to wherever 1 and 2 lead at the time.
_STREAMS: Mapping[str, TextIO] = {
    "stdout": os.fdopen(1, "w", encoding="utf-8", closefd=False),
    "stderr": os.fdopen(2, "w", encoding="utf-8", closefd=False, errors="backslashreplace", buffering=1),
}
# As in an interpreter that is given no filter.
_NOT_SHOWN = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


def run_apart(arguments: Sequence[str], environment: Mapping[str, str]) -> _Done:
    """Run `babilong` in a process of its own, as a user does; `environment` holds all its variables."""
    program = WITHOUT_PANDAS if arguments[0] in _GENERATES else MAIN
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)


def run_here(arguments: Sequence[str], environment: Mapping[str, str]) -> _Done:
    """Run `babilong` within this process; the same, unless a library has to start with these variables."""
    from babilong_eval.cli import main

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with (
            _arguments(arguments),
            _environment(environment),
            patch.dict("babilong_gen.redaction._announced", clear=True),
            _streams(out, err),
            _log(),
            _warnings(),
            _torch(),
        ):
            code = _exit_code(main)
        stdout, stderr = (_content(file) for file in (out, err))
    return subprocess.CompletedProcess(["babilong", *arguments], code, stdout, stderr)


def _exit_code(main: Callable[[], None]) -> int:
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@contextmanager
def _arguments(arguments: Sequence[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = ["-c", *arguments]  # as `run_apart` has it
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _environment(environment: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    try:
        _set_environment(environment)
        yield
    finally:
        _set_environment(before)


def _set_environment(environment: Mapping[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)


@contextmanager
def _streams(out: IO[bytes], err: IO[bytes]) -> Iterator[None]:
    """Lead standard output and error into files, also those of worker processes and of compiled code."""
    before = sys.stdout, sys.stderr
    for stream in before:
        stream.flush()
    kept = os.dup(1), os.dup(2)
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout, sys.stderr = _STREAMS["stdout"], _STREAMS["stderr"]
        yield
    finally:
        for stream in _STREAMS.values():
            stream.flush()
        sys.stdout, sys.stderr = before
        for descriptor, saved in enumerate(kept, start=1):
            os.dup2(saved, descriptor)
            os.close(saved)


@contextmanager
def _log() -> Iterator[None]:
    """No handlers but those of libraries, which write to standard error as it is now."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    for logger in logging.root.manager.loggerDict.values():
        for handler in getattr(logger, "handlers", ()):
            if type(handler) is logging.StreamHandler:
                # not setStream, which would flush the stream before: a test that is over may have closed it
                handler.stream = _STREAMS["stderr"]
    try:
        yield
    finally:
        root.handlers = before


@contextmanager
def _warnings() -> Iterator[None]:
    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int,
        file: TextIO | None = None, line: str | None = None,
    ) -> None:  # fmt: skip
        if not issubclass(category, _NOT_SHOWN):
            (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def _torch() -> Iterator[None]:
    """Put back where torch's generator stood, and how many threads it takes."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_rng_state(), torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_rng_state(before[0])
        torch.set_num_threads(before[1])
