"""Fails a test in which a call of ours, or of a test, uses what a library is about to take away.

Python attributes a deprecation warning to some frame up the stack, often inside `torch.nn`. Here a warning is
ours where the library that raises it was called by us, with nothing but passing on in between. Libraries that
warn of each other's calls are theirs to mend. Messages in the log of `transformers` count like warnings.
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_OURS = {"babilong_eval", "babilong_gen", "tests"}
_KINDS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
# Modules that only pass a call on.
_BETWEEN = {
    "contextlib",
    "functools",
    "torch.nn.modules.module",
    "torch.utils._contextlib",
    "typing_extensions",
    "warnings",
}

_found: list[str] = []
_warn = warnings.warn


@pytest.fixture(autouse=True)
def no_deprecated_calls() -> Iterator[None]:
    """Nothing that a test, or a fixture it waited for, has called is about to be taken away."""
    yield
    found = _found.copy()
    _found.clear()
    assert not found, "our own calls are deprecated: " + "; ".join(found)


def called_by_us(frame: FrameType | None) -> bool:
    """Whether the library whose code a frame runs was called by us."""
    library: str | None = None
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module not in _BETWEEN:
            package = module.partition(".")[0]
            library = library or package
            if package != library or package in _OURS:
                return package in _OURS
        frame = frame.f_back
    return False


def _watched_warn(
    message: Warning | str,
    category: type[Warning] | None = None,
    stacklevel: int = 1,
    *rest: Any,
    **more: Any,
) -> None:
    kind = type(message) if isinstance(message, Warning) else category or UserWarning
    if issubclass(kind, _KINDS) and called_by_us(sys._getframe(1)):
        _found.append(f"{kind.__name__}: {message}")
    _warn(message, category, stacklevel + 1, *rest, **more)


class _Log(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_globals.get("__name__") == "logging":
            frame = frame.f_back
        if "deprecated" in record.getMessage() and called_by_us(frame):
            _found.append(record.getMessage())


warnings.warn = _watched_warn
logging.getLogger("transformers").addHandler(_Log())
