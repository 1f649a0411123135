"""A file takes its place when it is whole."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def renaming(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, for a file that takes its place when the block has ended well.

    Otherwise what lay there still lies there. Machines that share the folder have different temporary names.
    """
    machine = platform.node().partition(".")[0]
    temporary = path.with_name(f".{path.name}.{machine}-{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
