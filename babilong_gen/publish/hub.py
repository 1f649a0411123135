"""A dataset's repository on the Hub, through huggingface_hub, and what its errors mean to a user.

Whatever the client raises ends as one of two: `TemporaryError`, which is worth another try, or a
`BabilongError` of one line. Neither carries the client's error along, for its text is the server's and may
hold what was sent to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from json import JSONDecodeError
from urllib.parse import urlsplit

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, errors
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import validate_repo_id

from babilong_gen.errors import BabilongError, OutputError, UsageError
from babilong_gen.hub_errors import HUB_ERRORS
from babilong_gen.network import (
    address_fault,
    any_proxy_fault,
    environment_fault,
    shown_address,
    through_proxy,
)
from babilong_gen.publish.tree import LocalFile
from babilong_gen.redaction import is_sendable, keep_secret, redacted

_KIND = "dataset"
_SHOWN_CHARACTERS = 300

# Answers that another try may change: overloaded, busy, or somebody else has just committed.
_TEMPORARY = {408, 409, 412, 425, 429, 500, 502, 503, 504}

# All that the client raises: its own errors and those of its HTTP client, which depends on its version;
# uploads wrap theirs in a RuntimeError, and a refused card is a ValueError.
_CLIENT_ERRORS: tuple[type[BaseException], ...] = (
    *HUB_ERRORS,
    RuntimeError,
)


class TemporaryError(Exception):
    """The Hub could not be reached or was busy; a later try may succeed.

    Attributes:
        wait_s: seconds after which the Hub wants to be asked again; None where it does not say.
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class HubDataset:
    """One branch of a dataset's repository.

    Attributes:
        repo: USER/NAME.
        token: kept out of anything that is printed; empty where only what everybody sees is looked at.
    """

    repo: str
    revision: str
    endpoint: str
    token: str = field(repr=False)

    @property
    def url(self) -> str:
        """Where people find the dataset."""
        branch = "" if self.revision == constants.DEFAULT_REVISION else f"/tree/{self.revision}"
        return f"{self.endpoint}/datasets/{self.repo}{branch}"

    def is_private(self) -> bool | None:
        """Return whether the repository is private; None where there is none.

        Raises:
            TemporaryError, BabilongError: it could not be asked.
        """
        with _told(self):
            try:
                return bool(self._api().dataset_info(self.repo).private)
            except errors.HfHubHTTPError as error:
                status = error.response.status_code
                # without a token the Hub does not say whether there is a private repository of that name
                is_unseen = status == 401 and not self.token
                if is_unseen or (status == 404 and isinstance(error, errors.RepositoryNotFoundError)):
                    return None
                raise

    def files(self) -> dict[str, str] | None:
        """Return each file's digest: a large one's SHA-256, else git's id; None if there is no such branch.

        Raises:
            TemporaryError, BabilongError: it could not be asked.
        """
        with _told(self):
            try:
                tree = self._api().list_repo_tree(
                    self.repo, recursive=True, revision=self.revision, repo_type=_KIND
                )
                entries = [entry for entry in tree if isinstance(entry, RepoFile)]
            except (errors.RevisionNotFoundError, errors.RepositoryNotFoundError) as error:
                if error.response.status_code == 404:
                    return None
                raise
        return {entry.path: entry.lfs.sha256 if entry.lfs else entry.blob_id for entry in entries}

    def create(self, *, private: bool) -> None:
        """Create what is missing of repository and branch.

        Raises:
            TemporaryError, BabilongError: it could not be made.
        """
        with _told(self):
            self._api().create_repo(self.repo, repo_type=_KIND, private=private, exist_ok=True)
            if self.revision != constants.DEFAULT_REVISION:
                self._api().create_branch(self.repo, branch=self.revision, repo_type=_KIND, exist_ok=True)

    def commit(self, uploads: Sequence[LocalFile], deletions: Sequence[str], summary: str) -> None:
        """Upload files and make them one commit, with deletions; what the Hub has stored is not sent again.

        Raises:
            OutputError: a file is not the one that was checked; nothing is committed.
            TemporaryError, BabilongError: the Hub did not take it.
        """
        with _told(self):
            additions = [CommitOperationAdd(file.path, file.source) for file in uploads]
            for file, addition in zip(uploads, additions, strict=True):
                if addition.upload_info.sha256.hex() != file.sha256:
                    raise OutputError(f"{file.source} has changed since it was checked: push again")
            self._api().create_commit(
                self.repo,
                [*additions, *(CommitOperationDelete(path) for path in deletions)],
                commit_message=summary,
                repo_type=_KIND,
                revision=self.revision,
            )

    def _api(self) -> HfApi:
        return HfApi(endpoint=self.endpoint, token=self.token or False)


def open_hub(
    repo: str, *, revision: str | None, token: str | None, endpoint: str | None, writes: bool = True
) -> HubDataset:
    """Open a repository by name, as the user gave it; nothing is asked of the Hub yet.

    Args:
        revision: branch; None for main.
        token: None for `HF_TOKEN`, else the one that `hf auth login` stored.
        endpoint: None for `HF_ENDPOINT`, else huggingface.co.
        writes: whether anything is to be written, which needs a token.

    Raises:
        UsageError: no such name can be, there is no token, the endpoint is no web address, or the
            environment keeps every request from it.
    """
    try:
        validate_repo_id(repo)
    except errors.HFValidationError:
        repo = ""
    if "/" not in repo:
        raise UsageError("REPO_ID names no repository: expected USER/NAME or ORGANISATION/NAME")
    url = (endpoint or constants.ENDPOINT).rstrip("/")
    if fault := address_fault(url):
        raise UsageError(f"endpoint {shown_address(url)} {fault}: expected one as https://huggingface.co")
    if fault := environment_fault(url) or any_proxy_fault():
        raise UsageError(f"cannot reach {url}: {fault}")
    known = (token or huggingface_hub.get_token() or "").strip()
    if not known and writes:
        raise UsageError("no token: log in with `hf auth login`, set HF_TOKEN, or give --token")
    if known:
        keep_secret(known, "[token]")
    if known and not is_sendable(known):
        raise UsageError("the token holds characters that none can have: copy it again from the Hub")
    return HubDataset(repo=repo, revision=revision or constants.DEFAULT_REVISION, endpoint=url, token=known)


@contextmanager
def _told(hub: HubDataset) -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except _CLIENT_ERRORS as error:
        raise _translated(error, hub) from None


def _translated(error: BaseException, hub: HubDataset) -> TemporaryError | BabilongError:
    cause = _root(error)
    if isinstance(cause, errors.HfHubHTTPError):
        return _answered(cause, hub)
    if isinstance(cause, errors.OfflineModeIsEnabled):
        return OutputError("HF_HUB_OFFLINE is set: unset it to push")
    if isinstance(cause, OSError) and cause.filename is not None:
        return OutputError(f"cannot read {cause.filename} ({cause.strerror}): verify the dataset")
    reason = _first_line(str(cause))
    if isinstance(cause, (JSONDecodeError, LookupError, TypeError, AttributeError)):
        return OutputError(f"{hub.endpoint} does not answer as the Hub does: is it the Hub's address?")
    if isinstance(cause, (ValueError, RuntimeError, PermissionError)):
        return OutputError(f"{hub.endpoint} did not take {hub.repo}: {reason}")
    return TemporaryError(
        f"cannot reach {hub.endpoint}{through_proxy(hub.endpoint)} ({reason or type(cause).__name__})"
    )


def _answered(error: errors.HfHubHTTPError, hub: HubDataset) -> TemporaryError | BabilongError:
    status = error.response.status_code
    # Large files go to a storage elsewhere, at an address that holds for a while: another try gets another.
    storage = urlsplit(str(error.response.url)).netloc != urlsplit(hub.endpoint).netloc
    if storage or status in _TEMPORARY:
        wait = error.response.headers.get("Retry-After", "")
        return TemporaryError(
            f"{'the storage of ' if storage else ''}{hub.endpoint} answers {status}",
            wait_s=float(wait) if wait.isdecimal() else None,
        )
    if status == 401:
        return UsageError(
            f"{hub.endpoint} does not accept the token (401): log in again with `hf auth login`, "
            "or give one from the Hub's settings"
        )
    if status == 403:
        return UsageError(
            f"the token may not write to {hub.repo} (403): give one with write access, or another REPO_ID"
        )
    reason = _first_line(error.server_message or "")
    return OutputError(f"{hub.endpoint} answers {status} for {hub.repo}" + (f": {reason}" if reason else ""))


def _root(error: BaseException) -> BaseException:
    """Return the HTTP error that an error was raised from, else the first of all."""
    while not isinstance(error, errors.HfHubHTTPError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _first_line(text: str) -> str:
    """Return a server's words, short and without the token, which an unkind server could send back."""
    return " ".join(redacted(text).split())[:_SHOWN_CHARACTERS]
