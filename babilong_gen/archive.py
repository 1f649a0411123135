"""Reads the files inside an archive without ever unpacking it.

Nothing is written to disk, so a member named ``../../x`` or ``/etc/x``, or a link that points out of
the archive, has nowhere to land. Such members are refused or passed over all the same, because an
archive that holds them is not the release it claims to be.
"""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from babilong_gen.errors import SourceError
from babilong_gen.foreign_files import refuse_pointer

MEMBER_LIMIT_BYTES = 1 << 30
TOTAL_LIMIT_BYTES = 8 << 30

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 1 << 20
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError)


def _any_name(_: str) -> bool:
    return True


def tar_members(path: Path, wanted: Callable[[str], bool] = _any_name) -> Iterator[tuple[str, bytes]]:
    """Yield the regular files of a ``.tar`` or ``.tar.gz``, in the archive's order, one at a time in memory.

    Folders, links and devices are passed over, as are the ``._*`` shadows that macOS adds. The archive
    is read to its very end, so that a damaged gzip is noticed by its checksum even where the last
    wanted file came out whole.

    Args:
        path: the archive.
        wanted: says by a member's name (``/`` between folders, no leading ``./``) whether to read it.

    Yields:
        A member's name and its bytes.

    Raises:
        SourceError: no such file, not a tar archive, truncated or damaged, a member whose name leads
            out of the archive, or one larger than ``MEMBER_LIMIT_BYTES``.
    """
    refuse_pointer(path)
    try:
        with _open_maybe_gzip(path) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            total = 0
            for member in archive:
                name = _inner_name(path, member.name)
                total += member.size
                _check_size(path, name, member.size, total)
                if member.isreg() and wanted(name) and not _is_mac_shadow(name):
                    content = archive.extractfile(member)
                    assert content is not None, "a regular member always has content"
                    yield name, content.read()
            while stream.read(_CHUNK_BYTES):
                pass
    except _BROKEN as error:
        raise _broken(path, "tar archive", error) from None
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from None


def zip_members(path: Path, wanted: Callable[[str], bool] = _any_name) -> Iterator[tuple[str, bytes]]:
    """Yield the regular files of a ``.zip``, in the archive's order, one at a time in memory.

    Args, yields and errors are those of `tar_members`; an encrypted member is an error too.
    """
    with _opened_zip(path) as archive:
        for name, member in _regular_files(path, archive):
            if wanted(name):
                yield name, archive.read(member)


def zip_names(path: Path) -> list[str]:
    """Return the names under which `zip_members` gives the files of a ``.zip``."""
    with _opened_zip(path) as archive:
        return [name for name, _ in _regular_files(path, archive)]


@contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    refuse_pointer(path)
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _BROKEN as error:
        raise _broken(path, "zip archive", error) from None
    except (RuntimeError, NotImplementedError) as error:  # zipfile's way to say "encrypted", "unknown method"
        raise SourceError(
            f"{path}: cannot be unpacked ({error}); give an archive without a password"
        ) from None
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from None


def _regular_files(path: Path, archive: zipfile.ZipFile) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    total = 0
    for member in archive.infolist():
        name = _inner_name(path, member.filename)
        total += member.file_size
        _check_size(path, name, member.file_size, total)
        if _is_regular(member) and not _is_mac_shadow(name):
            yield name, member


def _open_maybe_gzip(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        magic = file.read(len(_GZIP_MAGIC))
    return cast("BinaryIO", gzip.open(path)) if magic == _GZIP_MAGIC else path.open("rb")


def _inner_name(path: Path, name: str) -> str:
    """Return ``name`` without ``./``; refused where it is absolute or climbs out of the archive."""
    posix = PurePosixPath(name.replace("\\", "/"))
    has_drive = posix.parts[:1] != () and posix.parts[0].endswith(":")
    if posix.is_absolute() or ".." in posix.parts or has_drive:
        raise SourceError(
            f"{path}: the member {name!r} leads out of the archive; "
            "expected names inside it, so get the archive again from where it is published"
        )
    return str(posix)


def _check_size(path: Path, name: str, size: int, total: int) -> None:
    if size > MEMBER_LIMIT_BYTES or total > TOTAL_LIMIT_BYTES:
        raise SourceError(
            f"{path}: too large at the member {name!r} ({size:,} bytes; at most {MEMBER_LIMIT_BYTES:,} "
            f"a member and {TOTAL_LIMIT_BYTES:,} in all); unpack it yourself and name the files"
        )


def _is_regular(member: zipfile.ZipInfo) -> bool:
    mode = member.external_attr >> 16  # zero where the archive was not made on Unix
    return not member.is_dir() and (mode == 0 or stat.S_IFMT(mode) in (0, stat.S_IFREG))


def _is_mac_shadow(name: str) -> bool:
    posix = PurePosixPath(name)
    return posix.name.startswith("._") or posix.parts[:1] == ("__MACOSX",)


def _broken(path: Path, kind: str, error: Exception) -> SourceError:
    return SourceError(f"{path}: truncated, damaged or not a {kind} ({error}); get the file again")
