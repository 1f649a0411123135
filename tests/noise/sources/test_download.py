"""Downloads from a real server: checked, resumed, and clear when they fail."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from babilong_gen.errors import SourceError
from babilong_gen.noise.sources.download import download, git_blob_id, recorded_sha256

CONTENT = bytes(range(256)) * 4000
GIT_BLOB = hashlib.sha1(b"blob 1024000\0" + CONTENT).hexdigest()

Serve = Callable[[type[BaseHTTPRequestHandler]], str]


class FileServer(BaseHTTPRequestHandler):
    """Serves CONTENT under every path, whole or from where the client goes on."""

    content = CONTENT
    breaks_off_after: int | None = None
    asked: list[str | None]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        start = 0
        if wanted and self.headers.get("If-Range") == self.etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(self.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("ETag", self.etag)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : self.breaks_off_after])

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.content).hexdigest()}"'


@pytest.fixture
def server() -> type[FileServer]:
    return type("Server", (FileServer,), {"asked": []})


def test_a_file_arrives_whole_and_its_checksum_is_recorded(
    server: type[FileServer], serve: Serve, tmp_path: Path
) -> None:
    target = tmp_path / "new" / "release.zip"
    assert download(serve(server) + "/release.zip", target, git_blob=GIT_BLOB) == target
    assert target.read_bytes() == CONTENT
    assert recorded_sha256(target) == hashlib.sha256(CONTENT).hexdigest()
    assert sorted(path.name for path in target.parent.iterdir()) == ["release.zip", "release.zip.sha256"]


def test_a_file_that_is_there_is_not_fetched_again(
    server: type[FileServer], serve: Serve, tmp_path: Path
) -> None:
    url = serve(server)
    download(url, tmp_path / "x")
    download(url, tmp_path / "x")
    assert len(server.asked) == 1


def test_a_broken_off_download_goes_on_from_there(
    server: type[FileServer], serve: Serve, tmp_path: Path
) -> None:
    url, target = serve(server), tmp_path / "x"
    server.breaks_off_after = 600_000
    with pytest.raises(SourceError, match=r"broke off after 600,000 of 1,024,000 bytes, run again to go on"):
        download(url, target)
    assert not target.exists()
    server.breaks_off_after = None
    download(url, target, git_blob=GIT_BLOB)
    assert target.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=600000-"]


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(
    server: type[FileServer], serve: Serve, tmp_path: Path
) -> None:
    url, target = serve(server), tmp_path / "x"
    server.breaks_off_after = 600_000
    with pytest.raises(SourceError):
        download(url, target)
    server.breaks_off_after, server.content = None, CONTENT[::-1]
    assert download(url, target).read_bytes() == CONTENT[::-1]


def test_a_download_that_was_whole_but_never_checked_starts_over(
    server: type[FileServer], serve: Serve, tmp_path: Path
) -> None:
    url, target = serve(server), tmp_path / "x"
    (tmp_path / "x.part").write_bytes(CONTENT)
    (tmp_path / "x.part.etag").write_text(f'"{hashlib.md5(CONTENT).hexdigest()}"')
    assert download(url, target).read_bytes() == CONTENT


def test_another_content_than_was_published_is_refused(
    server: type[FileServer], serve: Serve, tmp_path: Path
) -> None:
    server.content = b"something else"
    with pytest.raises(SourceError, match=rf"expected the Git blob {GIT_BLOB}, got"):
        download(serve(server), tmp_path / "x", git_blob=GIT_BLOB)
    assert not list(tmp_path.glob("x*[!g]"))


def test_what_the_server_says_is_passed_on(serve: Serve, tmp_path: Path) -> None:
    class Gone(FileServer):
        def do_GET(self) -> None:
            self.send_error(404)

    with pytest.raises(SourceError, match=r"cannot download http.*: the server says 404 Not Found"):
        download(serve(Gone), tmp_path / "x")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/refused", "http://no-such-host.invalid/x"])
def test_without_a_connection_the_offline_ways_are_named(tmp_path: Path, url: str) -> None:
    with pytest.raises(
        SourceError, match=r"files:GLOB, quality:PATH or procedural, or copy the cache"
    ) as caught:
        download(url, tmp_path / "x")
    assert "\n" not in str(caught.value)


def test_an_answer_that_is_no_http_is_told(serve: Serve, tmp_path: Path) -> None:
    class Babble(FileServer):
        def do_GET(self) -> None:
            self.wfile.write(b"what?\r\n\r\n")

    with pytest.raises(SourceError, match=r"cannot download"):
        download(serve(Babble), tmp_path / "x")


def test_offline_by_choice_asks_no_server(
    server: type[FileServer], serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SourceError, match=r"x is not in the cache and HF_HUB_OFFLINE is set"):
        download(serve(server), tmp_path / "x")
    assert server.asked == []


def test_a_git_blob_id_is_gits_own(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert git_blob_id(tmp_path / "empty") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
