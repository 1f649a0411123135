"""Averages as RULER has them, effective lengths, and the tables of `babilong score`."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import tarfile
from math import log2
from typing import TYPE_CHECKING

import numpy as np
import pytest

from babilong_eval.analysis.averages import TaskMean, mean_over_lengths, task_mean, weighted_by_length
from babilong_eval.analysis.effective_length import effective_lengths, parse_threshold
from babilong_eval.analysis.leaderboard import leaderboard, remarks
from babilong_eval.analysis.leaderboard_tables import as_latex, as_markdown
from babilong_eval.commands import plot
from babilong_eval.commands.score import score
from babilong_eval.figures.accuracy_by_length import accuracy_by_length
from babilong_eval.figures.effective_lengths import draw_effective_lengths
from babilong_eval.figures.heatmaps import model_by_length, task_by_length
from babilong_eval.report.report import write_report
from babilong_eval.results.load import Run, load_runs
from babilong_eval.results.records import RunInfo, cell_of
from babilong_eval.results.run_names import with_distinct_names
from babilong_eval.scoring.score import Score
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.figure import Figure


def run_of(correct: Mapping[tuple[str, str], int], folder: Path, *, n: int = 100, name: str = "m") -> Run:
    """A run with so many correct answers of `n` by task and length."""
    cells = [
        cell_of(Score(n=n, correct=count), task=task, length=length, scorer="official")
        for (task, length), count in correct.items()
    ]
    info = RunInfo(name=name, model=name, data="d")
    return Run(info=info, cells=tuple(cells), files=(), scorer="official", folder=folder)


def publish(folder: Path, correct: Mapping[str, int], *, n: int = 10) -> None:
    """Files in the published form, named as given, with so many correct answers of `n`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in correct.items():
        outputs = ["kitchen"] * count + ["garden"] * (n - count)
        rows = "".join(f"{row},kitchen,{output},Where?\n" for row, output in enumerate(outputs))
        (folder / f"{name}.csv").write_text(",target,output,question\n" + rows)


@pytest.mark.parametrize(
    ("percent", "published"),
    [
        # RULER's table of models (github.com/NVIDIA/RULER): 4k to 128k; Avg., wAvg. (inc), wAvg. (dec)
        ((96.5, 95.8, 95.4, 94.8, 88.4, 66.6), (89.6, 85.5, 93.7)),  # Llama3.1 (70B)
        ((96.6, 96.3, 95.2, 93.2, 87.0, 81.2), (91.6, 89.0, 94.1)),  # GPT-4-1106-preview
    ],
)
def test_averages_over_lengths_are_rulers(
    percent: tuple[float, ...], published: tuple[float, float, float]
) -> None:
    means = {
        f"{4 * 2**step}k": TaskMean(value=value, ci_low=0, ci_high=100, tasks=("all",), n=500)
        for step, value in enumerate(percent)
    }
    assert (mean_over_lengths(means), *weighted_by_length(means)) == pytest.approx(published, abs=0.05)


def test_a_mean_of_one_task_has_its_wilson_interval_and_of_more_a_narrower_one() -> None:
    cell = cell_of(Score(n=50, correct=40), task="qa1", length="4k", scorer="official")
    alone, four = task_mean([cell]), task_mean([cell] * 4)
    assert (alone.value, alone.ci_low, alone.ci_high) == pytest.approx((0.8, cell.ci_low, cell.ci_high))
    assert four.ci_high - four.ci_low == pytest.approx((cell.ci_high - cell.ci_low) / 2)


def test_the_effective_length_is_the_longest_above_the_threshold(tmp_path: Path) -> None:
    run = run_of({("qa1", "0k"): 100, ("qa1", "4k"): 80, ("qa1", "8k"): 88, ("qa1", "16k"): 20}, tmp_path)
    (found,) = effective_lengths([run], parse_threshold("0.856"))
    assert (found.by_interval, found.by_point, found.longest) == ("0k", "8k", "16k")
    assert found.failing == ("4k",)
    assert found.mean == pytest.approx(0.72)


def test_an_accuracy_at_the_threshold_is_not_above_it(tmp_path: Path) -> None:
    run = run_of({("qa1", "0k"): 80}, tmp_path)
    (found,) = effective_lengths([run], parse_threshold("0.8"))
    assert (found.by_interval, found.by_point, found.failing) == (None, None, ())


def test_a_threshold_may_be_a_share_of_the_models_own_0k(tmp_path: Path) -> None:
    run = run_of({("qa1", "0k"): 60, ("qa1", "4k"): 56, ("qa1", "8k"): 50}, tmp_path)
    (found,) = effective_lengths([run], parse_threshold("0.9x0k"))
    assert (found.threshold, found.by_point) == (pytest.approx(0.54), "4k")
    with pytest.raises(UsageError, match="no qa1 at 0k"):
        effective_lengths([run_of({("qa1", "4k"): 60}, tmp_path)], parse_threshold("0.9x0k"))


@pytest.mark.parametrize("text", ["85.6", "much", "0.9x4k", "-0.1", "nan"])
def test_a_threshold_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"threshold '{text}': expected an accuracy from 0 to 1"):
        parse_threshold(text)


def test_the_mean_over_tasks_has_an_effective_length_too(tmp_path: Path) -> None:
    run = run_of({("qa1", "0k"): 100, ("qa2", "0k"): 80, ("qa1", "4k"): 100, ("qa2", "4k"): 60}, tmp_path)
    found = {one.task: one.by_point for one in effective_lengths([run], parse_threshold("0.856"))}
    assert found == {"qa1": "4k", "qa2": None, "mean": "0k"}


def test_the_csv_of_the_leaderboard_is_plain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(tmp_path / "org" / "one", {"qa1_0k_x": 10, "qa2_0k_x": 5, "qa1_4k_x": 2, "qa1_16k_x": 1})
    publish(tmp_path / "org" / "two, too", {"qa1_4k_x": 9})
    score([tmp_path], table="csv")
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "model,0k,4k,16k,mean",
        "one,75.0,20.0,10.0,35.0",
        '"two, too",,90.0,,90.0',
    ]
    assert "not the same in all rows" in shown.err


def test_a_mean_over_fewer_lengths_is_not_taken_for_a_better_one(tmp_path: Path) -> None:
    publish(tmp_path / "a", {"qa1_0k_x": 10, "qa1_4k_x": 9, "qa1_16k_x": 8})
    publish(tmp_path / "b", {"qa1_0k_x": 10})
    (remark,) = remarks(leaderboard(load_runs(tmp_path)))
    assert "over the lengths that are there, which are not the same in all rows" in remark
    assert remarks(leaderboard(load_runs(tmp_path / "a"))) == []


def test_one_form_of_the_answer_is_given(tmp_path: Path) -> None:
    publish(tmp_path / "a", {"qa1_0k_x": 10})
    with pytest.raises(UsageError, match="--table and --format json"):
        score([tmp_path], table="csv", form="json")


def test_prompts_share_a_row_until_they_answer_the_same_cell(tmp_path: Path) -> None:
    publish(tmp_path / "a", {"qa1_0k_examples_yes": 10, "qa2_0k_examples_no": 5})
    publish(tmp_path / "b", {"qa1_0k_examples_yes": 10, "qa1_0k_examples_no": 5})
    rows = leaderboard(load_runs(tmp_path))
    assert {row.model: row.mean for row in rows} == {"a": 0.75, "b, bare prompt": 0.5, "b, examples": 1.0}
    assert "tasks were asked with different prompts: a" in remarks(rows)


def test_models_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    publish(tmp_path / "x" / "m", {"qa1_0k_c": 1})
    publish(tmp_path / "y" / "m", {"qa1_0k_c": 2})
    assert [row.model for row in leaderboard(load_runs(tmp_path))] == ["x/m", "y/m"]
    assert [run.info.name for run in load_runs(tmp_path)] == ["x/m", "y/m"]


def test_models_whose_folders_are_alike_too_are_told_apart_further_up(tmp_path: Path) -> None:
    for place, correct in (("one", 1), ("two", 2)):
        publish(
            tmp_path / place / "org" / "m", {"qa1_0k_examples_yes": correct, "qa2_0k_examples_no": correct}
        )
    publish(tmp_path / "n", {"qa1_0k_c": 3})
    runs = load_runs(tmp_path)
    assert {row.model: row.mean for row in leaderboard(runs)} == {
        "n": 0.3,
        "one/org/m": 0.1,
        "two/org/m": 0.2,
    }
    shown = [text.get_text() for text in model_by_length(runs).axes[0].texts]
    assert [text for text in shown if text.isdecimal()] == ["30", "10", "20"]


def test_no_number_behind_a_name_makes_another_runs_name(tmp_path: Path) -> None:
    runs = [run_of({("qa1", "0k"): 1}, tmp_path, name=name) for name in ("m", "m (1)", "m")]
    names = [run.info.name for run in with_distinct_names(runs)]
    assert names == ["m (2)", "m (1)", "m (3)"]


def test_tables_for_papers_have_intervals_and_the_best_in_bold(tmp_path: Path) -> None:
    publish(tmp_path / "one_&|", {"qa1_0k_x": 9, "qa1_4k_x": 3})
    publish(tmp_path / "two", {"qa1_0k_x": 9, "qa1_4k_x": 2})
    rows = leaderboard(load_runs(tmp_path))
    assert as_markdown(rows).splitlines()[:3] == [
        "| model | 0k | 4k | mean | wAvg (inc) | wAvg (dec) |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| one\\_&\\| | **90.0** (59.6–98.2) | **30.0** (10.8–60.3) | **60.0** | **50.0** | **70.0** |",
    ]
    latex = as_latex(rows)
    best = r"\begin{tabular}[t]{@{}r@{}}\textbf{90.0}\\[-2pt]{\tiny 59.6--98.2}\end{tabular}"
    assert rf"one\_\&\textbar{{}} & {best} & \begin{{tabular}}[t]{{@{{}}r@{{}}}}\textbf{{30.0}}\\" in latex
    assert rf"two & {best} & \begin{{tabular}}[t]{{@{{}}r@{{}}}}20.0\\" in latex


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_the_latex_table_compiles_and_six_lengths_fit_the_page(tmp_path: Path) -> None:
    lengths = ("0k", "1k", "2k", "4k", "32k", "64k")
    publish(tmp_path / "p" / r"a_b%$#{}~^\c", {f"qa1_{length}_x": 9 for length in lengths})
    publish(tmp_path / "p" / "gpt-4-0125-preview", {"qa1_0k_x": 8})
    table = as_latex(leaderboard(load_runs(tmp_path / "p")))
    page = rf"\documentclass{{article}}\begin{{document}}\noindent {table}\end{{document}}"
    (tmp_path / "t.tex").write_text(page)
    subprocess.run(["pdflatex", "-halt-on-error", "t.tex"], cwd=tmp_path, check=True, capture_output=True)
    assert "Overfull" not in (tmp_path / "t.log").read_text(errors="replace")


def test_score_prints_effective_lengths_below_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(tmp_path / "one", {"qa1_0k_x": 10, "qa1_4k_x": 2})
    score([tmp_path], threshold="0.6")
    shown = capsys.readouterr().out
    assert "Longest length with an accuracy above 60 %" in shown
    assert [cell.strip() for cell in shown.splitlines()[-2].split("│")[1:-1]] == [
        "one", "qa1", "0k", "0k", "4k", "60.0%", "46.7%", "73.3%",
    ]  # fmt: skip


def test_all_published_predictions_are_one_table(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with tarfile.open(shared_data / "predictions" / "predictions.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    score([tmp_path], table="csv")
    rows = {row["model"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    official = csv.DictReader((shared_data / "predictions" / "official_scores.csv").open())
    at_0k = [
        100 * int(row["correct"]) / int(row["n"])
        for row in official
        if "/c4ai-command-r-v01/" in row["file"] and row["length"] == "0k"
    ]
    assert rows["c4ai-command-r-v01"]["0k"] == f"{sum(at_0k) / len(at_0k):.1f}"
    assert len(rows) == 13


def test_folders_of_results_folders_are_read_as_all_their_runs(tmp_path: Path) -> None:
    publish(tmp_path / "published", {"qa1_0k_x": 10})
    publish(tmp_path / "deep" / "other", {"qa1_0k_x": 5})
    found = {run.info.name: run.cells[0].accuracy for run in load_runs(tmp_path)}
    assert found == {"published": 1.0, "other": 0.5}


def test_a_leaderboard_says_on_the_figure_that_its_means_are_over_different_tasks(tmp_path: Path) -> None:
    publish(tmp_path / "a", {"qa1_0k_x": 10, "qa2_0k_x": 5})
    publish(tmp_path / "b", {"qa1_0k_x": 10})
    small_print = model_by_length(load_runs(tmp_path)).get_supxlabel()
    assert "not the same in all rows and lengths" in " ".join(small_print.split())
    assert "not the same" not in model_by_length(load_runs(tmp_path / "a")).get_supxlabel()


def test_the_panels_of_tasks_stand_in_their_usual_order(tmp_path: Path) -> None:
    runs = [
        run_of({("qa10", "1k"): 1, ("qa2", "1k"): 1}, tmp_path, name="a"),
        run_of({("qa1", "1k"): 1}, tmp_path, name="b"),
    ]
    above = parse_threshold("0.5")
    panels = draw_effective_lengths(runs, effective_lengths(runs, above), above).axes
    titles = [axes.get_title(loc="left").partition(":")[0] for axes in panels]
    assert titles == ["qa1", "qa2", "qa10", "mean over tasks"]


def test_many_runs_of_few_tasks_each_are_one_panel_of_what_was_measured(tmp_path: Path) -> None:
    correct = {f"m{number}": (f"qa{number}", "1k") for number in range(1, 9)}
    runs = [run_of({cell: 90, ("qa20", "1k"): 50}, tmp_path, name=name) for name, cell in correct.items()]
    above = parse_threshold("0.5")
    (axes,) = draw_effective_lengths(runs, effective_lengths(runs, above), above).axes
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows[:4] == ["m1: qa1", "m1: qa20", "m1: mean over tasks", "m2: qa2"]
    heatmap = task_by_length(runs)
    rows = [label.get_text() for label in heatmap.axes[0].get_yticklabels()]
    assert rows == [f"m{number}: {task}" for number in range(1, 9) for task in (f"qa{number}", "qa20")]
    assert heatmap.get_figheight() < 8


def test_panels_with_few_lines_each_stand_three_in_a_row_however_many_runs_there_are(tmp_path: Path) -> None:
    few = [run_of({(f"qa{task}", "1k"): 50}, tmp_path, name=f"m{task}") for task in range(1, 10)]
    full = [
        run_of({(f"qa{task}", "1k"): 50 for task in range(1, 10)}, tmp_path, name=f"m{n}") for n in range(9)
    ]
    assert _columns(accuracy_by_length(few)) == 3
    assert _columns(accuracy_by_length(full)) == 2


def _columns(figure: Figure) -> int:
    figure.draw_without_rendering()
    return len({round(axes.get_position().x0, 2) for axes in figure.axes})


def test_a_mean_whose_tasks_change_with_the_length_is_said_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(tmp_path / "even", {"qa1_0k_x": 9, "qa2_0k_x": 9})
    score([tmp_path])
    assert "note:" not in capsys.readouterr().err
    publish(tmp_path / "uneven", {"qa1_0k_x": 9, "qa2_0k_x": 9, "qa2_4k_x": 9})
    score([tmp_path])
    assert "which are not the same at all lengths: uneven" in capsys.readouterr().err
    runs, above = load_runs(tmp_path), parse_threshold("0.5")
    small_print = draw_effective_lengths(runs, effective_lengths(runs, above), above).get_supxlabel()
    assert "not the same at all lengths: uneven" in " ".join(small_print.split())
    write_report(runs, tmp_path / "report.html")
    assert "not the same at all lengths: uneven." in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_figure_stands_a_run_that_is_above_nowhere_at_none(tmp_path: Path) -> None:
    runs = [
        run_of({("qa1", "1k"): 100, ("qa1", "2k"): 90}, tmp_path, name="good"),
        run_of({("qa1", "1k"): 10, ("qa1", "2k"): 9}, tmp_path, name="bad"),
    ]
    above = parse_threshold("0.85")
    (axes,) = draw_effective_lengths(runs, effective_lengths(runs, above), above).axes
    none, *_ = axes.get_xticks()
    assert axes.get_xticklabels()[0].get_text() == "none"
    points = [np.asarray(line.get_xydata()).tolist() for line in axes.lines if line.get_marker() == "o"]
    marks = {tuple(point) for (point,) in points}
    assert marks == {(log2(1_000), 0), (log2(2_000), 0), (none, 1)}


def test_the_commands_write_their_figures(tmp_path: Path) -> None:
    publish(tmp_path / "one", {"qa1_0k_x": 10, "qa2_0k_x": 2})
    plot.effective([tmp_path / "one"], tmp_path / "e.svg", numbers=tmp_path / "e.json")
    plot.leaderboard([tmp_path / "one"], tmp_path / "l.svg")
    assert (tmp_path / "e.svg").read_bytes().startswith(b"<?xml")
    assert (tmp_path / "l.svg").read_bytes().startswith(b"<?xml")
    assert '"by_point": "0k"' in (tmp_path / "e.json").read_text()
