"""Figures as files: their form, their bytes, their text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from babilong_eval.commands import plot
from babilong_eval.figures import style
from babilong_eval.figures.accuracy_by_length import accuracy_by_length
from babilong_eval.results.load import load_runs
from babilong_gen.errors import UsageError
from tests.eval.figures.recorded import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("figure", "form", "magic"),
    [
        (plot.length, "png", b"\x89PNG"),
        (plot.heatmap, "svg", b"<?xml"),
        (plot.depth, "pdf", b"%PDF"),
        (plot.memory, "png", b"\x89PNG"),
    ],
)
def test_each_figure_is_written_in_the_form_of_the_suffix(
    tmp_path: Path, figure: Callable[..., None], form: str, magic: bytes
) -> None:
    out = tmp_path / "new folder" / f"figure.{form}"
    figure([record(tmp_path / "results")], out)
    assert out.read_bytes().startswith(magic)


def test_the_same_results_are_the_same_file(tmp_path: Path) -> None:
    results = record(tmp_path / "results")
    for name in ("one.svg", "two.svg"):
        plot.length([results], tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_names_are_text_whatever_signs_they_hold(tmp_path: Path) -> None:
    names = ["_hidden", "$x^2", "<b>&", "{}"]
    folders = [record(tmp_path / str(number), name=name) for number, name in enumerate(names)]
    figure = accuracy_by_length(load_runs(folders, "official"))
    shown = [text.get_text().lstrip("\N{ZERO WIDTH SPACE}") for text in figure.legends[0].get_texts()]
    assert shown == [*names, "chance"]
    assert "<b>" not in style.as_svg(figure)


@pytest.mark.parametrize("name", ["figure.gif", "figure"])
def test_a_form_that_is_not_known_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"use \.png, \.svg or \.pdf"):
        plot.length([record(tmp_path / "results")], tmp_path / name)


@pytest.mark.filterwarnings("error")
def test_characters_that_no_font_has_are_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [record(tmp_path / name, name=f"{name} \U0010fffd") for name in "ab"]
    plot.length(folders, tmp_path / "figure.png")
    assert capsys.readouterr().err.splitlines() == [
        f"note: {tmp_path}/figure.png: the fonts here have no \U0010fffd, boxes stand for them"
    ]
