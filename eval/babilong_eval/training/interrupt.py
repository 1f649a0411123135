"""Ctrl-C that waits for the end of a step, so that a run can be saved and continued to the same log."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether Ctrl-C was pressed in the block; pressed again, it acts at once.

    Where a program handles or ignores the signal itself, that stays as it is.
    """
    is_pressed = False

    def note(*_: object) -> None:
        nonlocal is_pressed
        is_pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    in_main_thread = threading.current_thread() is threading.main_thread()
    handles = in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if handles:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: is_pressed
    finally:
        if handles:
            signal.signal(signal.SIGINT, signal.default_int_handler)
