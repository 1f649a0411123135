"""A command line given within this process ends as one in a process of its own."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path

import pytest

from babilong_gen.redaction import redacted
from tests.command_line import run_apart, run_here


@pytest.mark.parametrize(
    "arguments",
    [
        ["score", "OUT"],
        ["generate", "--tasks", "qa1", "--lengths", "0k", "--samples", "2", "--out", "OUT"],
        ["generate", "--tasks", "qa99", "--lengths", "0k", "--out", "OUT"],
        ["evaluate", "OUT", "--model", "rmt:tiny-detect", "--out", "OUT"],
        ["plot", "flops", "--out", "OUT/figure.gif"],
    ],
)
def test_it_says_and_makes_the_same(arguments: list[str], tmp_path: Path, cache: Path) -> None:
    ended, made = [], []
    for run in (run_apart, run_here):
        out = tmp_path / run.__name__
        done = run(
            [part.replace("OUT", str(out)) for part in arguments], os.environ | {"BABILONG_CACHE": str(cache)}
        )
        ended.append(
            [done.returncode, *(text.replace(run.__name__, "") for text in (done.stdout, done.stderr))]
        )
        made.append({path.name: path.read_bytes() for path in out.rglob("*.parquet")})
    assert ended[0] == ended[1]
    assert made[0] == made[1]


def test_a_help_text_changes_no_later_command(tmp_path: Path) -> None:
    run_here(["generate", "--help"], os.environ)
    done = run_here(["generate", "--finish", str(tmp_path)], os.environ)
    assert "holds no unfinished dataset" in done.stderr


def test_it_knows_no_secret_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("babilong_gen.redaction._announced", {"unknown": "[key]"})
    done = run_here(["generate", "--tasks", "qa1", "--lengths", "1x", "--out", "none"], os.environ)
    assert "unknown length '1x'" in done.stderr
    assert redacted("an unknown length") == "an [key] length"


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    before = (
        sys.argv,
        sys.stdout,
        sys.stderr,
        dict(os.environ),
        logging.getLogger().handlers,
        warnings.filters,
    )
    done = run_here(["plot", "flops", "--out", str(tmp_path / "a.svg")], os.environ | {"OTHER": "1"})
    assert done.returncode == 0, done.stderr
    assert before == (
        sys.argv, sys.stdout, sys.stderr, dict(os.environ), logging.getLogger().handlers, warnings.filters
    )  # fmt: skip


def test_a_traceback_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr("babilong_eval.cli.main", fail)
    done = run_here([], os.environ)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "a fault of ours" in done.stderr
