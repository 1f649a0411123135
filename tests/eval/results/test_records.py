"""The results folder: what is written comes back, and others can read it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.records import (
    Prediction,
    RunInfo,
    cell_of,
    read_cells,
    read_predictions,
    read_run,
    write_cells,
    write_predictions,
    write_run,
)
from babilong_eval.results.scores import score_file, scoring_labels
from babilong_eval.scoring.score import Score
from babilong_gen.errors import OutputError, SourceError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

NAME = FileName(
    task="qa1", length="4k", config="instruction_yes_examples_yes_post_prompt_yes_chat_template_no"
)
PLACES = ("kitchen", "garden")
RIGHT = Prediction(target="kitchen", output="kitchen", question="Where is Mary?")


def write(folder: Path, predictions: list[Prediction], name: FileName = NAME) -> Path:
    return write_predictions(folder, name, predictions, prompt={}, generate_kwargs={}, choices=PLACES)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    st.lists(
        st.builds(
            Prediction,
            target=_TEXT.filter(bool),
            output=_TEXT | st.sampled_from(['<script>alert("x")</script>', "a\rb", "None", '"', "\n"]),
            question=_TEXT,
            n_tokens=st.none() | st.integers(0, 10**7),
            depth=st.none() | st.floats(0, 1),
            supporting=st.lists(_TEXT, max_size=3).map(tuple),
            error=_TEXT,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_predictions_come_back_as_they_were(scratch: Path, predictions: list[Prediction]) -> None:
    assert read_predictions(write(scratch, predictions)) == predictions


def test_the_published_collector_reads_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, [RIGHT, replace(RIGHT, output='a "b", c\nd'), replace(RIGHT, output="")])
    frame = pd.read_csv(path)
    assert path.name == "qa1_4k_instruction_yes_examples_yes_post_prompt_yes_chat_template_no.csv"
    assert list(frame.columns[:4]) == ["Unnamed: 0", "target", "output", "question"]
    assert list(frame["output"].fillna("")) == ["kitchen", 'a "b", c\nd', ""]


def test_only_predictions_end_in_csv_and_nothing_partial_stays(tmp_path: Path) -> None:
    path = write(tmp_path, [RIGHT])
    write_cells(tmp_path, [cell_of(Score(n=1, correct=1), task="qa1", length="4k", scorer="strict")])
    write_run(tmp_path, RunInfo(name="RMT", model="rmt:x", data="data"))
    names = {entry.name for entry in tmp_path.iterdir()}
    assert names == {path.name, f"{path.stem}.json", "results.json", "run.json"}


def test_published_files_have_the_first_columns_only(tmp_path: Path) -> None:
    path = tmp_path / "qa1_0k_x.csv"
    path.write_text(",target,output,question\n0,kitchen,the kitchen,Where is Mary?\n")
    assert read_predictions(path) == [replace(RIGHT, output="the kitchen")]


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "qa1_0k_x.csv"
    path.write_text("target,output,question,depth\na,b,c,deep\n")
    with pytest.raises(SourceError, match="deep"):
        read_predictions(path)


def test_cells_and_run_come_back_as_they_were(tmp_path: Path) -> None:
    cells = [
        cell_of(Score(n=4, correct=3), task="qa1", length="8seg", scorer="label", segments=8, seconds=1.5),
        cell_of(Score(n=4, correct=3), task="qa1", length="8seg", scorer="official"),
    ]
    run = RunInfo(name="RMT", model="rmt:x", data="data", versions={"torch": "2"}, options={"limit": 4})
    write_cells(tmp_path, cells)
    write_run(tmp_path, run)
    assert read_cells(tmp_path) == cells
    assert read_run(tmp_path) == run


def test_a_cell_holds_its_interval() -> None:
    cell = cell_of(Score(n=100, correct=50), task="qa1", length="4k", scorer="official")
    assert cell.accuracy == 0.5
    assert cell.ci_low == pytest.approx(0.404, abs=1e-3)
    assert cell.ci_high == pytest.approx(0.596, abs=1e-3)


@pytest.mark.parametrize("text", ["[]", "{}", "[{}]", "not json", '[{"task": "qa1"}]', '[{"task": 1}]'])
def test_a_broken_results_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(SourceError, match=r"results\.json"):
        read_cells(tmp_path)


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a results folder"):
        read_run(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot be written .*: make room there, or choose another place"):
        write(tmp_path / "file", [RIGHT])


def test_choices_beside_a_file_are_its_labels(tmp_path: Path) -> None:
    path = write(tmp_path, [RIGHT, replace(RIGHT, output="")], FileName(task="memorize", length="8seg"))
    assert scoring_labels(path, "memorize", "strict") == PLACES
    assert score_file(path, "official") == Score(n=2, correct=1)


def test_the_official_rule_keeps_its_own_labels(tmp_path: Path) -> None:
    path = write(tmp_path, [RIGHT])
    assert scoring_labels(path, "qa1", "strict") == PLACES
    assert "office" in scoring_labels(path, "qa1", "official")


def test_a_task_without_labels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine_0k_x.csv"
    path.write_text("target,output,question\na,b,c\n")
    with pytest.raises(SourceError, match=r"list them in mine_0k_x\.json"):
        score_file(path, "strict")


def test_label_accuracy_needs_scored_choices(tmp_path: Path) -> None:
    scored = write(
        tmp_path, [replace(RIGHT, output="Kitchen!", label="garden"), replace(RIGHT, label="kitchen")]
    )
    assert score_file(scored, "label") == Score(n=2, correct=1)
    free = write(tmp_path, [RIGHT])
    with pytest.raises(UsageError, match="the model wrote free text"):
        score_file(free, "label")
