"""A dataset's folder: on this machine, or wherever fsspec goes.

A local folder is a `pathlib.Path`, any other a `UPath`, which answers to the same calls. Here is what they
have no word for: files that are there whole or not at all, and what to tell a user whose store refuses.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from fsspec.spec import AbstractBufferedFile
from upath import UPath
from upath.implementations.cloud import CloudPath

from babilong_gen.atomic import renaming
from babilong_gen.errors import OutputError, UsageError
from babilong_gen.network import store_fault
from babilong_gen.redaction import keep_passwords, redacted
from babilong_gen.user_paths import user_path

Folder = Path | UPath

# Stores take at most 10,000 parts of a file, so 80 GB fit; a few copies of a part are held in memory.
_PART_BYTES = 8 << 20
_READ_BYTES = 1 << 20

# Stores whose URLs begin with a bucket's name; others may begin with a user's.
_BUCKETS = ("s3", "s3a", "gs", "gcs")

# What drivers raise besides OSError: module and class. One that is not loaded raises nothing.
_DRIVER_ERRORS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("gcsfs.retry", "HttpError"),
    ("aiohttp", "ClientError"),
)


def open_folder(location: str | Folder) -> Folder:
    """Open the folder that a user names: a path, or a URL such as `s3://bucket/out`; nothing is read yet.

    One that is open already comes back as it is.

    Raises:
        UsageError: no driver is known for the URL, or it is not installed, or the URL holds what its store
            does not take, or the environment gives the store an impossible address.
        OutputError: the driver connects at once, and nothing answers.
    """
    if not isinstance(location, str):
        return location
    protocol, separator, path = location.partition("://")
    if not separator:
        return user_path(location)
    if protocol in ("file", "local"):
        return Path(path)
    keep_passwords(location)
    if protocol in _BUCKETS and "@" in path.partition("/")[0]:
        raise UsageError(
            f"{redacted(location)}: {protocol} takes no user or password in its URL: expected one as "
            f"{protocol}://bucket/out, and the rights where its driver looks, such as AWS_SECRET_ACCESS_KEY"
        )
    if fault := store_fault(protocol):
        raise UsageError(f"{redacted(location)} cannot be reached: {fault}")
    try:
        # Other machines write to the same folder: what was listed a moment ago may have changed.
        folder = UPath(location, use_listings_cache=False)
        _ = folder.fs
    except ImportError as missing:
        driver = getattr(missing.__cause__ or missing, "name", None) or protocol
        raise UsageError(
            f"{redacted(location)}: no driver for {protocol} is installed: pip install {driver}"
        ) from missing
    except ValueError as unknown:
        raise UsageError(
            redacted(f"{location}: {unknown}; expected a folder, or a URL as in s3://bucket/out")
        ) from None
    except OSError as refused:
        reason = refused.strerror or str(refused) or type(refused).__name__
        raise OutputError(redacted(f"{location} cannot be reached ({reason}): is the server up?")) from None
    return folder


def in_this_process(folder: Folder) -> bool:
    """Return whether no other process sees the folder."""
    return isinstance(folder, UPath) and folder.protocol == "memory"


@contextlib.contextmanager
def reaching(folder: Folder, wanted: str, remedy: str) -> Iterator[None]:
    """Tell what a disk or a store refuses in one line.

    Args:
        wanted: what cannot be done then, as in `written`.
        remedy: what the user may do about it.

    Raises:
        OutputError: the folder could not be read or written.
    """
    try:
        yield
    except _refusals() as refused:
        reason = getattr(refused, "strerror", None) or str(refused) or type(refused).__name__
        raise OutputError(redacted(f"{folder} cannot be {wanted} ({reason}): {remedy}")) from None


def make_folder(folder: Folder) -> None:
    """Make a folder where folders have to be made: to make one in an object store could make a bucket."""
    if not isinstance(folder, CloudPath):
        folder.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def writing(path: Folder) -> Iterator[BinaryIO]:
    """Open a new file that is there, whole, when the block ends well, and otherwise as if never begun."""
    make_folder(path.parent)
    with _opened(path) if isinstance(path, Path) else _uploading(path) as file:
        yield file


def write_atomically(path: Folder, text: str) -> None:
    """Write a text file that is there whole or not at all."""
    with writing(path) as file:
        file.write(text.encode())


def sha256(file: BinaryIO) -> str:
    """Return the SHA-256, in hex, of the rest of an open file."""
    state = hashlib.sha256()
    for block in iter(lambda: file.read(_READ_BYTES), b""):
        state.update(block)
    return state.hexdigest()


def file_sizes(folder: Folder, pattern: str) -> dict[str, int]:
    """Return the bytes of each file that matches a pattern, by its path relative to the folder; sorted."""
    if isinstance(folder, Path):
        files = (path for path in folder.glob(pattern) if path.is_file())
        found = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    else:
        root = folder.path.rstrip("/") + "/"
        listed = cast(dict, folder.fs.glob(root + pattern, detail=True))
        objects = {name: about["size"] for name, about in listed.items() if about["type"] == "file"}
        # a web server's page of links has no sizes
        found = {
            name.removeprefix(root): int(size if size is not None else folder.fs.size(name) or 0)
            for name, size in objects.items()
        }
    return dict(sorted(found.items()))


def remove_file(path: Folder) -> None:
    """Remove a file that is there."""
    if isinstance(path, Path):
        path.unlink(missing_ok=True)
    else:
        path.fs.rm(path.path)


def leftovers(folder: Folder, pattern: str) -> list[tuple[Path, Path]]:
    """Find what killed runs left half-written: what each file was to be, and the file. Stores show none.

    Args:
        pattern: of the folders in this one to look into.
    """
    found = folder.glob(f"{pattern}/.*.tmp") if isinstance(folder, Path) else ()
    return [(path.with_name(path.name[1:].rsplit(".", 2)[0]), path) for path in found]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with renaming(path) as temporary, temporary.open("wb") as file:
        yield file


@contextlib.contextmanager
def _uploading(path: UPath) -> Iterator[BinaryIO]:
    """Send a file in parts, which the store makes one object of at the end."""
    # Files of the Hub appear when they are closed; it has no transactions beyond that.
    with contextlib.nullcontext() if path.protocol == "hf" else path.fs.transaction:
        file = path.fs.open(path.path, "wb", block_size=_PART_BYTES)
        try:
            yield cast(BinaryIO, file)
            file.close()
        finally:
            # An abandoned file would send its rest, and appear, when it is collected.
            if isinstance(file, AbstractBufferedFile):
                file.closed = True


def _refusals() -> tuple[type[BaseException], ...]:
    loaded = [(sys.modules.get(module), name) for module, name in _DRIVER_ERRORS]
    return (
        OSError,
        NotImplementedError,  # of drivers that only read, such as that of http
        *(getattr(module, name) for module, name in loaded if module is not None),
    )
