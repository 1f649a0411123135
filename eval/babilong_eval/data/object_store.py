"""Files of a dataset in an object store, brought here one by one when they are needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import fsspec

from babilong_gen.errors import SourceError
from babilong_gen.prepare import default_cache
from babilong_gen.write.folder import Folder, file_sizes, reaching

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFolder:
    """A dataset's folder in a store.

    Attributes:
        names: its files.
        fetch: brings one of them into our cache folder, where it is not there yet, and says where it lies.
        fingerprint: equal for equal names and sizes.
    """

    names: Sequence[str]
    fetch: Callable[[str], Path]
    fingerprint: str


def find(folder: Folder) -> StoredFolder:
    """Look up what a folder of a store holds.

    Raises:
        SourceError: nothing is there.
        OutputError: the store refuses, or does not answer.
    """
    with reaching(folder, "read", "check its name, and that you may read it"):
        sizes = file_sizes(folder, "**")
    if not sizes:
        raise SourceError(f"{folder}: there is nothing; expected the folder of a dataset")
    return StoredFolder(
        names=list(sizes),
        fetch=partial(_fetch, folder),
        fingerprint=hashlib.sha256(repr(sorted(sizes.items())).encode()).hexdigest(),
    )


def _fetch(folder: Folder, name: str) -> Path:
    place = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    options = {
        "cache_storage": str(default_cache() / "stores" / place),
        "cache_mapper": _local_name,
        "check_files": True,
    }
    with reaching(folder, "read", "check that you may read it, and try again"):
        (local,) = fsspec.open_local([f"filecache::{folder}/{name}"], filecache=options)
    return Path(local)


def _local_name(path: str) -> str:
    """What a file is called here: its suffix says how it is read."""
    return hashlib.sha256(path.encode()).hexdigest() + PurePosixPath(path).suffix
