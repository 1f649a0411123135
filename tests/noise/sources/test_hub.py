"""Datasets of the Hub, through huggingface_hub's real client and a server that speaks as the Hub does.

The client reads its environment when it is imported, so each source is opened in a process of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from babilong_gen.errors import UsageError
from babilong_gen.noise.sources.hub import HubName, parse_hub_name

Serve = Callable[[type[BaseHTTPRequestHandler]], str]

OPEN = """
import sys, json
from pathlib import Path
from babilong_gen.errors import BabilongError
from babilong_gen.noise.sources.source import open_noise_source
try:
    source = open_noise_source(sys.argv[1], cache=Path(sys.argv[2]))
    texts = [[d.name, d.text] for d in source.documents()]
    print(json.dumps([source.content_key, source.credit.licence, texts]))
except BabilongError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def parquet(*texts: str) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table({"short_book_title": ["t"] * len(texts), "text": list(texts)}), content)
    return content.getvalue()


MAIN = {
    "README.md": b"---\nlicense: cc0-1.0\n---\n",
    "data/train-00000-of-00002.parquet": parquet("Book one.", "Book two."),
    "data/train-00001-of-00002.parquet": parquet("Book three."),
    "data/test-00000-of-00001.parquet": parquet("Book four."),
}
SCRIPTED = {"README.md": b"", "old.py": b"import datasets", "data/train_files.txt": b"train/1.txt"}
CONVERTED = {"default/train/0000.parquet": parquet("Converted book.")}


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as a dataset's listing and its files take."""

    repos: ClassVar = {
        ("who/books", "main"): MAIN,
        ("emozilla/pg19", "c021754c8e01c5b1cc83a1f549c1f97fbbb756b8"): MAIN,
        ("who/old", "main"): SCRIPTED,
        ("who/old", "refs/convert/parquet"): CONVERTED,
    }
    spoils = ""
    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.wfile.write(self.answer())

    def answer(self) -> bytes:
        path = unquote(urlsplit(self.path).path)
        self.asked.append(path)
        by_commit = {commit(*key): (key[0], files) for key, files in self.repos.items()}
        for (repo, revision), files in self.repos.items():
            places = {f"/api/datasets/{repo}/revision/{revision}"}
            if revision == "main":
                places.add(f"/api/datasets/{repo}")
            if path in places:
                return self.ok(json.dumps(listing(repo, revision, files)).encode())
        for sha, (repo, files) in by_commit.items():
            name = path.removeprefix(f"/datasets/{repo}/resolve/{sha}/")
            if name in files:
                content = files[name]
                etag = hashlib.sha256(content).hexdigest()
                return self.ok(content.replace(*self.spoil()), **{"ETag": f'"{etag}"', "X-Repo-Commit": sha})
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return b""

    def spoil(self) -> tuple[bytes, bytes]:
        return self.spoils.encode(), self.spoils.upper().encode()

    def ok(self, content: bytes, **headers: str) -> bytes:
        self.send_response(200)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        return content


def commit(repo: str, revision: str) -> str:
    return hashlib.sha1(f"{repo}@{revision}".encode()).hexdigest()


def listing(repo: str, revision: str, files: dict[str, bytes]) -> dict[str, object]:
    siblings = [
        {
            "rfilename": name,
            "size": len(content),
            "lfs": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134},
        }
        for name, content in files.items()
    ]
    card = {"license": "cc0-1.0"}
    return {"id": repo, "sha": commit(repo, revision), "siblings": siblings, "cardData": card}


@pytest.fixture
def hub() -> type[Hub]:
    return type("OneHub", (Hub,), {"asked": []})


@pytest.fixture
def open_source(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Opens a source in a fresh process with a home, a cache and an environment of its own."""

    def run(name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        path = os.pathsep.join(filter(None, sys.path))
        return subprocess.run(
            [sys.executable, "-c", OPEN, name, str(tmp_path / "cache")],
            env=kept | own | {"PYTHONPATH": path} | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


Open = Callable[..., subprocess.CompletedProcess[str]]


def test_a_split_is_fetched_and_then_needs_no_network(
    hub: type[Hub], serve: Serve, open_source: Open
) -> None:
    first = open_source("hf:who/books", HF_ENDPOINT=serve(hub))
    key, licence, texts = json.loads(first.stdout)
    assert licence == "cc0-1.0"
    assert texts == [
        ["data/train-00000-of-00002.parquet:1", "Book one."],
        ["data/train-00000-of-00002.parquet:2", "Book two."],
        ["data/train-00001-of-00002.parquet:1", "Book three."],
    ]
    again = open_source("hf:who/books", HF_HUB_OFFLINE="1")
    assert json.loads(again.stdout) == [key, licence, texts]


def test_another_split_and_pg19_are_read(hub: type[Hub], serve: Serve, open_source: Open) -> None:
    endpoint = serve(hub)
    for name in ("hf:who/books::test#text", "pg19:test"):
        *_, texts = json.loads(open_source(name, HF_ENDPOINT=endpoint).stdout)
        assert texts == [["data/test-00000-of-00001.parquet:1", "Book four."]]


def test_a_repository_with_a_script_is_read_from_its_conversion(
    hub: type[Hub], serve: Serve, open_source: Open
) -> None:
    *_, texts = json.loads(open_source("hf:who/old", HF_ENDPOINT=serve(hub)).stdout)
    assert texts == [["default/train/0000.parquet:1", "Converted book."]]


def test_what_is_not_there_is_one_line(hub: type[Hub], serve: Serve, open_source: Open) -> None:
    endpoint = serve(hub)
    missing = open_source("hf:who/nothing", HF_ENDPOINT=endpoint)
    assert missing.stderr == (
        "SourceError: hf:who/nothing: no such dataset on the Hub, or a private one; try `hf auth login`\n"
    )
    no_split = open_source("hf:who/books::dev", HF_ENDPOINT=endpoint)
    assert (
        no_split.stderr == "UsageError: hf:who/books:default: no split 'dev'; expected one of test, train\n"
    )


def test_a_spoilt_file_is_noticed_by_its_checksum(hub: type[Hub], serve: Serve, open_source: Open) -> None:
    hub.spoils = "three"
    spoilt = open_source("hf:who/books", HF_ENDPOINT=serve(hub))
    assert "damaged, its SHA-256 is not the one the Hub states; delete it and run again" in spoilt.stderr
    assert spoilt.stderr.splitlines()[-1].startswith("SourceError: ")


def test_a_cache_that_cannot_be_written_is_told_from_a_lost_connection(
    hub: type[Hub], serve: Serve, open_source: Open, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file where the cache should be")
    failed = open_source("hf:who/books", HF_ENDPOINT=serve(hub), HF_HOME=str(tmp_path / "taken"))
    assert "cannot keep hf:who/books in the Hub's cache" in failed.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "environment",
    [
        {"HF_ENDPOINT": "http://127.0.0.1:9"},
        {"HF_ENDPOINT": "http://no-such-host.invalid"},
        {"HF_HUB_OFFLINE": "1"},
    ],
)
def test_offline_without_a_copy_is_one_line(open_source: Open, environment: dict[str, str]) -> None:
    failed = open_source("pg19", HF_TOKEN="hf_secret", **environment)
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "work offline with --noise files:GLOB, quality:PATH or procedural" in failed.stderr
    assert "secret" not in failed.stderr


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("who/books", HubName(repo="who/books")),
        ("wikitext:raw", HubName(repo="wikitext", config="raw")),
        (
            "who/books@v2:en:test#body",
            HubName(repo="who/books", revision="v2", config="en", split="test", field="body"),
        ),
        ("who/books::test", HubName(repo="who/books", split="test")),
    ],
)
def test_a_name_is_read(text: str, name: HubName) -> None:
    assert parse_hub_name(text) == name


@pytest.mark.parametrize("text", ["", "a b", "a/b/c", "who/books:a:b:c", "who/books@", "who/books#"])
def test_a_malformed_name_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"names no dataset; expected hf:REPO"):
        parse_hub_name(text)
