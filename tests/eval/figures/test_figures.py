"""Figures: what is drawn is what was measured, and every accuracy has its interval."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from babilong_eval.commands import plot
from babilong_eval.figures import style
from babilong_eval.figures.accuracy_by_length import accuracy_by_length
from babilong_eval.figures.heatmaps import depth_by_length, task_by_length
from babilong_eval.figures.length_axis import LengthAxis, length_axis, written
from babilong_eval.figures.memory_and_time import memory_and_time
from babilong_eval.figures.reference_curves import read_reference
from babilong_eval.results.load import chance, load_runs, scored_predictions
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.records import (
    Prediction,
    RunInfo,
    cell_of,
    write_cells,
    write_predictions,
    write_run,
)
from babilong_eval.scoring.score import Score
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

LENGTHS = ("0k", "1k", "4k", "16k", "1M", "10M")
ACCURACIES = (1.0, 0.9, 0.75, 0.5, 0.25, 0.0)


def record(
    folder: Path,
    *,
    name: str = "RMT",
    tasks: Sequence[str] = ("qa1",),
    lengths: Sequence[str] = LENGTHS,
    n: int = 20,
    costs: bool = True,
    segment_size: int | None = None,
) -> Path:
    """A results folder whose accuracies fall along `ACCURACIES`."""
    cells = []
    for task in tasks:
        for length, accuracy in zip(lengths, ACCURACIES, strict=False):
            correct = round(accuracy * n)
            right = Prediction(target="kitchen", output="kitchen", question="Where is Mary?", depth=0.1)
            wrong = Prediction(target="kitchen", output="garden", question="Where is Mary?", depth=0.9)
            predictions = [right] * correct + [wrong] * (n - correct)
            file = FileName(task=task, length=length, config="x")
            write_predictions(folder, file, predictions, prompt={}, generate_kwargs={}, choices=())
            cells.append(
                cell_of(
                    Score(n=n, correct=correct),
                    task=task,
                    length=length,
                    scorer="official",
                    segments=int(length.removesuffix("seg")) if length.endswith("seg") else None,
                    seconds=n * 0.5 if costs else None,
                    peak_memory_bytes=2**30 if costs else None,
                )
            )
    write_cells(folder, cells)
    write_run(folder, RunInfo(name=name, model="rmt:x", data="data", segment_size=segment_size))
    return folder


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_title(loc="left") or axes.get_title()]


def drawn(axes: Axes) -> list[ErrorbarContainer]:
    return [item for item in axes.containers if isinstance(item, ErrorbarContainer)]


def heights(line: Line2D) -> list[float]:
    return np.asarray(line.get_ydata()).tolist()


def texts(axes: Axes) -> set[str]:
    return {text.get_text() for text in axes.texts}


def test_a_curve_goes_through_the_accuracies_and_its_bars_span_their_intervals(tmp_path: Path) -> None:
    runs = load_runs([record(tmp_path)], "official")
    (axes,) = panels(accuracy_by_length(runs))
    (bars,) = drawn(axes)
    line, _, (spans,) = bars.lines
    assert heights(line) == pytest.approx(ACCURACIES)
    assert isinstance(spans, LineCollection)
    intervals = [(segment[0][1], segment[1][1]) for segment in spans.get_segments()]
    assert intervals == [pytest.approx((cell.ci_low, cell.ci_high)) for cell in runs[0].cells]


def test_lengths_stand_in_the_order_of_their_size_at_powers_of_two(tmp_path: Path) -> None:
    (run,) = load_runs([record(tmp_path)], "official")
    axis = length_axis(run.cells)
    places = [axis.at(cell) for cell in run.cells]
    assert [cell.length for cell in run.cells] == list(LENGTHS)
    assert places == sorted(places)
    assert places[2] - places[1] == pytest.approx(2)
    assert places[1] - places[0] == 1  # 0k has no logarithm: it stands one step before the shortest


@pytest.mark.parametrize(
    ("value", "label"), [(0, "0k"), (384, "384"), (1_000, "1k"), (512_000, "512k"), (2_043_904, "2.044M")]
)
def test_token_lengths_are_written_as_the_field_writes_them(value: float, label: str) -> None:
    assert written(value, "tokens") == label


def test_lengths_in_tokens_and_segments_do_not_share_a_figure(tmp_path: Path) -> None:
    folders = [record(tmp_path / "a"), record(tmp_path / "b", lengths=("1seg", "2seg"))]
    with pytest.raises(UsageError, match="separate figures"):
        accuracy_by_length(load_runs(folders, "official"))


def test_segments_count_as_tokens_by_the_size_that_each_run_gave_them(tmp_path: Path) -> None:
    short = record(tmp_path / "a", lengths=("4seg", "8seg"), segment_size=48)
    long = record(tmp_path / "b", lengths=("4seg", "8seg"), segment_size=499)
    (axes,) = panels(accuracy_by_length(load_runs([short, long], "official"), unit="tokens"))
    places = [np.asarray(bars.lines[0].get_xdata(), dtype=float) for bars in drawn(axes)]
    np.testing.assert_allclose(2 ** places[0], [192, 384], rtol=0.1)  # side by side, so not quite there
    np.testing.assert_allclose(2 ** places[1], [1_996, 3_992], rtol=0.1)
    assert axes.get_xlabel() == "length in the data's tokens"


def test_segments_of_an_unknown_size_are_not_counted_in_tokens(tmp_path: Path) -> None:
    runs = load_runs([record(tmp_path, lengths=("4seg",))], "official")
    with pytest.raises(UsageError, match="4seg cannot be counted in tokens"):
        accuracy_by_length(runs, unit="tokens")


def test_one_run_with_few_tasks_is_one_panel_and_several_runs_have_a_panel_a_task(tmp_path: Path) -> None:
    one = record(tmp_path / "a", tasks=("memorize", "detect"))
    other = record(tmp_path / "b", tasks=("memorize", "detect"), name="GPT")
    assert [len(drawn(axes)) for axes in panels(accuracy_by_length(load_runs([one], "official")))] == [2]
    both = accuracy_by_length(load_runs([one, other], "official"))
    assert [len(drawn(axes)) for axes in panels(both)] == [2, 2]
    (legend,) = both.legends
    assert [text.get_text() for text in legend.get_texts()] == ["RMT", "GPT", "chance"]


def test_chance_is_a_guess_among_the_labels(tmp_path: Path) -> None:
    (axes,) = panels(accuracy_by_length(load_runs([record(tmp_path)], "official")))
    assert [1 / 6, 1 / 6] in [heights(line) for line in axes.lines]
    assert chance("qa1") == 1 / 6
    assert chance("no such task") is None


def test_a_reference_is_drawn_for_its_task_on_an_axis_that_holds_it(tmp_path: Path) -> None:
    runs = load_runs([record(tmp_path, tasks=("memorize",), lengths=("1seg", "2seg", "4seg"))], "official")
    path = tmp_path / "paper.csv"
    path.write_text(
        "task,evaluated_segments,accuracy_percent\nmemorize,2,100\nmemorize,64,98.5\ndetect,2,1\n"
    )
    figure = accuracy_by_length(runs, read_reference(path))
    (axes,) = panels(figure)
    assert [heights(line) for line in axes.lines if 0.985 in heights(line)] == [[1.0, 0.985]]
    assert axes.get_xlim()[1] > 6
    assert "reference: paper" in [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize(
    "text", ["", "task,accuracy_percent\na,1\n", "task,evaluated_segments,accuracy_percent\na,b,c\n"]
)
def test_a_reference_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "paper.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=r"paper\.csv"):
        read_reference(path)


def test_the_papers_own_curves_can_be_read(shared_data: Path) -> None:
    figure1 = read_reference(shared_data / "rmt_paper" / "figure1_accuracy.csv")
    figure5 = read_reference(shared_data / "rmt_paper" / "figure5_accuracy.csv")
    assert {curve.task for curve in figure1} == {"memorize", "detect", "reasoning"}
    assert all(curve.segments[-1] == 4096 for curve in figure1)
    assert len(figure5) == 21  # three tasks, seven numbers of segments trained on


def test_the_heatmap_has_each_accuracy_and_its_interval_in_figures(tmp_path: Path) -> None:
    figure = task_by_length(load_runs([record(tmp_path, tasks=("qa1", "qa2"))], "official"))
    (axes,) = panels(figure)
    assert {"100", "90", "75", "50", "25", "0"} <= texts(axes)
    assert {"84–100", "70–97", "0–16"} <= texts(axes)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["qa1", "qa2"]
    assert [label.get_text() for label in axes.get_xticklabels()] == list(LENGTHS)


def test_the_depth_grid_counts_each_prediction_where_its_facts_lie(tmp_path: Path) -> None:
    runs = load_runs([record(tmp_path, lengths=("0k", "1k", "4k"))], "official")
    (axes,) = panels(depth_by_length(runs))
    # right ones lie at 10 % of the input, wrong ones at 90 %; a dash marks depths without a sample
    assert texts(axes) == {"100", "84–100", "82–100", "80–100", "0", "0–66", "0–43", "–"}
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["0–12.5%", "12.5–37.5%", "37.5–62.5%", "62.5–87.5%", "87.5–100%"]


def test_predictions_without_depth_have_no_depth_grid(tmp_path: Path) -> None:
    (tmp_path / "qa1_0k_x.csv").write_text("target,output,question\nkitchen,kitchen,Where?\n")
    with pytest.raises(UsageError, match="no prediction has a `depth`"):
        depth_by_length(load_runs([tmp_path], "official"))


def test_costs_are_drawn_in_gib_and_seconds_a_sample(tmp_path: Path) -> None:
    memory, time = panels(memory_and_time(load_runs([record(tmp_path)], "official")))
    assert set(heights(memory.lines[0])) == {1.0}
    assert set(heights(time.lines[0])) == {0.5}
    assert memory.get_ylim()[0] == 0


def test_results_without_costs_have_no_figure_of_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no time and no peak memory"):
        memory_and_time(load_runs([record(tmp_path, costs=False)], "official"))


def test_recorded_cells_alone_can_be_plotted(tmp_path: Path) -> None:
    folder = record(tmp_path / "all")
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in ("results.json", "run.json"):
        shutil.copy(folder / name, kept)
    (run,) = load_runs([kept], "official")
    assert [cell.accuracy for cell in run.cells] == list(ACCURACIES)
    assert list(scored_predictions(run)) == []


def test_another_rule_scores_the_predictions_again_and_keeps_the_costs(tmp_path: Path) -> None:
    (run,) = load_runs([record(tmp_path)], "strict")
    assert [cell.accuracy for cell in run.cells] == list(ACCURACIES)
    assert {cell.seconds for cell in run.cells} == {10.0}
    assert {cell.scorer for cell in run.cells} == {"strict"}


def test_published_predictions_are_a_run_for_each_model_and_prompt(tmp_path: Path) -> None:
    places = ("a/qa1_0k_examples_yes_post_prompt_no", "a/qa1_1k_examples_yes_post_prompt_no")
    for place in (*places, "a/qa1_0k_examples_no", "a/qa1_0k_mine", "b/qa1_0k_examples_yes"):
        path = tmp_path / f"{place}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("target,output,question\nkitchen,kitchen,Where?\n")
    runs = {run.info.name: len(run.cells) for run in load_runs([tmp_path], "official")}
    assert runs == {"a, examples": 2, "a, bare prompt": 1, "a, mine": 1, "b": 1}


def test_runs_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    runs = load_runs([record(tmp_path / "a"), record(tmp_path / "b")], "official")
    assert [run.info.name for run in runs] == ["RMT (1)", "RMT (2)"]


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


def test_an_empty_results_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no predictions here"):
        plot.length([tmp_path], tmp_path / "figure.png")


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
def test_characters_that_no_font_has_are_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [record(tmp_path / name, name=f"{name} \U0010fffd") for name in "ab"]
    plot.length(folders, tmp_path / "figure.png")
    assert capsys.readouterr().err.splitlines() == [
        f"note: {tmp_path}/figure.png: the fonts here have no \U0010fffd, boxes stand for them"
    ]


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
