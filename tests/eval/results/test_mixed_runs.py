"""One folder with answers of both benchmarks: each task is scored by its own benchmark's rule."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from babilong_eval.analysis.effective_length import Threshold, effective_lengths
from babilong_eval.analysis.leaderboard import leaderboard
from babilong_eval.data.layout import StoredFiles, files_by_pair
from babilong_eval.results.load import load_runs, scored_predictions, tasks_of
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.records import (
    Prediction,
    RunInfo,
    cell_of,
    read_cells,
    write_cells,
    write_predictions,
    write_run,
)
from babilong_eval.results.scores import rules_for, score_file
from babilong_gen.errors import SourceError
from tests.conftest import Run

BABI = [
    Prediction(target="kitchen", output=output, question="Where is Mary?") for output in ("kitchen", "office")
]
OPEN = [
    Prediction(target="1234567,7654321", output=output, question="What are …?", depth=0.5)
    for output in ("1234567 and 7654321", "1234567")
]


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Return a run over qa1 and niah_multivalue, as `babilong evaluate` leaves it."""
    return _run(tmp_path / "mixed", BABI, OPEN)


def _run(folder: Path, babi: list[Prediction], openly: list[Prediction]) -> Path:
    folder.mkdir()
    cells = []
    for task, predictions, choices in (("qa1", babi, ["kitchen", "office"]), ("niah_multivalue", openly, [])):
        name = FileName(task=task, length="1k", config="config")
        path = write_predictions(folder, name, predictions, prompt={}, generate_kwargs={}, choices=choices)
        cells += [
            cell_of(score_file(path, rule), task=task, length="1k", scorer=rule)
            for rule in rules_for(task, labelled=False)
        ]
    write_cells(folder, cells)
    write_run(folder, RunInfo(name=folder.name, model="hf:tiny", data="data"))
    return folder


@pytest.mark.parametrize(("scorer", "accuracies"), [("official", [0.5, 0.75]), ("strict", [0.5, 0.5])])
def test_every_rule_that_a_figure_takes_scores_all_tasks(
    mixed: Path, scorer: str, accuracies: list[float]
) -> None:
    [run] = load_runs(mixed, scorer)  # pyright: ignore[reportArgumentType]
    assert tasks_of([run]) == ["qa1", "niah_multivalue"]
    assert [cell.accuracy for cell in run.cells] == accuracies
    assert sum(item.share for item in scored_predictions(run)) == 2 * sum(accuracies)
    [row] = leaderboard([run])
    assert row.means["1k"].value == sum(accuracies) / 2
    assert [one.task for one in effective_lengths([run], Threshold())] == ["qa1", "niah_multivalue", "mean"]


def test_cells_of_an_older_run_are_scored_again(mixed: Path) -> None:
    kept = [cell for cell in read_cells(mixed) if (cell.task, cell.scorer) != ("niah_multivalue", "official")]
    write_cells(mixed, kept)
    [run] = load_runs(mixed)
    assert [(cell.task, cell.accuracy) for cell in run.cells] == [("qa1", 0.5), ("niah_multivalue", 0.75)]
    (mixed / "niah_multivalue_1k_config.csv").unlink()
    with pytest.raises(SourceError, match="niah_multivalue at 1k was not scored by official"):
        load_runs(mixed)


def test_the_commands_leave_nothing_out(mixed: Path, babilong: Run, tmp_path: Path) -> None:
    told = json.loads(babilong("score", mixed, "--format", "json").stdout)
    assert {row["task"]: row["accuracy"] for row in told} == {"qa1": 0.5, "niah_multivalue": 0.75}
    babilong("report", mixed, "--out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "the rule official finds 1234567 of 1234567, 7654321" in page
    assert "niah_multivalue" in page
    refused = babilong("score", mixed / "niah_multivalue_1k_config.csv", "--scorer", "label")
    assert refused.returncode == 2
    assert "niah_multivalue has open answers and no labels" in refused.stderr


def test_comparing_counts_shares_and_says_so(mixed: Path, babilong: Run, tmp_path: Path) -> None:
    other = _run(tmp_path / "none", BABI, [replace(one, output="") for one in OPEN])
    done = babilong("compare", mixed, other, "--format", "json")
    rows = {row["task"]: row for row in json.loads(done.stdout)}
    of_shares = rows["niah_multivalue"]
    assert (of_shares["a_correct"], of_shares["b_correct"], of_shares["difference"]) == (1.5, 0, 0.75)
    # two samples, both better: of four choices of signs two are as far from zero
    assert (of_shares["a_only"], of_shares["p_sign_flip"], of_shares["p_holm"]) == (2, 0.5, 1)
    assert "p_mcnemar" in rows["qa1"]
    assert "niah_multivalue: some answers are right in part, so an accuracy is the mean" in done.stderr


def test_a_model_that_chooses_among_labels_answers_open_questions_in_its_own_words(
    babilong: Run, noise_files: str, tmp_path: Path
) -> None:
    model = files("babilong_eval") / "checkpoints" / "tiny-detect"
    options = ["--lengths", "1k", "--samples", 1, "--noise", noise_files, "--out", tmp_path / "data"]
    tasks = ["--tasks", "detect,niah_single_1", "--tokenizer", model / "tokenizer.json"]
    assert babilong("generate", *tasks, *options).returncode == 0
    done = babilong("evaluate", tmp_path / "data", "--model", f"rmt:{model}", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rules = {(cell.task, cell.scorer) for cell in read_cells(tmp_path / "out")}
    assert rules == {
        *(("detect", rule) for rule in ("official", "strict", "label")),
        *(("niah_single_1", rule) for rule in ("official", "strict", "string_match_part")),
    }


def test_names_with_underscores_are_found_in_paths() -> None:
    names = ["data/4k/niah_single_1-00000-of-00001.parquet", "vt/4k.json", "data/4k/qa10-00000.parquet"]
    names += ["exported/babilong_niah_multikey_3/8k.jsonl", "notes/4k/fewer.parquet"]
    found = files_by_pair(StoredFiles(names=names, fetch=Path), {})
    assert set(found) == {
        ("niah_single_1", "4k"),
        ("vt", "4k"),
        ("qa10", "4k"),
        ("niah_multikey_3", "8k"),
    }
