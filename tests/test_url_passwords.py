"""A password that stands in a URL on the command line is repeated by no command and kept in no file."""

from __future__ import annotations

import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Run

SECRET = "Zm9v#YmFyYmF6"
WRITTEN = SECRET.replace("#", "%23")
GENERATE = ["generate", "--tasks", "qa1", "--lengths", "0k", "--samples", 2, "--out"]
S3, HTTP = f"s3://me:{WRITTEN}@bucket/out", f"https://me:{WRITTEN}@127.0.0.1:9/out"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ([*GENERATE, S3], "s3 takes no user or password in its URL"),
        ([*GENERATE, f"gs://me:{WRITTEN}@bucket/out"], "gs takes no user or password"),
        ([*GENERATE, HTTP], "cannot be written"),
        ([*GENERATE, f"zzz://me:{WRITTEN}@host/out"], "Unsupported filesystem"),
        ([*GENERATE, f"ftp://me:{WRITTEN}@127.0.0.1:9/out"], "cannot be reached"),
        (["evaluate", HTTP, "--model", "rmt:tiny-detect", "--out", "out"], "cannot be read"),
        (["evaluate", ".", "--model", f"hf:{HTTP}", "--out", "out"], "no data"),
        (["push", HTTP, "me/set"], "is not on this machine"),
        (["export", S3, "--to", "json", "--out", "out"], "takes no user or password"),
        (["score", S3], "a URL; expected a file or folder"),
    ],
)
def test_no_command_repeats_it(
    babilong: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = babilong(*command)
    assert done.returncode == 2
    assert line in done.stderr
    for secret in (SECRET, WRITTEN, SECRET[5:]):
        assert secret not in done.stderr + done.stdout


def test_a_model_after_a_user_and_password_is_no_model_at_openai(
    babilong: Run, dataset: Path, tmp_path: Path
) -> None:
    model = f"api:small@me:{SECRET}@host:8000/v1"
    done = babilong("evaluate", dataset, "--model", model, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "looks like the address of a server without http:// or https://" in done.stderr
    assert SECRET not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture
def served(dataset: Path) -> Iterator[str]:
    """The small dataset on loopback, its URL with a user and a password."""

    class Files(SimpleHTTPRequestHandler):
        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(dataset))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://me:{WRITTEN}@127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_dataset_is_read_by_such_a_url_and_the_url_is_kept_without_it(
    babilong: Run, served: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    checked = babilong("verify", served, "--checksums")
    assert checked.returncode == 0, checked.stderr
    assert "http://[password]@127.0.0.1" in checked.stdout
    asked = ["evaluate", served, "--model", "rmt:tiny-detect", "--limit", 1, "--tasks", "qa1", "--out", out]
    done = babilong(*asked)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "run.json").read_text())["data"].startswith("http://[password]@127.0.0.1")
    written = [path.read_text() for path in out.iterdir()]
    for secret in (SECRET, WRITTEN):
        for text in (checked.stdout, done.stdout, done.stderr, *written):
            assert secret not in text
