"""What lies around a server: its address, its key, proxies and certificates, each named where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from babilong_eval.inference.endpoint import ServerOptions
from babilong_eval.inference.server_address import parse_address
from babilong_gen.errors import BabilongError, SourceError, UsageError
from tests.eval.inference.model_server import Server, chat_answer, outcomes, serving

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
SECRET = "sk-proj-Zm9vYmFyYmF6cXV4"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no address of the machine that runs the tests."""
    for name in (*PROXIES, *(name.upper() for name in PROXIES), "OPENAI_BASE_URL", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("spec", "model", "url"),
    [
        ("api:org/model@v2@http://localhost:8000/v1", "org/model@v2", "http://localhost:8000/v1"),
        ("api:llama3:8b@HTTPS://host/v1", "llama3:8b", "HTTPS://host/v1"),
        ("api:m@http://[::1]:8000/v1", "m", "http://[::1]:8000/v1"),
        ("api:claude-3-5-sonnet@20240620", "claude-3-5-sonnet@20240620", "https://api.openai.com/v1"),
        ("api:@cf/meta/llama-3", "@cf/meta/llama-3", "https://api.openai.com/v1"),
        ("api:org/model@v2", "org/model@v2", "https://api.openai.com/v1"),
        ("api:org/model@v2.5", "org/model@v2.5", "https://api.openai.com/v1"),
    ],
)
def test_an_address_is_read_as_it_is_meant(spec: str, model: str, url: str) -> None:
    assert parse_address(spec) == (model, url)


@pytest.mark.parametrize(
    "place",
    [
        "localhost:8000/v1",
        "localhost",
        "10.0.0.3",
        "gpu7/v1",
        "gpu7:8000",
        "[::1]:8000/v1",
        "//localhost:8000",
        "http//localhost:8000/v1",
        "me:password@localhost:8000",
        "api.example.com/v1",
        "llm.example.org",
    ],
)
def test_a_server_without_a_scheme_is_not_taken_for_a_model_at_openai(place: str) -> None:
    with pytest.raises(UsageError, match="without http:// or https://: expected api:MODEL@BASE_URL"):
        parse_address(f"api:model@{place}")


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://localhost:99999/v1", "has a port that is no number from 1 to 65535"),
        ("http://localhost:port/v1", "has a port that is no number from 1 to 65535"),
        ("http://localhost:0/v1", "has a port that is no number from 1 to 65535"),
        ("http://[::1/v1", "has a port that is no number"),
        ("ftp://localhost/v1", "is no web address"),
        ("http://", "is no web address"),
        (f"http://user:{SECRET}@localhost/v1", "holds a user or a password"),
        (f"http://localhost/v1?key={SECRET}", "goes on after"),
    ],
)
def test_a_url_that_cannot_be_is_told_without_what_is_secret(
    url: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=fault) as raised:
        parse_address(f"api:model@{url}")
    assert SECRET not in str(raised.value)
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(UsageError, match=rf"OPENAI_BASE_URL .*{fault}"):
        parse_address("api:model")


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_base_url_is_as_none(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", value)
    assert parse_address("api:model") == ("model", "https://api.openai.com/v1")


@pytest.mark.parametrize(
    "key", ["sk-proj-abc\ndefghijkl", "“sk-proj-abcdefgh”", "sk-proj abcdefgh", "sk-\x00abcdefgh"]
)
def test_a_key_that_none_can_be_is_refused_before_it_is_sent(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", key.replace("\x00", "\x01"))
    with (
        serving(lambda *_: chat_answer("garden")) as server,
        pytest.raises(UsageError, match="MY_KEY holds characters that no key can have") as raised,
    ):
        outcomes(server, options=ServerOptions(key_variable="MY_KEY"))
    assert server.requests == []
    assert "abc" not in str(raised.value)


def test_the_line_break_at_the_end_of_a_keys_file_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{SECRET}\n")
    with serving(lambda *_: chat_answer("garden"), key=SECRET) as server:
        assert outcomes(server)[0].answer


def test_another_variable_that_is_sent_along_is_checked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1\norg-2")
    with (
        serving(lambda *_: chat_answer("garden")) as server,
        pytest.raises(UsageError, match="OPENAI_ORG_ID holds characters"),
    ):
        outcomes(server)


def test_a_proxy_that_is_not_there_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:{SECRET}@127.0.0.1:9")
    with (
        serving(lambda *_: chat_answer("garden")) as server,
        pytest.raises(SourceError, match=r"through the proxy http://127.0.0.1:9 of HTTP_PROXY") as raised,
    ):
        outcomes(server)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("variable", "proxy", "fault"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080", "pip install socksio"),
        ("HTTP_PROXY", "http://127.0.0.1:99999", "has no address that can be used"),
        ("HTTP_PROXY", "gopher://127.0.0.1", "has no address that can be used"),
    ],
)
def test_a_proxy_is_refused_where_it_is_needed_and_ignored_where_not(
    variable: str, proxy: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("babilong_gen.network.find_spec", lambda _: None)  # as where socksio is not installed
    monkeypatch.setenv(variable, proxy)
    with serving(lambda *_: chat_answer("garden")) as server:
        with pytest.raises(UsageError, match=f"the proxy {proxy} of {variable} .*{fault}"):
            outcomes(server)
        monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
        assert outcomes(server)[0].answer


def test_a_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server stands for the proxy, which is asked for a host that there is not."""
    with serving(lambda *_: chat_answer("garden")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        assert outcomes(Server(url="http://nowhere.invalid/v1"))[0].answer
    assert proxy.requests[0]["path"] == "http://nowhere.invalid/v1/chat/completions"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "ca.pem"))
    with pytest.raises(UsageError, match=f"{name} names .*ca.pem, which is not there"):
        outcomes(Server(url="http://127.0.0.1:9/v1"))


def test_certificates_that_are_none_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(BabilongError, match=r"ca.pem, which holds no certificates"):
        outcomes(Server(url="http://127.0.0.1:9/v1"))
