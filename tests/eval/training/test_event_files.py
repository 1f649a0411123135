"""`babilong train --tensorboard`: what TensorBoard's own reader finds is what the log says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from babilong_eval.training.event_files import EventFiles
from babilong_eval.training.metrics_log import LogLine, read_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.eval.training.conftest import Command


def step(number: int, loss: float) -> LogLine:
    return LogLine(
        step=number, stage="first", segments=2, loss=loss, rate=0.1, fresh=(4, 3), continued=(0, 0),
        sure=None, open_on_noise=None, tokens=80,
    )  # fmt: skip


def scalars(folder: Path, name: str) -> list[tuple[int, float]]:
    """Return (step, value) as TensorBoard reads them."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reader.EventAccumulator(str(folder), purge_orphaned_data=True).Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_a_run_that_continues_replaces_the_steps_that_it_repeats(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with EventFiles(tmp_path) as first:
        for number in (1, 2, 3):
            first.write(step(number, float(number)))
    with EventFiles(tmp_path) as second:
        for number in (3, 4):
            second.write(step(number, 10.0 * number))
    assert scalars(tmp_path, "loss") == [(1, 1.0), (2, 2.0), (3, 30.0), (4, 40.0)]
    assert scalars(tmp_path, "accuracy/fresh rows")[-1] == (4, 0.75)


def test_the_command_writes_what_it_logs(
    command: Command, content: dict[str, Any], write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    for stage in content["stages"]:
        stage["until"] = {"steps": 1}
    out = tmp_path / "out"
    done = command("train", write_recipe(content), "--out", out, "--tensorboard")
    assert done.returncode == 0, done.stderr
    logged = [(line["step"], line["loss"]) for line in read_log(out / "training" / "log.jsonl")]
    written = scalars(out / "training" / "tensorboard", "loss")
    assert [number for number, _ in written] == [number for number, _ in logged] == [1, 2]
    assert [loss for _, loss in written] == pytest.approx([loss for _, loss in logged])


def test_without_the_package_one_line_says_what_to_install(
    command: Command,
    content: dict[str, Any],
    write_recipe: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    done = command("train", write_recipe(content), "--out", tmp_path / "out", "--tensorboard")
    assert done.returncode == 2
    assert done.stderr == "babilong: --tensorboard needs a package more: pip install tensorboard\n"
    assert not (tmp_path / "out").exists()
