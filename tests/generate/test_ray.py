"""`--executor ray` on a real Ray: the same bytes, lost workers, interruptions, machines without our cache."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from babilong_gen.executors.ray import make_shards
from babilong_gen.generation import Silent, prepare_plan
from babilong_gen.make import ShardContext
from babilong_gen.spec import make_spec
from tests.command_line import WITHOUT_PANDAS
from tests.conftest import Run

if TYPE_CHECKING:
    from psutil import Process

ray = pytest.importorskip("ray")
psutil = pytest.importorskip("psutil")

_WORKING = "ray::_make_in_worker"  # how a worker process calls itself while it makes a shard
_TOO_BUSY = "Ray could not start on this machine"  # it gives its own processes 30 seconds
_STARTS = 3
_NEVER_STARTED = "Ray could not start within its 30 seconds, again and again: this machine is too busy"


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of two workers, to which this process is connected."""
    for _ in range(_STARTS):
        try:
            ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
            break
        except Exception as failed:  # bare, where the machine is busy
            if "startup" not in str(failed):
                raise
    else:
        pytest.skip(_NEVER_STARTED)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture(scope="module")
def options(noise_files: str) -> list[str]:
    """A dataset of some fifteen shards."""
    return [
        "--tasks", "qa1,qa2", "--lengths", "1k,16k", "--samples", "160", "--shard-size", "2MB",
        "--noise", noise_files,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def made_locally(babilong: Run, options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `--executor local` makes of it."""
    out = tmp_path_factory.mktemp("local") / "out"
    done = babilong("generate", *options, "--out", out, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return out


def started(cache: Path, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """The command with Ray, in a process group of its own, as a terminal starts it."""
    return subprocess.Popen(
        [sys.executable, "-c", WITHOUT_PANDAS, "generate", *map(str, arguments), "--executor", "ray"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "BABILONG_CACHE": str(cache), **environment},
    )  # fmt: skip


def workers_at_work(parent: int) -> list[Process]:
    """Ray's processes below another one that are making a shard."""
    try:
        family = psutil.Process(parent).children(recursive=True)
    except psutil.Error:  # it has ended
        return []
    return [process for process in family if _title(process) == _WORKING]


def _title(process: Process) -> str:
    try:
        return "".join(process.cmdline()[:1])
    except psutil.Error:  # it has ended
        return ""


def wait_for_shards(out: Path, parent: int, run: subprocess.Popen[str]) -> list[Process]:
    """Wait until some shards are there and others are being made; the processes that make them."""
    while run.poll() is None:
        if len(list(out.glob("data/16k/*.parquet"))) >= 2 and (busy := workers_at_work(parent)):
            return busy
        time.sleep(0.1)
    return []


def started_at_last(cache: Path, *arguments: object, out: Path) -> subprocess.Popen[str]:
    """The command with its own cluster, once some shards are there; begun anew where Ray was too slow."""
    for _ in range(_STARTS):
        run = started(cache, *arguments, RAY_ADDRESS="")
        if wait_for_shards(out, run.pid, run):
            return run
        assert _TOO_BUSY in run.communicate()[1]
    pytest.skip(_NEVER_STARTED)


def test_interrupted_it_stops_its_own_cluster_and_can_be_continued(
    made_locally: Path, cache: Path, babilong: Run, options: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = started_at_last(cache, *options, "--out", out, "--workers", 2, out=out)
    family = psutil.Process(run.pid).children(recursive=True)
    os.killpg(run.pid, signal.SIGINT)
    _, complaints = run.communicate(timeout=120)
    assert (run.returncode, complaints) == (130, "interrupted: give the same command again to go on\n")
    assert psutil.wait_procs(family, timeout=120)[1] == []
    assert babilong("generate", *options, "--out", out, "--workers", 1).returncode == 0
    assert digests(out) == digests(made_locally)


def test_a_killed_worker_costs_only_its_shard_and_the_bytes_are_the_same(
    cluster: str, made_locally: Path, cache: Path, options: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = started(cache, *options, "--workers", 2, "--out", out, RAY_ADDRESS=cluster)
    busy = wait_for_shards(out, os.getpid(), run)
    assert busy, run.communicate()
    before = {path: path.stat().st_mtime_ns for path in out.glob("data/*/*.parquet")}
    busy[0].kill()
    told, complaints = run.communicate(timeout=120)
    assert run.returncode == 0, complaints
    assert digests(out) == digests(made_locally)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (len(told.splitlines()), complaints) == (2, "")


@pytest.mark.usefixtures("cluster")
def test_a_machine_that_lacks_the_noise_prepares_its_own(
    cache: Path, noise_files: str, tmp_path: Path
) -> None:
    spec = make_spec(tasks=("qa1",), lengths=("1k",), samples=5, noise=noise_files)
    prepared, plan = prepare_plan(spec, cache=cache, progress=Silent())
    elsewhere = replace(prepared, cache=tmp_path / "not here", pools={"qa1": tmp_path / "not here/pool"})
    made = {}
    for place, known in {"here": prepared, "there": elsewhere}.items():
        reported: list[int] = []
        context = ShardContext(prepared=known, out=tmp_path / place)
        [(_, made[place])] = make_shards(context, plan.shards, workers=None, report=reported.append)
        assert sum(reported) == 5
    assert made["here"] == made["there"]


@pytest.mark.usefixtures("cluster")
def test_what_a_worker_could_not_do_is_said_in_one_line(
    babilong: Run, options: list[str], tmp_path: Path
) -> None:
    options = [*options, "--out", str(tmp_path / "out")]
    assert babilong("generate", *options, "--shards", "0", "--workers", 1).returncode == 0
    (tmp_path / "out/data/16k").write_text("in the way of a folder")
    refused = babilong("generate", *options, "--executor", "ray")
    assert refused.returncode == 2
    # Ray's own core may add a line that it stamps with the time.
    ours = [line for line in refused.stderr.splitlines() if not line.startswith("[")]
    assert len(ours) == 1
    assert "cannot be written" in ours[0]
