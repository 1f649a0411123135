"""Figures: what is drawn is what was measured, and every accuracy has its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from babilong_eval.figures.accuracy_by_length import accuracy_by_length
from babilong_eval.figures.heatmaps import depth_by_length, task_by_length
from babilong_eval.figures.length_axis import length_axis, written
from babilong_eval.figures.memory_and_time import memory_and_time
from babilong_eval.figures.reference_curves import read_reference
from babilong_eval.results.load import chance, load_runs
from babilong_gen.errors import SourceError, UsageError
from tests.eval.figures.recorded import ACCURACIES, LENGTHS, drawn, heights, panels, record, texts

if TYPE_CHECKING:
    from pathlib import Path


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
