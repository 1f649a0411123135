"""Which content a set of files holds, as one hash, without reading unchanged files twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from babilong_gen.atomic import renaming
from babilong_gen.errors import OutputError, SourceError
from babilong_gen.noise.sources.files import NoiseFile

_READING_RULES = 1  # raise it when the same bytes are read as other documents


def content_key(files: Sequence[NoiseFile], field: str | None, *, cache: Path) -> str:
    """Return the SHA-256, in hex, of the files' names, bytes and chosen field, wherever the files lie.

    Raises:
        SourceError: a file cannot be read.
        OutputError: the cache folder cannot be written.
    """
    key = hashlib.sha256(f"{_READING_RULES}\0{field or ''}\0".encode())
    digests = file_digests([file.path for file in files], cache=cache)
    for file, digest in zip(files, digests, strict=True):
        key.update(f"{file.name}\0{digest}\0".encode(errors="surrogateescape"))
    return key.hexdigest()


def file_digests(paths: Sequence[Path], *, cache: Path) -> list[str]:
    """Return the SHA-256 of each file, in hex.

    They are remembered in ``cache/digests``, one file for each folder of data, under the file's name, size
    and time of change, so that gigabytes are read once and not at every run.
    """
    memos: dict[Path, dict[str, list[int | str]]] = {}
    digests: list[str] = []
    changed: set[Path] = set()
    for path in (path.absolute() for path in paths):
        memo = memos.setdefault(path.parent, _load(_memo_file(path.parent, cache)))
        size, mtime = _state(path)
        known = memo.get(path.name)
        if known is None or known[:2] != [size, mtime]:
            known = memo[path.name] = [size, mtime, _sha256(path)]
            changed.add(path.parent)
        digests.append(str(known[2]))
    for folder in changed:
        _store(_memo_file(folder, cache), memos[folder])
    return digests


def _memo_file(folder: Path, cache: Path) -> Path:
    return cache / "digests" / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]}.json"


def _load(path: Path) -> dict[str, list[int | str]]:
    """Read what is remembered; a missing or damaged memory costs a second reading, no more."""
    try:
        memo = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    well_formed = isinstance(memo, dict) and all(isinstance(v, list) and len(v) == 3 for v in memo.values())
    return memo if well_formed else {}


def _store(path: Path, memo: dict[str, list[int | str]]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with renaming(path) as temporary:
            temporary.write_text(json.dumps(memo))
    except OSError as error:
        raise OutputError(
            f"cannot write the cache folder {path.parent}: {error.strerror}; "
            "make room or write access there, or set BABILONG_CACHE to another folder"
        ) from None


def _state(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from None
    return state.st_size, state.st_mtime_ns


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from None
