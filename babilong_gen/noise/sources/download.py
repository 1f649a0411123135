"""Fetches one file over HTTP: resumed where it broke off, checked, and moved into place when whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from babilong_gen.errors import SourceError
from babilong_gen.network import environment_fault, through_proxy

OFFLINE_WAYS = (
    "work offline with --noise files:GLOB, quality:PATH or procedural, "
    "or copy the cache folder of a machine that has it"
)

_TIMEOUT_S = 15
_CHUNK_BYTES = 1 << 18
_NO_CONNECTION = (
    urllib.error.URLError,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
    http.client.HTTPException,
    OverflowError,  # a port above 65535
)


def download(url: str, target: Path, *, git_blob: str | None = None) -> Path:
    """Fetch ``url`` to ``target``, unless it is there.

    What has come so far lies beside the target as ``.part``; the same call continues from there if the
    server still has the same file. The SHA-256 of what arrived is recorded beside it as ``.sha256``.

    Args:
        url: where the file is published.
        target: where it goes; its folder is made.
        git_blob: the file's Git blob id (SHA-1), where the publisher keeps it in a Git repository.

    Returns:
        ``target``.

    Raises:
        SourceError: no connection, an answer other than the file, a broken-off transfer, or another
            content than ``git_blob`` says.
    """
    if target.exists():
        return target
    if is_offline():
        raise SourceError(f"{target.name} is not in the cache and HF_HUB_OFFLINE is set; {OFFLINE_WAYS}")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        _fetch_or_start_over(url, part)
    except urllib.error.HTTPError as error:
        raise SourceError(f"cannot download {url}: the server says {error.code} {error.reason}") from None
    except _NO_CONNECTION as error:
        if fault := environment_fault(url):
            raise SourceError(f"cannot download {url}: {fault}") from None
        reason = f"{getattr(error, 'reason', error)}{through_proxy(url)}"
        raise SourceError(f"cannot download {url} ({reason}); {OFFLINE_WAYS}") from None
    if git_blob is not None and (found := git_blob_id(part)) != git_blob:
        part.unlink()
        raise SourceError(f"{url}: expected the Git blob {git_blob}, got {found}; try again, {OFFLINE_WAYS}")
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    target.with_name(target.name + ".sha256").write_text(f"{digest}  {target.name}\n")
    _validator_file(part).unlink(missing_ok=True)
    part.replace(target)
    return target


def recorded_sha256(target: Path) -> str | None:
    """Return the SHA-256 that `download` recorded when it fetched ``target``; None where it did not."""
    record = target.with_name(target.name + ".sha256")
    return record.read_text().split()[0] if record.exists() else None


def git_blob_id(path: Path) -> str:
    """Return the id under which Git stores the file's content: a SHA-1 over its size and bytes, in hex."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def is_offline() -> bool:
    """Return whether the user set ``HF_HUB_OFFLINE``; it holds for every download, not the Hub's alone."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def _fetch_or_start_over(url: str, part: Path) -> None:
    try:
        _fetch(url, part)
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        part.unlink()  # as long as the file, or longer: an earlier run ended just before it was checked
        _fetch(url, part)


def _fetch(url: str, part: Path) -> None:
    """Get the whole of ``url`` into ``part``, going on from what is there if the server agrees."""
    validator = _validator_file(part)
    request = urllib.request.Request(url, headers={"User-Agent": "babilong-gen"})
    if part.exists() and validator.exists():
        request.add_header("Range", f"bytes={part.stat().st_size}-")
        request.add_header("If-Range", validator.read_text())
    # `urlopen` would keep the proxies that the environment named when it was first called.
    with urllib.request.build_opener().open(request, timeout=_TIMEOUT_S) as response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        start = part.stat().st_size if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        _keep_validator(validator, response.headers.get("ETag"))
        with part.open("ab" if resumed else "wb") as file, _progress(part.stem, start, total) as advance:
            while chunk := response.read(_CHUNK_BYTES):
                file.write(chunk)
                advance(len(chunk))
    if total is not None and (size := part.stat().st_size) != total:
        raise ConnectionError(f"broke off after {size:,} of {total:,} bytes, run again to go on from there")


def _validator_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _keep_validator(path: Path, etag: str | None) -> None:
    if etag is None or etag.startswith("W/"):  # a weak one does not promise the same bytes
        path.unlink(missing_ok=True)
    else:
        path.write_text(etag)


@contextmanager
def _progress(name: str, start: int, total: int | None) -> Iterator[Callable[[int], None]]:
    """Return a bar on stderr, for people only: nothing where stderr is a file or a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, completed=start, total=total)
        yield lambda size: bar.advance(task, size)
