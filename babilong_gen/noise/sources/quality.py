"""The stories and articles of QuALITY (Pang et al. 2022), the noise of the RMT and BABILong papers.

The release is one zip in the authors' Git repository. It is read where it lies, never unpacked.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from babilong_gen.archive import zip_members, zip_names
from babilong_gen.errors import SourceError
from babilong_gen.noise.document import Document
from babilong_gen.noise.sources.download import download, recorded_sha256
from babilong_gen.noise.sources.files import NoiseFile, file_format, match_files, read_documents
from babilong_gen.noise.sources.fingerprint import file_digests
from babilong_gen.noise.sources.rows import jsonl_rows, row_documents
from babilong_gen.user_paths import user_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A published file.

    Attributes:
        url: where it is.
        git_blob: its Git blob id, by which it is checked.
    """

    url: str
    git_blob: str | None


RELEASE = Release(
    url="https://github.com/nyu-mll/quality/raw/f84977c40dbfef70c9cab48037b7becfc8e45f73/data/v1.0.1/QuALITY.v1.0.1.zip",
    git_blob="8337510bd999fde4c9fbcb811363fe9c52dc97ad",
)


def find_quality(location: str, *, cache: Path, release: Release = RELEASE) -> list[NoiseFile]:
    """Find the files of QuALITY.

    Args:
        location: a zip, file, folder or glob on this machine; where empty, ``$BABILONG_QUALITY``; where that
            is empty too, ``release`` is downloaded into the cache.
        cache: the cache folder.
        release: what to download.

    Raises:
        SourceError: there is nothing there, or the download failed or is damaged.
    """
    location = location or os.environ.get("BABILONG_QUALITY", "")
    if not location:
        return [_downloaded(release, cache)]
    path = user_path(location)
    if path.is_file() and _is_zip(path):
        return [NoiseFile(path=path, name=path.name)]
    files = match_files(location)
    return [file for file in files if "htmlstripped" in file.name] or files


def quality_documents(files: list[NoiseFile]) -> Iterator[Document]:
    """Stream the articles, each once.

    Raises:
        SourceError: as `babilong_gen.noise.sources.files.read_documents`, or the zip holds no release file.
    """
    for file in files:
        if _is_zip(file.path):
            yield from _zipped_documents(file.path)
        else:
            yield from read_documents([file])


def _zipped_documents(path: Path) -> Iterator[Document]:
    names = [name for name in zip_names(path) if file_format(name) == "jsonl"]
    chosen = {name for name in names if "htmlstripped" in name} or set(names)
    if not chosen:
        raise SourceError(
            f"{path}: no QuALITY file in it; expected QuALITY.v1.0.1.htmlstripped.train and its kin"
        )
    seen: set[str | bytes] = set()
    for name, content in zip_members(path, chosen.__contains__):
        rows = jsonl_rows(io.BytesIO(content), f"{path}:{name}")
        yield from row_documents(rows, label=f"{path}:{name}", name=name, field="article", seen=seen)


def _is_zip(path: Path) -> bool:
    return path.suffix == ".zip" or zipfile.is_zipfile(path)


def _downloaded(release: Release, cache: Path) -> NoiseFile:
    target = cache / "downloads" / PurePosixPath(release.url).name
    download(release.url, target, git_blob=release.git_blob)
    if recorded_sha256(target) not in (None, *file_digests([target], cache=cache)):
        target.unlink()  # damaged since it was fetched
        download(release.url, target, git_blob=release.git_blob)
    return NoiseFile(path=target, name=target.name)
