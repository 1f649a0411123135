"""The log of predictions: nothing is lost, nothing is twice, and a torn end is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babilong_eval.results.predictions_log import LoggedPrediction, open_log, read_logs
from babilong_eval.results.records import Prediction
from babilong_gen.errors import OutputError, SourceError

if TYPE_CHECKING:
    from pathlib import Path


def entry(index: int, output: str = "garden", error: str = "") -> LoggedPrediction:
    prediction = Prediction(target="garden", output=output, question="Where is Mary?", error=error)
    return LoggedPrediction(task="qa1", length="4k", index=index, prediction=prediction)


def write(folder: Path, *entries: LoggedPrediction, rank: int = 0) -> Path:
    with open_log(folder, rank) as append:
        for each in entries:
            append(each)
    return folder / f"predictions-{rank}.jsonl"


@settings(max_examples=25)
@given(outputs=st.lists(st.text()))
def test_what_is_appended_is_read(tmp_path_factory: pytest.TempPathFactory, outputs: list[str]) -> None:
    folder = tmp_path_factory.mktemp("log")
    entries = [entry(index, output) for index, output in enumerate(outputs)]
    write(folder, *entries)
    assert list(read_logs(folder).values()) == entries


@settings(max_examples=25)
@given(lost=st.integers(1, 400))
def test_a_torn_end_costs_the_torn_lines_only(tmp_path_factory: pytest.TempPathFactory, lost: int) -> None:
    folder = tmp_path_factory.mktemp("log")
    path = write(folder, entry(0), entry(1))
    content = path.read_bytes()[:-lost]
    path.write_bytes(content)
    write(folder, entry(2))
    assert sorted(line.index for line in read_logs(folder).values()) == [*range(content.count(b"\n")), 2]


def test_an_answer_counts_before_a_failure_and_the_last_answer_before_others(tmp_path: Path) -> None:
    write(tmp_path, entry(0, "", "out of memory"), entry(0, "garden"), entry(1, "office"), entry(1, "garden"))
    write(tmp_path, entry(0, "", "too long"), rank=1)
    assert [each.prediction.output for each in read_logs(tmp_path).values()] == ["garden", "garden"]


def test_a_line_that_is_no_prediction_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, entry(0))
    path.write_bytes(b'{"task": "qa1"}\n' + path.read_bytes())
    with pytest.raises(SourceError, match=r"predictions-0.jsonl: line 1 is not a prediction"):
        read_logs(tmp_path)


def test_two_runs_do_not_write_one_log(tmp_path: Path) -> None:
    with (
        open_log(tmp_path),
        pytest.raises(OutputError, match="another run is writing to it"),
        open_log(tmp_path),
    ):
        pass
