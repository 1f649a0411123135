"""The figure of a training: in the look of all figures, and no name on another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from matplotlib.image import imread

from babilong_eval.training.metrics_log import draw

if TYPE_CHECKING:
    from pathlib import Path


STEP = {
    "step": 1, "stage": "one", "segments": 1, "loss": 1.0, "rate": 1e-3, "fresh": [2, 1], "continued": [0, 0],
    "sure": None, "open_on_noise": None, "tokens": 1_000,
}  # fmt: skip


def test_stages_that_follow_at_once_leave_the_names_legible(tmp_path: Path, monkeypatch) -> None:
    from babilong_eval.figures import style

    drawn = []
    monkeypatch.setattr(style, "save", lambda figure, path: drawn.append((figure, path)))
    stages = ["one", "two", "three", *["four"] * 97]
    lines = [STEP | {"step": number, "stage": stage} for number, stage in enumerate(stages, start=1)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert draw(tmp_path) == tmp_path / "training.png"
    ((figure, _),) = drawn
    upper, lower = figure.axes
    assert [text.get_text() for text in upper.texts] == ["four"]
    assert [text.get_text() for text in lower.get_legend().get_texts()] == ["fresh rows"]
    monkeypatch.undo()
    draw(tmp_path)
    assert imread(tmp_path / "training.png").ndim == 3


def test_a_single_step_is_too_little_to_see(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(json.dumps(STEP) + "\n")
    assert draw(tmp_path) is None
