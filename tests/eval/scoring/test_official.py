"""The published rule, its faults included."""

from __future__ import annotations

import csv
import tarfile
from typing import TYPE_CHECKING

import pytest

from babilong_eval.results.scores import score_file
from babilong_eval.scoring.official import OFFICIAL_LABELS, official_correct

if TYPE_CHECKING:
    from pathlib import Path


def is_correct(output: str, target: str, *, task: str, question: str = "Where is Mary?") -> bool:
    return official_correct([target], [output], [question], OFFICIAL_LABELS[task])[0]


def test_equals_the_official_count_on_every_real_file(shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "predictions" / "predictions.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    with (shared_data / "predictions" / "official_scores.csv").open(newline="") as file:
        expected = {row["file"]: (int(row["n"]), int(row["correct"])) for row in csv.DictReader(file)}
    scores = {name: score_file(tmp_path / name, "official") for name in expected}
    assert {name: (score.n, score.correct) for name, score in scores.items()} == expected
    assert len(expected) >= 40


@pytest.mark.parametrize("output", ["kitchen", "The answer is kitchen.", "KITCHEN!", "the kitchens"])
def test_the_only_label_in_the_first_sentence_is_the_answer(output: str) -> None:
    assert is_correct(output, "kitchen", task="qa1")


@pytest.mark.parametrize("output", ["", "   ", "kitchen or garden", "Well. Kitchen", "<example>kitchen"])
def test_no_label_or_several_are_wrong(output: str) -> None:
    assert not is_correct(output, "kitchen", task="qa1")


def test_labels_of_the_question_do_not_count() -> None:
    question = "Where was the apple before the garden?"
    assert is_correct("before the garden it was in the kitchen", "kitchen", task="qa3", question=question)
    assert not is_correct("garden", "garden", task="qa3", question=question)


def test_a_list_must_name_all_its_parts_and_no_others() -> None:
    assert is_correct("milk and apple", "apple,milk", task="qa8")
    assert not is_correct("apple", "apple,milk", task="qa8")
    assert not is_correct("apple, milk, football", "apple,milk", task="qa8")


def test_a_path_is_found_in_one_spelling_only() -> None:
    assert is_correct("n,e", "n,e", task="qa19")
    assert not is_correct("n, e", "n,e", task="qa19")


def test_the_faults_are_kept() -> None:
    assert not is_correct("none", "none", task="qa7")  # `one` is in `none`
    assert is_correct("I do not know", "no", task="qa6")  # `no` is in `not` and `know`
    assert not is_correct("Mr. Bill is in the kitchen", "kitchen", task="qa1")  # cut behind "Mr."
    assert not is_correct("kitchen\n\nQuestion: Where is the garden?", "kitchen", task="qa1")  # no cut


@pytest.mark.parametrize("missing", ["None", "nan", "NULL", "N/A", "<NA>"])
def test_what_pandas_reads_as_missing_is_empty(missing: str) -> None:
    assert not is_correct(missing, "no", task="qa6")


def test_none_in_other_cases_is_text_and_holds_a_no() -> None:
    assert is_correct("none", "no", task="qa6")
