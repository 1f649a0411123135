"""What lies between this machine and the noise's servers is named: proxies, certificates, tokens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from babilong_gen.errors import SourceError
from babilong_gen.hub_errors import reading_failed
from babilong_gen.noise.sources.download import download
from babilong_gen.noise.sources.hub import fetch_split, parse_hub_name

Serve = Callable[[type[BaseHTTPRequestHandler]], str]
SECRET = "Zm9vYmFyYmF6cXV4"


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine that runs the tests, and no choice to be offline."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    for name in ("http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("proxy", "line"),
    [
        (f"http://me:{SECRET}@127.0.0.1:9", "refused through the proxy http://127.0.0.1:9 of HTTP_PROXY"),
        (
            f"http://me:{SECRET}@127.0.0.1:99999",
            "the proxy http://127.0.0.1:99999 of HTTP_PROXY has no address",
        ),
    ],
)
def test_a_download_names_the_proxy_that_is_not_there(
    proxy: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(SourceError, match=line) as raised:
        download("http://127.0.0.1:9/x", tmp_path / "x")
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "SSL_CERT_FILE names /nowhere/ca.pem, which is not there"),
        ("HTTP_PROXY", "http://127.0.0.1:99999", "has no address that can be used"),
        ("HTTP_PROXY", "http://127.0.0.1:9", "cannot reach the Hub through the proxy http://127.0.0.1:9 of"),
        ("HF_TOKEN", f"“{SECRET}”", "HF_TOKEN, or the login, holds characters that no token can have"),
    ],
)
def test_an_error_of_the_hub_names_what_causes_it(
    name: str, value: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    told = str(reading_failed(ConnectionError("no"), "hf:me/books", "try again"))
    assert line in told
    assert SECRET not in told


def test_a_page_in_place_of_the_hub_is_told(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome to the hotel</html>")

    endpoint = serve(Portal)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", endpoint)
    monkeypatch.setattr("huggingface_hub.HfApi", partial(HfApi, endpoint=endpoint))
    with pytest.raises(SourceError, match=f"hf:me/books: what answers at {endpoint} is not the Hub"):
        fetch_split(parse_hub_name("me/books"), cache=tmp_path)


def test_without_a_fault_the_message_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    told = reading_failed(ConnectionError("no"), "hf:me/books", "try again")
    assert str(told) == "cannot reach the Hub for hf:me/books; try again"
