"""QuALITY: its release zip downloaded, a copy of it on this machine, or its files."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from babilong_gen.errors import SourceError
from babilong_gen.noise.sources.download import git_blob_id
from babilong_gen.noise.sources.quality import Release, find_quality, quality_documents
from babilong_gen.noise.sources.source import open_noise_source

Serve = Callable[[type[BaseHTTPRequestHandler]], str]


def jsonl(*articles: tuple[int, str]) -> str:
    return "".join(
        json.dumps({"article_id": str(i), "article": text, "questions": []}) + "\n" for i, text in articles
    )


RELEASE_FILES = {
    "QuALITY.v1.0.1.train": jsonl((1, "<html><p>One &amp; all.</p></html>")),
    "QuALITY.v1.0.1.htmlstripped.train": jsonl((1, "One & all."), (1, "One & all.")),
    "QuALITY.v1.0.1.htmlstripped.dev": jsonl((2, "Two."), (3, "Three.")),
    "__MACOSX/._QuALITY.v1.0.1.dev": "\0",
}


@pytest.fixture
def release_zip(tmp_path: Path) -> Path:
    path = tmp_path / "QuALITY.v1.0.1.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in RELEASE_FILES.items():
            archive.writestr(name, content)
    return path


def articles(place: Path | str, cache: Path) -> list[tuple[str, str]]:
    source = open_noise_source(f"quality:{place}" if place else "quality", cache=cache)
    return [(document.name, " ".join(document.text.split())) for document in source.documents()]


def serving(path: Path) -> type[BaseHTTPRequestHandler]:
    class OneFile(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = path.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return OneFile


ARTICLES = [("1", "One & all."), ("2", "Two."), ("3", "Three.")]


def test_a_downloaded_zip_gives_each_article_once(release_zip: Path, tmp_path: Path) -> None:
    assert articles(release_zip, tmp_path / "cache") == ARTICLES


def test_the_environment_names_the_place_too(
    release_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BABILONG_QUALITY", str(release_zip))
    assert articles("", tmp_path / "cache") == ARTICLES


def test_an_unpacked_release_gives_the_same_articles(tmp_path: Path) -> None:
    for name, content in RELEASE_FILES.items():
        if name.startswith("QuALITY"):
            (tmp_path / "unpacked").mkdir(exist_ok=True)
            (tmp_path / "unpacked" / name).write_text(content)
    assert sorted(articles(tmp_path / "unpacked", tmp_path / "cache")) == ARTICLES
    assert sorted(articles(tmp_path / "unpacked" / "*.v1.0.1.*", tmp_path / "cache")) == ARTICLES
    assert articles(tmp_path / "unpacked" / "QuALITY.v1.0.1.train", tmp_path / "cache") == ARTICLES[:1]


def test_a_zip_of_html_alone_is_stripped_here(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "q.zip", "w") as archive:
        archive.writestr("release/QuALITY.v1.0.1.train", RELEASE_FILES["QuALITY.v1.0.1.train"])
    assert articles(tmp_path / "q.zip", tmp_path / "cache") == ARTICLES[:1]


def test_the_release_is_downloaded_once_and_checked(release_zip: Path, serve: Serve, tmp_path: Path) -> None:
    release = Release(
        url=serve(serving(release_zip)) + "/QuALITY.v1.0.1.zip", git_blob=git_blob_id(release_zip)
    )
    files = find_quality("", cache=tmp_path / "cache", release=release)
    release_zip.unlink()
    assert find_quality("", cache=tmp_path / "cache", release=release) == files
    assert [document.name for document in quality_documents(files)] == ["1", "2", "3"]


def test_a_download_damaged_in_the_cache_is_fetched_again(
    release_zip: Path, serve: Serve, tmp_path: Path
) -> None:
    release = Release(
        url=serve(serving(release_zip)) + "/QuALITY.v1.0.1.zip", git_blob=git_blob_id(release_zip)
    )
    (file,) = find_quality("", cache=tmp_path / "cache", release=release)
    file.path.write_bytes(b"bit rot")
    (again,) = find_quality("", cache=tmp_path / "cache", release=release)
    assert again.path.read_bytes() == release_zip.read_bytes()


def test_a_zip_of_something_else_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("beach.jpg", b"\xff\xd8")
    with pytest.raises(SourceError, match=r"photos\.zip: no QuALITY file in it"):
        articles(tmp_path / "photos.zip", tmp_path / "cache")


def test_a_truncated_zip_is_named(release_zip: Path, tmp_path: Path) -> None:
    release_zip.write_bytes(release_zip.read_bytes()[:-40])
    with pytest.raises(SourceError, match=r"QuALITY\.v1\.0\.1\.zip: truncated, damaged or not a zip"):
        articles(release_zip, tmp_path / "cache")


def test_offline_without_a_copy_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BABILONG_QUALITY", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        SourceError, match=r"work offline with --noise files:GLOB, quality:PATH or procedural"
    ):
        open_noise_source("quality", cache=tmp_path)


def test_the_real_release_form_is_read(shared_data: Path, tmp_path: Path) -> None:
    ((name, text),) = articles(shared_data / "noise" / "quality_example.jsonl", tmp_path)
    assert name == "52845"
    assert text.startswith("THE GIRL IN HIS MIND")
