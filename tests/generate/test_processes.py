"""Worker processes: used by a plain script, killed at their start, killed at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from babilong_gen.errors import UsageError
from babilong_gen.executors import local
from babilong_gen.generation import generate
from babilong_gen.processes import Report, WorkerDiedError, in_processes
from babilong_gen.spec import make_spec

# Without a guard: what imports the calling script again would start all of it again.
SCRIPT = """
import sys
from pathlib import Path
import babilong_gen.verification.dataset as verification
from babilong_gen.generation import generate
from babilong_gen.spec import make_spec
spec = make_spec(tasks=("qa1", "detect"), lengths=("0k", "1k"), samples=4, noise=sys.argv[2])
print(generate(spec, Path(sys.argv[1]), workers=2)["totals"]["samples"])
verification._FEW_BYTES = 0  # else so small a dataset is verified by one process
print(verification.verify(Path(sys.argv[1]), cache=Path(sys.argv[3]), workers=2).failures)
"""

FAULTY, ENDLESS, KILLED = 13, 50, 99

DIES_AT_ITS_START = """
import os, signal, sys
if "babilong_gen.processes" in " ".join(sys.orig_argv):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run_script(
    tmp_path: Path, noise: str, cache: Path, *, first: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the script as a user does, with the import path of these tests and a folder in front of it."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    path = os.pathsep.join(filter(None, [first, *sys.path]))
    return subprocess.run(
        [sys.executable, script, tmp_path / "out", noise, cache],
        capture_output=True, text=True, timeout=120,
        env={**os.environ, "BABILONG_CACHE": str(cache), "PYTHONPATH": path},
    )  # fmt: skip


def test_a_plain_script_generates_and_verifies_with_several_workers(
    cache: Path, noise_files: str, tmp_path: Path
) -> None:
    done = run_script(tmp_path, noise_files, cache)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["16", "[]"]


def test_a_small_dataset_is_made_without_other_processes(
    cache: Path, noise_files: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "in_processes", lambda *_, **__: pytest.fail("another Python takes longer"))
    spec = make_spec(tasks=["qa1", "detect"], lengths=["0k", "1k"], samples=2, noise=noise_files)
    assert generate(spec, tmp_path, cache=cache)["totals"]["samples"] == 8


def test_workers_that_die_at_their_start_end_the_run(cache: Path, noise_files: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(DIES_AT_ITS_START)
    ended = run_script(tmp_path, noise_files, cache, first=str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(
        "babilong_gen.errors.OutputError: a worker process died (signal 9), perhaps for lack of memory"
    )
    assert not (tmp_path / "out" / "manifest.json").exists()


def start(shared: str) -> Callable[[int, Report], str]:
    """What a process of these tests does with each item."""

    def do(item: int, report: Report) -> str:
        report(item)
        if item == FAULTY:
            raise UsageError("13 is no number")
        if item == KILLED:
            while not Path(shared).exists():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
        if item == ENDLESS:
            Path(shared).touch()
            try:
                time.sleep(60)
            finally:
                Path(shared).unlink()
        print("what a library prints does no harm")
        return f"{shared} {item}"

    return do


def test_every_item_comes_back_once_with_its_counts() -> None:
    counts: list[int] = []
    done = dict(in_processes(start, "done", range(1, 8), workers=2, report=counts.append))
    assert done == {n: f"done {n}" for n in range(1, 8)}
    assert sorted(counts) == list(range(1, 8))


def test_an_error_comes_out_as_it_was_raised() -> None:
    with pytest.raises(UsageError, match="13 is no number"):
        list(in_processes(start, "", [1, FAULTY, 2, 3], workers=2, report=lambda _: None))


def test_one_that_is_killed_at_work_ends_the_others_which_clean_up(tmp_path: Path) -> None:
    half_written = tmp_path / "half"
    with pytest.raises(WorkerDiedError, match="signal 9"):
        list(in_processes(start, str(half_written), [ENDLESS, KILLED], workers=2, report=lambda _: None))
    assert not half_written.exists()


def test_more_than_a_pipe_holds_is_handed_over() -> None:
    large = "x" * 1_000_000
    [(_, result)] = in_processes(start, large, [1], workers=1, report=lambda _: None)
    assert result == f"{large} 1"
