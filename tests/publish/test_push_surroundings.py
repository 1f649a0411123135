"""What lies between `babilong push` and the Hub is named at once, and the token by nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import close_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from babilong_gen.errors import BabilongError, UsageError
from babilong_gen.publish.hub import HubDataset, TemporaryError, open_hub
from tests.publish.conftest import Push
from tests.publish.hub import Fault, Hub

TOKEN = "hf_QmFzZTY0SXNOb3RTZWNyZXQ"
PARTS = [TOKEN[start : start + 8] for start in range(len(TOKEN) - 7)]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"SSL_CERT_FILE": "/nowhere/ca.pem"}, "SSL_CERT_FILE names /nowhere/ca.pem, which is not there"),
        ({"HTTP_PROXY": "http://127.0.0.1:99999", "NO_PROXY": ""}, "has no address that can be used"),
        ({"HF_ENDPOINT": "http://127.0.0.1:99999"}, "has a port that is no number from 1 to 65535"),
        (
            {"HF_ENDPOINT": f"http://me:{TOKEN}@127.0.0.1"},
            "HF_ENDPOINT http://127.0.0.1 holds a user or a password",
        ),
        ({"HF_TOKEN": f"“{TOKEN}”"}, "the token holds characters that none can have"),
    ],
)
def test_a_fault_of_the_environment_is_told_at_once(
    hub: Hub, push: Push, dataset: Path, changed: dict[str, str], line: str
) -> None:
    refused = push(dataset, "me/facts", **changed)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert line in refused.stderr
    assert TOKEN not in refused.stderr
    assert not hub.asked


def test_a_socks_proxy_names_the_package_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babilong_gen.network.find_spec", lambda _: None)  # as where socksio is not installed
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(UsageError, match=r"proxy socks5://127.0.0.1:1080 of ALL_PROXY .*pip install socksio"):
        open_hub("me/facts", revision=None, token=TOKEN, endpoint="http://127.0.0.1:9")


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, hub: Hub) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    for name in ("no_proxy", "NO_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", f"http://me:{TOKEN}@127.0.0.1:9")
    close_session()  # it has read the environment already
    opened = open_hub("me/facts", revision=None, token=hub.token, endpoint=hub.url)
    with pytest.raises(TemporaryError, match=r"through the proxy http://127.0.0.1:9 of HTTP_PROXY") as told:
        opened.is_private()
    close_session()
    assert TOKEN not in str(told.value)


@pytest.fixture
def opened() -> HubDataset:
    """A dataset repository that no request reaches."""
    return open_hub("me/facts", revision=None, token=TOKEN, endpoint="http://127.0.0.1:9")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(
        [ValueError, RuntimeError, OSError, PermissionError, UnicodeError, ImportError, KeyError, TypeError]
    ),
    message=st.sampled_from(
        [
            f"Bearer {TOKEN}",
            f"b'{TOKEN}\\n'",
            f"{TOKEN[:9]}…{TOKEN[-9:]}",
            f"https://me:{TOKEN}@host",
            TOKEN * 20,
        ]
    ),
    wrapped=st.booleans(),
)
def test_no_part_of_the_token_is_in_an_error_whatever_the_client_says(
    monkeypatch: pytest.MonkeyPatch, opened: HubDataset, kind: type[Exception], message: str, wrapped: bool
) -> None:
    def fail(*_: object, **__: object) -> None:
        if wrapped:
            raise RuntimeError("the upload failed") from kind(message)
        raise kind(message)

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", fail)
    with pytest.raises((BabilongError, TemporaryError)) as told:
        opened.is_private()
    assert told.value.__cause__ is None
    assert not [part for part in PARTS if part in str(told.value)]


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_no_part_of_the_token_is_in_an_error_that_a_server_repeats_it_in(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    hub.faults.append(Fault("POST /api/repos/create", status))
    opened = open_hub("me/facts", revision=None, token=hub.token, endpoint=hub.url)
    with pytest.raises((BabilongError, TemporaryError)) as told:
        opened.create(private=True)
    assert hub.token[:8] not in str(told.value)
