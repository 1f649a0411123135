"""A small generated dataset, to be exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run


@pytest.fixture(scope="session")
def dataset(babilong: Run, noise_files: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six samples each of a place, a list and a path, at two lengths."""
    out = tmp_path_factory.mktemp("dataset") / "out"
    done = babilong(
        "generate", "--tasks", "qa1,qa8,qa19", "--lengths", "0k,1k", "--samples", 6,
        "--noise", noise_files, "--out", out, "--workers", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out
