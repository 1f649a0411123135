"""Datasets to publish, and a Hub on loopback to publish them to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.command_line import run_here
from tests.conftest import Run
from tests.publish.client import client_with
from tests.publish.hub import Hub
from tests.publish.hub_server import serve_hub

Push = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """An empty Hub."""
    store = tmp_path / "store"
    store.mkdir()
    yield from serve_hub(store)


@pytest.fixture
def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    """What a process needs to take that Hub for the Hub, with a home of its own and somebody logged in."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub.token,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_OFFLINE": "0",
    }


@pytest.fixture
def push(babilong: Run, environment: dict[str, str]) -> Push:
    """Runs `babilong push`; in a process of its own where something lies between it and the Hub."""

    def run(*arguments: object, **changed: str) -> subprocess.CompletedProcess[str]:
        given = environment | changed
        if changed.keys() <= {"HF_TOKEN", "HF_HUB_OFFLINE"}:
            with client_with(given):
                return run_here(["push", *map(str, arguments)], os.environ | given)
        return babilong("push", *arguments, **given)

    return run


@pytest.fixture(scope="session")
def many_shards(babilong: Run, noise_files: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred and twenty shards, more than go into one commit."""
    out = tmp_path_factory.mktemp("many") / "out"
    tasks = ",".join(f"qa{number}" for number in range(1, 21))
    options = ["--tasks", tasks, "--lengths", "0k,2k,3k,4k,5k,6k", "--samples", 1, "--noise", noise_files]
    done = babilong("generate", *options, "--out", out, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return out
