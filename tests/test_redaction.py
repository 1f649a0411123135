"""No secret, and no part of one by which it could be recognised, is left in a text."""

from __future__ import annotations

import os
import string
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from babilong_gen.redaction import keep_secret, redacted
from tests.command_line import run_here

KEYS = st.text(alphabet=string.ascii_letters + string.digits + "-_+/=", min_size=8, max_size=60)


def quoted_whole(key: str) -> str:
    """A client's own error."""
    return f"Illegal header value b'Bearer {key}'"


def cut(key: str) -> str:
    """As servers show enough of a key to tell which."""
    return f"Incorrect API key provided: {key[:9]}***{key[-8:]}. Find yours at https://host/keys"


def in_a_url(key: str) -> str:
    return f"GET https://host/v1?key={quote(key, safe='')} failed"


@pytest.mark.parametrize("message", [quoted_whole, cut, in_a_url])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(key=KEYS)
def test_no_eight_characters_of_a_key_are_left(message, key: str) -> None:
    keep_secret(key)
    shown = redacted(message(key))
    original = message("").replace("***", "")
    parts = [key[start : start + 8] for start in range(len(key) - 7)]
    assert not [part for part in parts if part in shown and part not in original]


def test_secrets_that_begin_alike_leave_nothing_of_each_other() -> None:
    keep_secret("sk-same-")
    keep_secret("sk-same-5e6f")
    assert redacted("the key is sk-same-5e6f.") == "the key is [key]."


def test_a_broken_key_is_left_out_piece_by_piece() -> None:
    keep_secret("sk-proj-4f3a\n9b8c7d6e")
    assert redacted("value b'sk-proj-4f3a\\n9b8c7d6e'") == r"value b'[key]\n[key]'"


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("SOME_API_KEY", "[key]"),
        ("HF_TOKEN", "[token]"),
        ("AWS_SECRET_ACCESS_KEY", "[key]"),
        ("PASSWORD", "[key]"),
    ],
)
def test_variables_that_hold_secrets_are_known_by_their_names(
    name: str, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "qXw81LpVn3zR")
    assert redacted("the server said qXw81LpVn3zR, twice: qXw81LpVn3zR") == (
        f"the server said {mark}, twice: {mark}"
    )


def test_paths_and_words_are_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", "/home/me/keys/signing.pem")
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    text = "cannot read /home/me/keys/signing.pem: EMPTY"
    assert redacted(text) == text


def test_passwords_in_urls_are_left_out() -> None:
    assert redacted("ftp://me:pass@host/x cannot be read") == "ftp://[password]@host/x cannot be read"
    assert redacted("api:org/model@v2@http://host/v1") == "api:org/model@v2@http://host/v1"


def test_a_traceback_shows_where_and_not_what_was_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A bug of ours, met while a library quotes what it was given."""

    def fail(*_: object) -> None:
        raise KeyError("Illegal header value b'Bearer qXw81LpVn3zR'")

    monkeypatch.setenv("BABILONG_TRACEBACK", "1")
    monkeypatch.setenv("SOME_API_KEY", "qXw81LpVn3zR")
    monkeypatch.setattr("babilong_gen.write.folder.open_folder", fail)
    monkeypatch.setattr("babilong_gen.verification.dataset.open_folder", fail, raising=False)
    monkeypatch.setattr("babilong_gen.commands.verify.open_folder", fail, raising=False)
    done = run_here(["verify", str(tmp_path)], os.environ)
    assert done.returncode == 1
    assert "in fail" in done.stderr
    assert "KeyError: \"Illegal header value b'Bearer [key]'\"" in done.stderr
