"""A folder that is there whole or not at all."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from babilong_gen.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Gives a folder beside `out` to write into, which takes its place when the block ends well.

    Raises:
        OutputError: something is in `out` already, or the disk or its permissions do not allow it.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is there already: name a new folder, or remove this one first")
    partial = out.with_name(f".{out.name}.partial")
    try:
        if partial.exists():  # of an export that was killed
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
        yield partial
        if out.exists():
            out.rmdir()
        partial.rename(out)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
