"""Files that lie where data should and are none: what systems and editors leave behind, Git LFS pointers."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from babilong_gen.errors import SourceError

if TYPE_CHECKING:
    from upath import UPath

_MAC_ARCHIVE = "__MACOSX"
_POINTER = b"version https://git-lfs.github.com/spec/"


def is_visible(name: str | PurePath) -> bool:
    """Return whether a path below a folder is meant to be read there.

    Hidden files and folders are not (`.ipynb_checkpoints`, `._qa1.csv`, `.cache`), nor `__MACOSX`.
    """
    return not any(
        (part.startswith(".") and part not in (".", "..")) or part == _MAC_ARCHIVE
        for part in PurePath(name).parts
    )


def is_leftover(path: Path | UPath) -> bool:
    """Return whether a folder with only this counts as empty: `.DS_Store`, an empty `.gitkeep`."""
    if path.name in (".DS_Store", ".localized", "Thumbs.db", "desktop.ini"):
        return True
    return path.name in (".gitkeep", ".keep") and path.is_file() and path.stat().st_size == 0


def refuse_pointer(path: Path) -> None:
    """Refuse a file in whose place Git has left a pointer to it.

    Raises:
        SourceError: it is a Git LFS pointer.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_POINTER))
    except OSError:
        return  # the file's own reader says it better
    if start == _POINTER:
        raise SourceError(
            f"{path}: a Git LFS pointer, not the file itself; run `git lfs pull` in its repository"
        )
