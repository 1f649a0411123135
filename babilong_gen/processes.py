"""Work shared out to other processes on this machine, which know nothing of the program that calls us.

`multiprocessing` has a new process import the caller's main module, so that a script without a guard starts
itself again in there; and it hands things over through a pipe of which it keeps both ends, so that it waits
for ever on a process that dies at its start. Here a process is a Python of its own, fed pickles on its
standard input: it runs no line of the caller's, and whenever it dies, its pipes close and the caller knows.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, BinaryIO, NoReturn, TypeVar, cast

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")

Report = Callable[[int], None]
Start = Callable[[Shared], Callable[[Item, Report], Result]]

_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from babilong_gen.processes import serve; serve()"

_SECONDS_TO_CLEAN_UP = 30


class WorkerDiedError(Exception):
    """A process ended before its work was done.

    Attributes:
        how: its exit code or signal, in words.
    """

    def __init__(self, code: int) -> None:
        self.how = f"signal {-code}" if code < 0 else f"exit code {code}"
        super().__init__(f"a worker process died ({self.how})")


def in_processes(
    start: Start[Shared, Item, Result],
    shared: Shared,
    items: Sequence[Item],
    *,
    workers: int,
    report: Report,
) -> Iterator[tuple[Item, Result]]:
    """Do each item in one of several processes; yield it with its result as soon as it is done.

    Args:
        start: a function of a module, called once per process with `shared`; what it returns is called
            with each item, and with a function that passes counts on to `report`.
        shared, items: anything that can be pickled.
        report: called in this process, between two results.

    Raises:
        WorkerDiedError: a process was killed, or could not even begin.
        Exception: what `start` or an item raised; the others are ended before it comes out.
    """
    waiting: SimpleQueue[Item] = SimpleQueue()
    for item in items:
        waiting.put(item)
    news: SimpleQueue[_News] = SimpleQueue()
    job = pickle.dumps((start, shared))
    processes: list[subprocess.Popen[bytes]] = []
    threads: list[Thread] = []
    try:
        for _ in range(min(workers, len(items))):
            processes.append(_started())
            threads.append(Thread(target=_feed, args=(processes[-1], job, waiting, news), daemon=True))
            threads[-1].start()
        missing = len(items)
        while missing:
            match news.get():
                case _Count(count):
                    report(count)
                case _Done(result, item):
                    missing -= 1
                    yield cast(Item, item), cast(Result, result)
                case _Failed(error):
                    raise error
    finally:
        _end(processes)
        for thread in threads:
            thread.join()


@dataclass(frozen=True, slots=True)
class _Count:
    count: int


@dataclass(frozen=True, slots=True)
class _Done:
    result: object
    item: object = None


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


_News = _Count | _Done | _Failed


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _PROGRAM, *sys.path]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _feed(
    process: subprocess.Popen[bytes], job: bytes, waiting: SimpleQueue[Any], news: SimpleQueue[_News]
) -> None:
    """Give a process one item after the other, and pass on what it says; closing its input ends it."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with process.stdin, process.stdout:
            process.stdin.write(job)
            while True:
                try:
                    item = waiting.get_nowait()
                except Empty:
                    return
                pickle.dump(item, process.stdin)
                process.stdin.flush()
                while isinstance(said := pickle.load(process.stdout), _Count):
                    news.put(said)
                news.put(_Done(said.result, item) if isinstance(said, _Done) else said)
    except (OSError, EOFError, pickle.UnpicklingError):
        news.put(_Failed(WorkerDiedError(process.wait())))


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End processes, those at work too; each is given the time to remove what it has half-written."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(_SECONDS_TO_CLEAN_UP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def serve() -> None:
    """Run a worker process: read a job and its items from standard input, answer on standard output."""
    try:
        _serve()
    except SystemExit:  # the caller has ended us
        pass
    except BaseException:
        traceback.print_exc()
    # An ordinary exit trips over the thread that waits for input.
    os._exit(1)


def _serve() -> None:
    # The caller ends us itself when it is interrupted; a terminal interrupts both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what any library prints must not come between the answers
    start, shared = pickle.load(sys.stdin.buffer)
    items: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_read, args=(sys.stdin.buffer, items), daemon=True).start()
    try:
        _work(start, shared, items, answers)
    except SystemExit:  # of the signal, after what was half-written is removed
        os._exit(1)  # the thread still holds standard input's lock, on which an ordinary exit would stumble


def _work(
    start: Start[Any, Any, object], shared: object, items: SimpleQueue[Any], answers: BinaryIO
) -> NoReturn:
    started: Callable[[Any, Report], object] | None = None
    while True:
        item = items.get()
        try:
            do = started = started or start(shared)
            _say(answers, _Done(do(item, lambda count: _say(answers, _Count(count)))))
        except Exception as error:
            error.add_note("".join(traceback.format_exception(error)))
            _say(answers, _Failed(error))


def _read(source: BinaryIO, items: SimpleQueue[Any]) -> None:
    """Read items while this process works; its input closes when no work is left, or the caller is gone."""
    try:
        while True:
            items.put(pickle.load(source))
    except EOFError:
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _say(answers: BinaryIO, what: _News) -> None:
    try:
        pickled = pickle.dumps(what)
    except Exception:  # an error that holds something of its own
        pickled = pickle.dumps(_Failed(RuntimeError(repr(what))))
    answers.write(pickled)
    answers.flush()
