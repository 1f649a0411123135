"""Shared fixtures: where the real data lies, where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (official bAbI files, stories, predictions); skips where it is absent."""
    folder = Path(os.environ.get("BABILONG_TEST_DATA", _BESIDE_THE_REPOSITORY))
    if not folder.is_dir():
        pytest.skip("real data not found: set BABILONG_TEST_DATA to its folder")
    return folder
