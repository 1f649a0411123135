"""What keeps a model on the Hub from being fetched is named, and not taken for a fault of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from babilong_eval.models.loading import loading
from babilong_gen.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hf_ZmFrZXRva2Vu"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hub at its usual place, which may be asked."""
    for name in (*PROXIES, *map(str.upper, PROXIES), "SSL_CERT_FILE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://huggingface.co")


def told(path: object, error: Exception) -> str:
    with pytest.raises(SourceError) as raised, loading("tokenizer", str(path)):
        raise error
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "SSL_CERT_FILE names /nowhere/ca.pem, which is not there"),
        ("ALL_PROXY", "socks5://127.0.0.1:1080", "pip install socksio"),
        ("HF_TOKEN", f"“{SECRET}”", "HF_TOKEN, or the login, holds characters that no token can have"),
    ],
)
def test_what_keeps_every_request_from_the_hub_is_named(
    name: str, value: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("babilong_gen.network.find_spec", lambda _: None)  # as where socksio is not installed
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_PROXY", "huggingface.co")  # the Hub's client opens a proxy all the same
    for error in (OSError("cannot load"), ImportError("Using SOCKS proxy")):
        line = told("me/model", error)
        assert line.startswith("cannot reach the Hub for me/model: ")
        assert fault in line
        assert SECRET not in line
    assert fault not in told(tmp_path, OSError("cannot load"))


def test_a_proxy_through_which_the_hub_was_asked_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{SECRET}@127.0.0.1:9")
    line = told("me/model", OSError("no connection"))
    assert line == (
        "no tokenizer in me/model: no connection (asked the Hub through the proxy http://127.0.0.1:9 of "
        "HTTPS_PROXY)"
    )
