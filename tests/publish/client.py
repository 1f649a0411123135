"""`babilong push` where the Hub's client is imported already, here or in a process that can be killed."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import close_session, constants
from huggingface_hub.utils import enable_progress_bars

from babilong_eval.cli import main
from tests.fork_server import SERVER, prepare_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.context import ForkServerProcess


@contextmanager
def client_with(environment: Mapping[str, str]) -> Iterator[None]:
    """The Hub's client as if it were imported with these variables, which it reads only then."""
    close_session()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", environment["HF_ENDPOINT"])
        patch.setattr(constants, "HF_HUB_OFFLINE", environment["HF_HUB_OFFLINE"] == "1")
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_HOME", environment["HF_HOME"])
        patch.setattr(constants, "HF_TOKEN_PATH", f"{environment['HF_HOME']}/token")
        yield
    close_session()
    enable_progress_bars()


def start_push(arguments: Sequence[str], environment: Mapping[str, str]) -> ForkServerProcess:
    """Start `babilong push` and do not wait for it."""
    prepare_server()
    process = SERVER.Process(target=_push, args=(list(arguments), dict(environment)))
    process.start()
    return process


def _push(arguments: list[str], environment: dict[str, str]) -> None:
    os.environ.update(environment)
    sys.argv = ["babilong", "push", *arguments]
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        client_with(environment),
    ):
        main()
