"""Files and folders that are there whole or not at all: written under another name, then renamed."""

from __future__ import annotations

import os
import platform
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from babilong_gen.errors import OutputError, not_written
from babilong_gen.foreign_files import is_leftover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def renaming(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, for a file that takes its place when the block ends well.

    Otherwise what lay there still lies there. Machines that share the folder have different temporary names.
    """
    machine = platform.node().partition(".")[0]
    temporary = path.with_name(f".{path.name}.{machine}-{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Like `renaming`, and forced to the disk first: what it replaces may be hours of training.

    Missing folders are made.

    Raises:
        OutputError: the disk or its permissions do not allow it; what lay at `path` is then still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with renaming(path) as temporary:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
    except OSError as error:
        raise not_written(path, error) from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file by `whole_file`.

    Raises:
        OutputError: the disk or its permissions do not allow it.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` to write into, which takes its place when the block ends well.

    Raises:
        OutputError: something is in `out` already, or the disk or its permissions do not allow it.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or not all(map(is_leftover, out.iterdir()))):
        raise OutputError(f"{out} is there already: name a new folder, or remove this one first")
    partial = out.with_name(f".{out.name}.partial")
    try:
        if partial.exists():  # left by an earlier run that was killed
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
        yield partial
        if out.exists():
            for leftover in filter(is_leftover, out.iterdir()):
                leftover.unlink()
            out.rmdir()
        partial.rename(out)
    except OSError as error:
        raise not_written(out, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
