"""Files of a dataset in an object store, brought here one by one when they are needed."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path, PurePosixPath

import fsspec

from babilong_eval.data.layout import StoredFiles
from babilong_gen.errors import SourceError
from babilong_gen.foreign_files import is_visible
from babilong_gen.prepare import default_cache
from babilong_gen.write.folder import Folder, file_sizes, reaching
from babilong_gen.write.manifest import UNFINISHED


def find(folder: Folder) -> StoredFiles:
    """Look up what a folder of a store holds; files are fetched into our cache folder.

    Raises:
        SourceError: the folder is empty.
        OutputError: the store refuses, or does not answer.
    """
    with reaching(folder, "read", "check its name, and that you may read it"):
        found = file_sizes(folder, "**").items()
        sizes = {name: size for name, size in found if is_visible(name) or name == UNFINISHED}
    if not sizes:
        raise SourceError(f"{folder}: nothing there; expected the folder of a dataset")
    return StoredFiles(
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
    """Return what a file is called here: its suffix says how it is read."""
    return hashlib.sha256(path.encode()).hexdigest() + PurePosixPath(path).suffix
