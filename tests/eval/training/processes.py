"""`babilong train` in processes that can be killed, forked from one that has imported everything already."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fork_server import SERVER, prepare_server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.context import ForkServerProcess

_PATIENCE = 600


def start_training(recipe: Path, out: Path, cache: Path, *, processes: int = 1) -> list[ForkServerProcess]:
    """Start a training of one or several processes; each writes its messages to OUT.RANK."""
    prepare_server()
    environment = {"BABILONG_CACHE": str(cache), "ACCELERATE_USE_CPU": "true"}
    if processes > 1:
        rendezvous = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
        environment |= {"WORLD_SIZE": str(processes), **rendezvous}
    started = []
    for rank in range(processes):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank)} if processes > 1 else {}
        arguments = ["train", str(recipe), "--out", str(out)]
        process = SERVER.Process(target=_run, args=(arguments, environment | own, f"{out}.{rank}"))
        process.start()
        started.append(process)
    return started


def launch_training(recipe: Path, out: Path, cache: Path, *, processes: int) -> None:
    """Train in processes that torchrun's launcher starts, and wait for them; raises where one fails."""
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    prepare_server()
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        start_method="forkserver",
    )
    environment = {"BABILONG_CACHE": str(cache), "ACCELERATE_USE_CPU": "true"}
    arguments = ["train", str(recipe), "--out", str(out)]
    elastic_launch(config, _run_launched)(arguments, environment, str(out))


def _run_launched(arguments: list[str], environment: dict[str, str], out: str) -> None:
    try:
        _run(arguments, environment, f"{out}.{os.environ['RANK']}")
    except SystemExit as ended:
        if ended.code:
            raise


def _run(arguments: list[str], environment: dict[str, str], messages: str) -> None:
    from babilong_eval.cli import main

    os.environ.update(environment)
    sys.argv = ["babilong", *arguments]
    with Path(messages).open("w", encoding="utf-8") as sys.stderr:
        main()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def finish(processes: Sequence[ForkServerProcess], out: Path) -> tuple[list[int | None], str]:
    """Wait for processes; give their exit codes and the first one's messages."""
    for process in processes:
        process.join(_PATIENCE)
    return [process.exitcode for process in processes], Path(f"{out}.0").read_text(encoding="utf-8")


def wait_for(processes: Sequence[ForkServerProcess], is_there: Callable[[], Any]) -> None:
    """Wait until something is there, which must be before the processes end."""
    began = time.monotonic()
    while not is_there():
        assert all(process.is_alive() for process in processes), "they ended too early"
        assert time.monotonic() - began < _PATIENCE
        time.sleep(0.002)
