"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from babilong_gen.errors import OutputError
from babilong_gen.renaming import renaming

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name, force it to the disk, and put it in its place.

    Folders that lack are made. Raises OutputError where the disk or its permissions do not allow it.
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """As `renaming`, and on the disk before it is in place: what it replaces may be hours of training.

    Raises OutputError where the disk or its permissions do not allow it; what lay at `path` is then still
    there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with renaming(path) as temporary:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
