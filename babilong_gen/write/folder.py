"""A dataset's folder: on this machine, or wherever fsspec goes."""

from __future__ import annotations

from pathlib import Path

from upath import UPath

Folder = Path | UPath


def open_folder(place: str) -> Folder:
    """The folder that a user names: a path, or a URL such as `s3://bucket/out`."""
    return UPath(place) if "://" in place else Path(place)
