"""What a repository should hold, and what sets it apart from what it holds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babilong_gen.errors import OutputError, UsageError
from babilong_gen.write.card import CARD
from babilong_gen.write.croissant import CROISSANT
from babilong_gen.write.folder import open_folder
from babilong_gen.write.manifest import MANIFEST

_SHARD = re.compile(r"data/[^/]+/[^/]+-\d{5}-of-\d{5}\.parquet")
_SHA1_DIGITS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file to be published.

    Attributes:
        path: in the repository.
        source: on this machine.
        bytes: its size.
        sha256: in hex.
    """

    path: str
    source: Path
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What makes a repository hold a dataset.

    Attributes:
        shards: to be uploaded, in the manifest's order.
        documents: card, description and manifest, to be uploaded with the last shards.
        stale: paths of shards there that the dataset does not have.
    """

    shards: list[LocalFile]
    documents: list[LocalFile]
    stale: list[str]

    @property
    def uploads(self) -> list[LocalFile]:
        """All files that are missing there, or other than here."""
        return [*self.shards, *self.documents]

    def __bool__(self) -> bool:
        return bool(self.shards or self.documents or self.stale)


def local_folder(location: str) -> Path:
    """Return the folder that a user names, which must be on this machine.

    The client can send a store's open files, but memory was measured to grow with them: 703 MiB for three
    shards of 96 MiB on S3.

    Raises:
        UsageError: it is somewhere else.
    """
    folder = open_folder(location)
    if not isinstance(folder, Path):
        raise UsageError(f"{location} is not on this machine: copy it to a folder here, and push that")
    return folder


def local_files(folder: Path, manifest: Mapping[str, Any]) -> list[LocalFile]:
    """List the files that are published: a dataset's shards, card, description and manifest, nothing else.

    Raises:
        OutputError: the card or the description is missing.
    """
    shards = [
        LocalFile(
            path=shard["path"],
            source=folder / shard["path"],
            bytes=shard["bytes"],
            sha256=shard["sha256"],
        )
        for shard in manifest["shards"]
    ]
    return [*shards, *(_document(folder, name) for name in (CARD, CROISSANT, MANIFEST))]


def changes(wanted: Sequence[LocalFile], there: Mapping[str, str]) -> Changes:
    """Return what a repository lacks or has too much.

    Args:
        there: the digest of each file in the repository: a large file's SHA-256, else git's own id.
    """
    missing = [file for file in wanted if not _same(file, there.get(file.path))]
    known = {file.path for file in wanted}
    return Changes(
        shards=[file for file in missing if _SHARD.fullmatch(file.path)],
        documents=[file for file in missing if not _SHARD.fullmatch(file.path)],
        stale=sorted(path for path in there if _SHARD.fullmatch(path) and path not in known),
    )


def _document(folder: Path, name: str) -> LocalFile:
    source = folder / name
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        raise OutputError(f"{folder} has no {name}: its generate command, given again, writes it") from None
    return LocalFile(path=name, source=source, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _same(file: LocalFile, digest: str | None) -> bool:
    if digest is None or len(digest) != _SHA1_DIGITS:
        return digest == file.sha256
    with file.source.open("rb") as content:
        blob = hashlib.sha1(b"blob %d\0" % file.bytes)
        while piece := content.read(1 << 20):
            blob.update(piece)
    return blob.hexdigest() == digest
