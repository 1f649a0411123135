"""Figures of many runs, long names and another's axes have room for all that they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from babilong_eval.figures.accuracy_by_length import accuracy_by_length
from babilong_eval.figures.heatmaps import depth_by_length, task_by_length
from babilong_eval.figures.length_axis import LengthAxis
from babilong_eval.figures.memory_and_time import memory_and_time
from babilong_eval.results.load import load_runs
from babilong_eval.results.records import (
    RunInfo,
    write_run,
)
from babilong_gen.errors import UsageError
from tests.eval.figures.recorded import ACCURACIES, drawn, heights, panels, record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("width_inches", "rotation", "labels"),
    [
        (8.0, 0, [str(2**power) for power in range(13)]),
        (2.6, 45, [str(2**power) for power in range(13)]),
        (2.0, 90, [str(2**power) for power in range(13)]),
        (1.0, 0, ["4", "128", "4096"]),
    ],
)
def test_every_length_is_named_as_long_as_a_line_of_text_has_room(
    width_inches: float, rotation: int, labels: list[str]
) -> None:
    axes = Figure().subplots()
    axis = LengthAxis(unit="segments", values=tuple(2.0**power for power in range(13)))
    axis.mark(axes, width_inches=width_inches)
    assert [label.get_text() for label in axes.get_xticklabels()] == labels
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {rotation}


@pytest.mark.parametrize("count", [1, 2, 18, 100])
def test_series_stay_closer_to_their_length_than_to_any_other(count: int) -> None:
    axis = LengthAxis(unit="segments", values=tuple(2.0**power for power in range(13)))
    shifts = [axis.dodge(index, count) for index in range(count)]
    assert max(map(abs, shifts)) < 0.2  # lengths are 1 apart
    assert sum(shifts) == pytest.approx(0)


def test_eight_runs_have_eight_colours_and_no_two_of_many_look_alike(tmp_path: Path) -> None:
    runs = load_runs([record(tmp_path / str(number), name=f"m{number}") for number in range(20)], "official")
    (axes,) = panels(accuracy_by_length(runs))
    looks = [(bars.lines[0].get_color(), bars.lines[0].get_marker()) for bars in drawn(axes)]
    assert len({colour for colour, _ in looks[:8]}) == 8
    assert len(set(looks)) == 20


def test_many_heatmaps_are_a_page_and_not_a_ribbon(tmp_path: Path) -> None:
    folders = [record(tmp_path / str(number), name=f"m{number}", costs=False) for number in range(18)]
    figure = task_by_length(load_runs(folders, "official"))
    wide, tall = figure.get_size_inches()
    assert tall < 2 * wide
    assert len(panels(figure)) == 18


def test_runs_over_different_data_are_called_so_on_the_figure(tmp_path: Path) -> None:
    folders = [record(tmp_path / name, name=name) for name in ("a", "b")]
    alike = load_runs(folders, "official")
    assert "datasets" not in accuracy_by_length(alike).get_supxlabel()
    info = RunInfo(name="b", model="m", data="data", data_fingerprint="another")
    write_run(folders[1], info)
    for draw in (accuracy_by_length, task_by_length, depth_by_length, memory_and_time):
        text = draw(load_runs(folders, "official")).get_supxlabel()
        assert text.startswith("these runs are over 2 different datasets: a; b")


def test_a_long_legend_makes_the_figure_taller_and_leaves_the_panels_their_room(tmp_path: Path) -> None:
    name = "a model with a rather long name, with all its settings, number"
    folders = [record(tmp_path / str(number), name=f"{name} {number}") for number in range(20)]
    few = accuracy_by_length(load_runs(folders[:1], "official"))
    many = accuracy_by_length(load_runs(folders, "official"))
    for figure in (few, many):
        figure.draw_without_rendering()
    one, other = (panels(figure)[0].get_position().height * figure.get_figheight() for figure in (few, many))
    assert other > 0.6 * one


def test_a_name_of_any_length_stays_inside_the_figure(tmp_path: Path) -> None:
    folders = [record(tmp_path / name, name=f"{name} " + "of long names " * 20) for name in "ab"]
    figure = accuracy_by_length(load_runs(folders, "official"))
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert legend.get_window_extent().width < figure.bbox.width


@pytest.mark.filterwarnings("error")
def test_a_run_that_lacks_a_task_or_a_length_leaves_the_figure_in_order(tmp_path: Path) -> None:
    folders = [
        record(tmp_path / "a", tasks=("qa1", "qa2")),
        record(tmp_path / "b", tasks=("qa2", "qa3"), lengths=("1k",), name="GPT"),
    ]
    figure = accuracy_by_length(load_runs(folders, "official"))
    figure.draw_without_rendering()
    assert [len(drawn(axes)) for axes in panels(figure)] == [1, 2, 1]


def test_a_callers_axes_are_drawn_on_and_nothing_else_of_theirs_changes(tmp_path: Path) -> None:
    runs = load_runs([record(tmp_path)], "official")
    theirs = Figure(figsize=(7, 3))
    left, right = theirs.subplots(1, 2)
    with mpl.rc_context({"lines.linewidth": 7.0}):
        before = dict(mpl.rcParams)
        assert accuracy_by_length(runs, ax=left) is theirs
        assert mpl.rcParams == before
    (bars,) = drawn(left)
    assert heights(bars.lines[0]) == pytest.approx(ACCURACIES)
    assert bars.lines[0].get_linewidth() == 1.4
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["qa1", "chance"]
    assert not right.has_data()
    assert (theirs.get_size_inches().tolist(), theirs.legends, theirs.get_supxlabel()) == ([7, 3], [], "")


def test_a_figure_of_several_panels_takes_as_many_axes(tmp_path: Path) -> None:
    runs = load_runs([record(tmp_path / "a"), record(tmp_path / "b")], "official")
    theirs = Figure()
    assert task_by_length(runs, ax=theirs.subplots(2, 1)) is theirs
    assert [axes.get_title(loc="left") for axes in theirs.axes[:2]] == ["RMT (1)", "RMT (2)"]
    inner = Figure().add_subfigure(GridSpec(1, 2)[0])
    memory, time = inner.subplots(1, 2)
    assert memory_and_time(runs, ax=[memory, time]) is inner.figure
    assert set(heights(time.lines[0])) == {0.5}
    with pytest.raises(UsageError, match="has 2 panels, but 1 axes were given"):
        task_by_length(runs, ax=Figure().subplots())
