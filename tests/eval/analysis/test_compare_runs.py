"""`babilong compare`: only shared samples count, and runs over other data are refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from babilong_eval.analysis.compare_runs import compare_runs, verdicts
from babilong_eval.commands import plot
from babilong_eval.commands.compare import compare
from babilong_eval.figures import style
from babilong_eval.figures.differences_by_length import differences_by_length
from babilong_eval.results.load import load_runs
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
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PLACES = ("garden", "kitchen", "office")


def record(
    folder: Path,
    right: Mapping[str, Sequence[bool]],
    *,
    first: int = 0,
    fingerprint: str = "f1",
    id_of: str = "{}",
) -> Path:
    """A results folder of qa1, named as its folder; `right` says by length which answers are correct."""
    for length, answers in right.items():
        predictions = [
            Prediction(
                target=PLACES[number % 3],
                output=PLACES[(number + (not is_right)) % 3],
                question="Where is Mary?",
                sample_id=id_of.format(f"qa1/{length}/{number:06d}"),
            )
            for number, is_right in enumerate(answers, start=first)
        ]
        write_predictions(
            folder,
            FileName(task="qa1", length=length),
            predictions,
            prompt={},
            generate_kwargs={},
            choices=PLACES,
        )
    cells = [
        cell_of(Score(n=len(answers), correct=sum(answers)), task="qa1", length=length, scorer="official")
        for length, answers in right.items()
    ]
    write_cells(folder, cells)
    write_run(folder, RunInfo(name=folder.name, model="m", data="d", data_fingerprint=fingerprint))
    return folder


def published(folder: Path, rows: Sequence[tuple[str, str, str]]) -> Path:
    """A folder of predictions in the published form: question, target, output."""
    folder.mkdir()
    lines = [
        f"{number},{target},{output},{question}" for number, (question, target, output) in enumerate(rows)
    ]
    (folder / "qa1_0k_x.csv").write_text("\n".join([",target,output,question", *lines, ""]))
    return folder


def test_json_has_a_row_a_cell_with_counts_of_shared_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = record(tmp_path / "a", {"0k": [True] * 20, "4k": [True] * 18 + [False] * 2})
    b = record(tmp_path / "b", {"0k": [True] * 20, "4k": [False] * 17 + [True] * 3})
    compare([a, b], form="json")
    first, second = json.loads(capsys.readouterr().out)
    assert list(second) == [
        "task", "length", "n", "a_correct", "b_correct", "a_only", "b_only", "difference",
        "ci_low", "ci_high", "p_mcnemar", "p_holm",
    ]  # fmt: skip
    assert [first[name] for name in ("length", "a_only", "b_only", "p_holm")] == ["0k", 0, 0, 1.0]
    counts = [second[name] for name in ("n", "a_correct", "b_correct", "a_only", "b_only")]
    assert counts == [20, 18, 3, 17, 2]
    assert second["difference"] == 0.75
    assert second["ci_low"] < 0.75 < second["ci_high"]
    assert second["p_holm"] == pytest.approx(2 * second["p_mcnemar"])


def test_a_sentence_a_task_says_who_is_better_and_where(tmp_path: Path) -> None:
    a = record(tmp_path / "a", {"0k": [True] * 20, "4k": [True] * 20, "8k": [False] * 20})
    b = record(tmp_path / "b", {"0k": [True] * 20, "4k": [False] * 20, "8k": [True] * 20})
    found = compare_runs(load_runs([a, b]))
    assert verdicts(found.differences) == [
        "qa1: a is better at 4k (by 100.0 points); b is better at 8k (by 100.0 points); "
        "no difference that these samples show at 0k"
    ]
    alike = compare_runs(load_runs([a, a])).differences
    assert verdicts(alike) == ["qa1: no difference that these samples show (it could be up to 16.1 points)"]


def test_samples_and_lengths_of_one_run_alone_are_left_out_with_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = record(tmp_path / "a", {"0k": [True] * 20, "64k": [True]})
    b = record(tmp_path / "b", {"0k": [True] * 20, "8k": [True]}, first=5)
    compare([a, b])
    shown = capsys.readouterr()
    assert "qa1 at 0k: only 15 samples in common, of 20 of a and 20 of b" in shown.err
    assert "a was asked about qa1 at 64k, and b was not" in shown.err
    assert "b was asked about qa1 at 8k, and a was not" in shown.err
    assert "no difference that these samples show" in shown.out


def test_runs_on_different_data_are_refused_with_both_fingerprints(tmp_path: Path) -> None:
    a = record(tmp_path / "a", {"0k": [True] * 3}, fingerprint="aaaa1111")
    b = record(tmp_path / "b", {"0k": [True] * 3}, fingerprint="bbbb2222")
    with pytest.raises(UsageError, match=r"different data.*aaaa1111 and bbbb2222"):
        compare_runs(load_runs([a, b]))


def test_ids_that_are_hashes_of_rows_hold_across_copies_of_a_dataset(tmp_path: Path) -> None:
    a = record(tmp_path / "a", {"0k": [True] * 3}, fingerprint="commit", id_of="{}/row-1")
    b = record(tmp_path / "b", {"0k": [True] * 3}, fingerprint="folder", id_of="{}/row-1")
    assert [found.n for found in compare_runs(load_runs([a, b])).differences] == [3]


def test_one_id_with_two_stories_is_different_data(tmp_path: Path) -> None:
    a = record(tmp_path / "a", {"0k": [True] * 3}, fingerprint="")
    b = record(tmp_path / "b", {"0k": [True] * 3}, fingerprint="", first=1)
    path = b / "qa1_0k.csv"
    path.write_text(path.read_text().replace("qa1/0k/000001", "qa1/0k/000000"))
    with pytest.raises(UsageError, match="different data"):
        compare_runs(load_runs([a, b]))


def test_published_rows_are_matched_in_their_order_though_some_are_missing(tmp_path: Path) -> None:
    rows = [(f"Where is {number}?", PLACES[number % 3], PLACES[number % 3]) for number in range(30)]
    a, b = published(tmp_path / "a", rows), published(tmp_path / "b", [*rows[:11], *rows[12:]])
    found = compare_runs(load_runs([a, b]))
    assert [(one.n, one.a_only, one.b_only) for one in found.differences] == [(29, 0, 0)]
    assert found.left_out == ["qa1 at 0k: only 29 samples in common, of 30 of a and 29 of b"]


def test_the_prompts_of_a_published_model_are_compared_as_one_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(f"Where is {number}?", PLACES[number % 3], PLACES[number % 3]) for number in range(12)]
    for model, prompt_of_qa2 in (("a", "examples_yes"), ("b", "examples_no")):
        folder = published(tmp_path / model, rows)
        (folder / "qa1_0k_x.csv").rename(folder / "qa1_0k_examples_no.csv")
        text = (folder / "qa1_0k_examples_no.csv").read_text()
        (folder / f"qa2_0k_{prompt_of_qa2}.csv").write_text(text)
    compare([tmp_path / "a", tmp_path / "b"], form="json")
    shown = capsys.readouterr()
    assert [(row["task"], row["n"]) for row in json.loads(shown.out)] == [("qa1", 12), ("qa2", 12)]
    assert shown.err == "note: different prompts at qa2 at 0k: examples for a, bare prompt for b\n"


def test_a_sample_that_a_file_answers_twice_is_not_counted_twice(tmp_path: Path) -> None:
    a, b = (record(tmp_path / name, {"0k": [True] * 3}) for name in "ab")
    *_, last = (a / "qa1_0k.csv").read_text().splitlines()
    with (a / "qa1_0k.csv").open("a") as file:
        file.write(f"{last}\n")
    for runs in ([a, b], [b, a]):
        with pytest.raises(SourceError, match="sample qa1/0k/000002 is there 2 times: keep one answer"):
            compare_runs(load_runs(runs))


def test_published_rows_of_other_data_are_refused(tmp_path: Path) -> None:
    rows = [(f"Where is {number % 4}?", PLACES[number % 3], "office") for number in range(40)]
    a, b = published(tmp_path / "a", rows), published(tmp_path / "b", [(q, PLACES[0], o) for q, _, o in rows])
    with pytest.raises(UsageError, match=r"different data \(qa1 at 0k\): fingerprints \w{12} and \w{12}"):
        compare_runs(load_runs([a, b]))


def test_one_run_or_cells_alone_cannot_be_compared(tmp_path: Path) -> None:
    a = record(tmp_path / "a", {"0k": [True]})
    with pytest.raises(UsageError, match="at least two"):
        compare_runs(load_runs(a))
    (a / "qa1_0k.csv").unlink()
    with pytest.raises(UsageError, match=r"keep the \.csv files"):
        compare_runs(load_runs([a, a]))


def test_the_figure_has_a_point_a_cell_and_full_marks_where_a_difference_is_found(tmp_path: Path) -> None:
    a = record(tmp_path / "a", {"0k": [True] * 20, "4k": [True] * 20})
    b = record(tmp_path / "b", {"0k": [True] * 20, "4k": [False] * 20})
    runs = load_runs([a, b])
    (axes,) = differences_by_length(runs, compare_runs(runs).differences).axes
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [np.asarray(line.get_ydata()).tolist() for line in marks] == [[0.0], [1.0]]
    assert [line.get_markerfacecolor() == style.PAPER for line in marks] == [True, False]
    plot.difference([a, b], tmp_path / "difference.svg")
    assert (tmp_path / "difference.svg").read_bytes().startswith(b"<?xml")
