"""What keeps a store from being reached is named, and its password is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from babilong_gen.errors import BabilongError
from babilong_gen.write.folder import open_folder, reaching

SECRET = "Zm9vYmFyYmF6cXV4"


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("AWS_ENDPOINT_URL", "nonsense", "AWS_ENDPOINT_URL nonsense is no web address"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:99999", "has a port that is no number from 1 to 65535"),
        (
            "AWS_ENDPOINT_URL_S3",
            f"http://me:{SECRET}@127.0.0.1",
            "http://127.0.0.1 holds a user or a password",
        ),
        ("AWS_CA_BUNDLE", "/nowhere/ca.pem", "AWS_CA_BUNDLE names /nowhere/ca.pem, which is not there"),
    ],
)
def test_a_fault_of_the_environment_is_named(
    name: str, value: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BabilongError, match=f"s3://bucket/out cannot be reached: .*{fault}") as raised:
        open_folder("s3://bucket/out")
    assert SECRET not in str(raised.value)


def test_a_server_that_is_asked_at_once_and_is_not_there_is_one_line_without_its_password() -> None:
    with pytest.raises(
        BabilongError, match=r"ftp://\[password\]@127.0.0.1:9/out cannot be reached"
    ) as raised:
        open_folder(f"ftp://me:{SECRET}@127.0.0.1:9/out")
    assert raised.value.__cause__ is None


def test_what_a_driver_says_of_a_password_is_left_out(tmp_path: Path) -> None:
    with (
        pytest.raises(
            BabilongError, match=r"cannot be read \(https://\[password\]@host answers 403\)"
        ) as raised,
        reaching(tmp_path, "read", "try again"),
    ):
        raise OSError(f"https://me:{SECRET}@host answers 403")
    assert SECRET not in str(raised.value)
