"""Folders of results, read as runs to be drawn and compared."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from babilong_eval.commands import plot
from babilong_eval.results.load import load_runs, scored_predictions
from babilong_gen.errors import SourceError
from tests.eval.figures.recorded import ACCURACIES, record

if TYPE_CHECKING:
    from pathlib import Path


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


def test_an_empty_results_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no predictions here"):
        plot.length([tmp_path], tmp_path / "figure.png")
