"""Files of a dataset repository on the Hugging Face Hub, brought here one by one when they are needed."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from babilong_eval.data.layout import StoredFiles
from babilong_gen.errors import SourceError
from babilong_gen.hub_errors import HUB_ERRORS, reading_failed

_REMEDY = "try again, or give the folder of a copy"
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")


def looks_like_repo(source: str) -> bool:
    """Return whether a text has the form `OWNER/NAME` or `OWNER/NAME@REVISION`."""
    return _REPO.fullmatch(source) is not None


def find(source: str) -> StoredFiles:
    """Look a repository up; without a network, in the Hub's cache on this machine.

    The fingerprint is a commit, from which all files are taken even if the repository changes meanwhile.

    Raises:
        SourceError: no such repository or revision, no right to read it, or the Hub is out of reach and
            nothing is cached.
    """
    name, _, revision = source.partition("@")
    try:
        info = HfApi().dataset_info(name, revision=revision or None)
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise _nowhere(source, error) from None
    except HUB_ERRORS as error:
        return _cached(source, error)
    commit = str(info.sha)
    names = sorted(sibling.rfilename for sibling in info.siblings or ())
    return StoredFiles(
        names=names, fetch=partial(_download, name, commit), fingerprint=commit, is_commit=True
    )


def _download(name: str, commit: str, file: str) -> Path:
    try:
        return Path(hf_hub_download(name, file, repo_type="dataset", revision=commit))
    except HUB_ERRORS as error:
        raise reading_failed(error, f"{name}/{file}", _REMEDY) from None


def _cached(source: str, error: BaseException) -> StoredFiles:
    name, _, revision = source.partition("@")
    try:
        found = snapshot_download(name, repo_type="dataset", revision=revision or None, local_files_only=True)
    except OSError:
        raise _nowhere(source, error) from None
    folder = Path(found)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return StoredFiles(names=names, fetch=folder.joinpath, fingerprint=folder.name, is_commit=True)


def _nowhere(source: str, error: BaseException) -> SourceError:
    return SourceError(f"no folder {source} here, and {reading_failed(error, source, _REMEDY)}")
