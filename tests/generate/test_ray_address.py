"""`--executor ray` where no cluster answers, and where Ray is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import Run

OPTIONS = ["--tasks", "qa1", "--lengths", "0k", "--samples", "1", "--executor", "ray"]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense"])
def test_an_address_where_no_cluster_answers_is_named(
    babilong: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    ray = pytest.importorskip("ray")
    assert not ray.is_initialized()
    monkeypatch.setenv("RAY_ADDRESS", address)
    refused = babilong("generate", *OPTIONS, "--out", tmp_path / "out")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"babilong: no Ray cluster answers at RAY_ADDRESS={address}")


def test_without_ray_the_extra_is_named(
    babilong: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    refused = babilong("generate", *OPTIONS, "--out", tmp_path / "out")
    assert refused.returncode == 2
    assert "pip install 'babilong-gen[ray]'" in refused.stderr
    assert not (tmp_path / "out").exists()
