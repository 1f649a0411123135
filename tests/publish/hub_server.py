"""A small Hub on loopback: as much of its HTTP API as creating, filling and downloading a dataset takes.

It is no more trusting than the Hub: an uploaded object must have the SHA-256 it was announced with, a card
must have metadata, a listing comes in pages. What it holds is in `hub.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from tests.publish.hub import Blob, Hub, RefusedError, Repo

PAGE = 40  # files a page of a listing
_PIECE = 1 << 20
_PLAIN: Mapping[str, str] = MappingProxyType({})


def serve_hub(store: Path) -> Iterator[Hub]:
    """A running Hub; as a generator, so that a fixture can end it."""
    hub = Hub(store=store)
    server = _Server(("127.0.0.1", 0), type("HubHandler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: ClassVar[Hub]

    def log_message(self, *_: Any, **__: Any) -> None:
        """Tests read what was asked from the hub's list."""

    def do_GET(self) -> None:
        self._handle()

    def do_HEAD(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def _handle(self) -> None:
        self.path_only = unquote(urlsplit(self.path).path)
        self.left = int(self.headers.get("Content-Length", 0))
        self.number, self.fault = self.hub.take_note(f"{self.command} {self.path_only}")
        self.hub.watch(self.number, "before")
        try:
            if self.fault == "close":
                self.close_connection = True
                return
            if isinstance(self.fault, int):
                raise RefusedError(self.fault, f"no, not for {self.headers.get('Authorization')}")
            self._route()
        except RefusedError as refused:
            self._json({"error": str(refused)}, refused.status, {"X-Error-Code": refused.code})

    def _route(self) -> None:
        for pattern, answer in _ROUTES:
            match = re.fullmatch(pattern, f"{self.command} {self.path_only}")
            if match:
                answer(self, *match.groups())
                return
        raise RefusedError(404, f"no such place: {self.path_only}")

    # Requests and answers

    def _body(self) -> bytes:
        content = self.rfile.read(self.left)
        self.left = 0
        return content

    def _drain(self) -> None:
        while self.left > 0:
            self.left -= len(self.rfile.read(min(self.left, _PIECE)))

    def _json(self, value: object, status: int = 200, headers: Mapping[str, str] = _PLAIN) -> None:
        self._send(json.dumps(value).encode(), status, headers)

    def _send(self, content: bytes, status: int = 200, headers: Mapping[str, str] = _PLAIN) -> None:
        self._drain()
        self.hub.watch(self.number, "after")
        if self.fault == "lose":
            self.close_connection = True
            return
        self.send_response(status)
        for name, text in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _allow(self, *, write: bool) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given not in (self.hub.token, self.hub.reader):
            raise RefusedError(401, f"not logged in as {given}")
        if write and given != self.hub.token:
            raise RefusedError(403, f"{given} may only read")

    # Creating

    def create(self) -> None:
        self._allow(write=True)
        asked = json.loads(self._body())
        name = f"{asked['organization']}/{asked['name']}"
        address = {"url": f"{self.hub.url}/datasets/{name}", "name": name, "id": name}
        with self.hub.lock:
            if name in self.hub.repos:
                self._json({**address, "error": "You already created this dataset repo"}, 409)
                return
            private = asked.get("private") or asked.get("visibility") == "private"
            self.hub.repos[name] = Repo(private=bool(private))
        self._json(address)

    def branch(self, name: str, branch: str) -> None:
        self._allow(write=True)
        branches = self.hub.repo(name).branches
        if branch in branches:
            raise RefusedError(409, "Reference already exists")
        branches[branch] = [branches["main"][-1]]
        self._json({})

    # Reading

    def info(self, name: str, revision: str | None = None) -> None:
        self._allow(write=False)
        repo = self.hub.repo(name)
        tree = self.hub.files_at(name, revision or "main")
        sha = self.hub.commit_at(name, revision or "main")
        siblings = [{"rfilename": path} for path in tree]
        self._json({"id": name, "sha": sha, "private": repo.private, "siblings": siblings, "tags": []})

    def listing(self, name: str, revision: str) -> None:
        self._allow(write=False)
        tree = self.hub.files_at(name, revision)
        first = int(parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0])
        paths = sorted(tree)[first : first + PAGE]
        more = {}
        if first + PAGE < len(tree):
            place = self.path.partition("?")[0]
            more["Link"] = f'<{self.hub.url}{place}?recursive=true&cursor={first + PAGE}>; rel="next"'
        self._json([_entry(path, tree[path]) for path in paths], headers=more)

    def resolve(self, name: str, revision: str, path: str) -> None:
        self._allow(write=False)
        tree = self.hub.files_at(name, revision)
        if path not in tree:
            raise RefusedError(404, "Entry not found", "EntryNotFound")
        blob = tree[path]
        commit = self.hub.commit_at(name, revision)
        etag = blob.sha256 if blob.large else blob.git_id
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit}
        self._send(blob.content.read_bytes(), headers=headers)

    # Uploading

    def validate(self) -> None:
        card = json.loads(self._body())["content"]
        match = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
        if match is None or not isinstance(yaml.safe_load(match[1]), dict):
            self._json({"errors": [{"message": "the card has no metadata"}], "warnings": []}, 400)
            return
        self._json({"errors": [], "warnings": []})

    def preupload(self, name: str, revision: str) -> None:
        self._allow(write=True)
        tree = self.hub.files_at(name, revision)
        files = []
        for asked in json.loads(self._body())["files"]:
            known = tree.get(asked["path"])
            files.append(
                {
                    "path": asked["path"],
                    "uploadMode": "lfs" if asked["path"].endswith(".parquet") else "regular",
                    "shouldIgnore": False,
                    "oid": None if known is None else known.sha256 if known.large else known.git_id,
                }
            )
        self._json({"files": files})

    def batch(self, name: str) -> None:
        self._allow(write=True)
        self.hub.repo(name)
        objects = []
        for asked in json.loads(self._body())["objects"]:
            wanted = {"oid": asked["oid"], "size": asked["size"]}
            if not (self.hub.store / asked["oid"]).exists():
                place = f"{self.hub.url}/storage/{asked['oid']}"
                check = {"href": f"{self.hub.url}/verify/{asked['oid']}"}
                wanted["actions"] = {"upload": {"href": place}, "verify": check}
            objects.append(wanted)
        self._json({"transfer": "basic", "objects": objects})

    def receive(self, oid: str) -> None:
        digest = hashlib.sha256()
        draft = self.hub.store / f"{oid}.{threading.get_ident()}.part"
        with draft.open("wb") as file:
            while self.left > 0 and (piece := self.rfile.read(min(self.left, _PIECE))):
                self.left -= len(piece)
                digest.update(piece)
                file.write(piece)
        if self.left or digest.hexdigest() != oid:
            draft.unlink()
            self.close_connection = True
            raise RefusedError(400, "the content does not have its SHA-256")
        draft.replace(self.hub.store / oid)
        self._send(b"")

    def verify(self, oid: str) -> None:
        self._allow(write=True)
        asked = json.loads(self._body())
        if asked["oid"] != oid or (self.hub.store / oid).stat().st_size != asked["size"]:
            raise RefusedError(400, "the object is not of the size announced")
        self._json({})

    def commit(self, name: str, revision: str) -> None:
        self._allow(write=True)
        lines = [json.loads(line) for line in self._body().splitlines()]
        oid = self.hub.commit(name, revision, lines)
        self._json({"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{name}/commit/{oid}"})


def _entry(path: str, blob: Blob) -> dict[str, Any]:
    entry = {"type": "file", "path": path, "size": blob.size, "oid": blob.git_id}
    if blob.large:
        entry["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": 134}
    return entry


_NAME = r"([\w.-]+/[\w.-]+)"
_ROUTES: list[tuple[str, Callable[..., None]]] = [
    (r"POST /api/repos/create", _Handler.create),
    (r"POST /api/validate-yaml", _Handler.validate),
    (rf"POST /api/datasets/{_NAME}/branch/(.+)", _Handler.branch),
    (rf"POST /api/datasets/{_NAME}/preupload/(.+)", _Handler.preupload),
    (rf"POST /api/datasets/{_NAME}/commit/(.+)", _Handler.commit),
    (rf"POST /datasets/{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    (r"PUT /storage/(\w+)", _Handler.receive),
    (r"POST /verify/(\w+)", _Handler.verify),
    (rf"GET /api/datasets/{_NAME}/tree/(.+)", _Handler.listing),
    (rf"GET /api/datasets/{_NAME}/revision/(.+)", _Handler.info),
    (rf"GET /api/datasets/{_NAME}", _Handler.info),
    (rf"(?:GET|HEAD) /datasets/{_NAME}/resolve/([^/]+)/(.+)", _Handler.resolve),
]
