"""What a small Hub holds and what goes wrong with it; `hub_server.py` puts it on loopback.

It is no more trusting than the Hub: a commit may name only objects that are there, of the size announced.
Objects lie on disk, so that large ones can be sent.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a repository: where its content lies, and whether it is stored as a large one."""

    content: Path
    size: int
    sha256: str
    large: bool

    @property
    def git_id(self) -> str:
        """What git calls it; for a large file, its pointer."""
        return git_id(f"oid sha256:{self.sha256}\n".encode() if self.large else self.content.read_bytes())


@dataclass(slots=True)
class Repo:
    """A dataset's repository: for each branch, the trees of its commits, oldest first."""

    private: bool
    branches: dict[str, list[dict[str, Blob]]] = field(default_factory=lambda: {"main": [{}]})


@dataclass(slots=True)
class Fault:
    """What goes wrong, once, at a request whose method and path match.

    Attributes:
        answer: a status; `close` for no answer, with nothing done; `lose` for no answer after it is done.
    """

    pattern: str
    answer: int | str


class RefusedError(Exception):
    """Ends a request with a status, and with the code by which the client tells errors apart."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(slots=True)
class Hub:
    """What the server knows, and what tests may turn.

    Attributes:
        store: folder of the objects.
        token, reader: who may write; who may only read.
        faults: each strikes once, in any order.
        asked: all requests, as `PUT /path`.
        watch: called with each request's number, `before` it is handled and `after`, when its answer is due.
    """

    store: Path
    url: str = ""
    token: str = "hf_writerwriterwriter"
    reader: str = "hf_readerreaderreader"
    repos: dict[str, Repo] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    watch: Callable[[int, str], object] = lambda *_: None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def tree(self, repo: str, branch: str = "main") -> dict[str, str]:
        """The SHA-256 of each file of a branch."""
        return {path: blob.sha256 for path, blob in self.repos[repo].branches[branch][-1].items()}

    def forget_objects(self) -> None:
        """Make every object worth sending again."""
        for stored in self.store.iterdir():
            stored.unlink()

    def take_note(self, request: str) -> tuple[int, int | str | None]:
        """A request's number, and the answer of the fault that strikes it, if any."""
        with self.lock:
            self.asked.append(request)
            for fault in self.faults:
                if re.search(fault.pattern, request):
                    self.faults.remove(fault)
                    return len(self.asked), fault.answer
            return len(self.asked), None

    def repo(self, name: str) -> Repo:
        """The repository of a name, or a refusal."""
        if name not in self.repos:
            raise RefusedError(404, "Repository not found", "RepoNotFound")
        return self.repos[name]

    def files_at(self, name: str, revision: str) -> dict[str, Blob]:
        """The files of a branch or of a commit."""
        branches = self.repo(name).branches
        commits = {commit_id(name, b, n): t for b, ts in branches.items() for n, t in enumerate(ts)}
        if revision not in branches and revision not in commits:
            raise RefusedError(404, "Invalid rev id", "RevisionNotFound")
        return branches[revision][-1] if revision in branches else commits[revision]

    def commit_at(self, name: str, revision: str) -> str:
        """The commit that a branch is at; a commit is itself."""
        branches = self.repos[name].branches
        return commit_id(name, revision, len(branches[revision]) - 1) if revision in branches else revision

    def commit(self, name: str, branch: str, operations: list[dict[str, Any]]) -> str:
        """Make a commit of all operations, or refuse them all; its name."""
        with self.lock:
            tree = dict(self.files_at(name, branch))
            for operation in operations:
                self._apply(tree, operation["key"], operation["value"])
            self.repos[name].branches[branch].append(tree)
            return self.commit_at(name, branch)

    def _apply(self, tree: dict[str, Blob], key: str, value: dict[str, Any]) -> None:
        match key:
            case "lfsFile":
                stored = self.store / value["oid"]
                if not stored.exists() or stored.stat().st_size != value["size"]:
                    raise RefusedError(400, f"{value['path']}: no such object")
                tree[value["path"]] = Blob(stored, value["size"], value["oid"], large=True)
            case "file":
                content = base64.b64decode(value["content"])
                sha256 = hashlib.sha256(content).hexdigest()
                stored = self.store / f"{sha256}.small"
                stored.write_bytes(content)
                tree[value["path"]] = Blob(stored, len(content), sha256, large=False)
            case "deletedFile":
                if tree.pop(value["path"], None) is None:
                    raise RefusedError(404, "A file with this name doesn't exist", "EntryNotFound")
            case "header":
                pass
            case _:
                raise RefusedError(400, f"unknown operation {key}")


def git_id(content: bytes) -> str:
    """The id that git gives a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def commit_id(name: str, branch: str, number: int) -> str:
    """What a commit is called."""
    return hashlib.sha1(f"{name} {branch} {number}".encode()).hexdigest()
