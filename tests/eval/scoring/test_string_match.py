"""RULER's rules, and what they are applied to."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.scores import score_file
from babilong_eval.scoring.explain import explain
from babilong_eval.scoring.score import score
from babilong_gen.errors import UsageError


def columns(target: str, *outputs: str) -> dict[str, list[str]]:
    return {"target": [target] * len(outputs), "output": list(outputs), "question": ["?"] * len(outputs)}


def test_all_gives_the_share_of_the_answers_that_are_found() -> None:
    found = score(
        columns("12,34,56,78", "12 and 34", "78, 56, 34, 12", ""), labels=(), scorer="string_match_all"
    )
    assert found.correct == 1.5
    low, high = found.interval
    assert 0 < low < found.accuracy == 0.5 < high < 1


def test_part_is_content_with_one_answer_in_any_case() -> None:
    found = score(columns("Ab,Cd", "it is AB", "none"), labels=(), scorer="string_match_part")
    assert (found.correct, found.n) == (1, 2)


def test_a_prediction_file_of_such_a_task_is_known_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "niah_multivalue_4k_config.csv"
    path.write_text('target,output,question\n"1,2",1,?\n')
    assert FileName.of(path) == FileName(task="niah_multivalue", length="4k", config="config")
    assert score_file(path, "string_match_all").accuracy == 0.5
    assert score_file(path, "official").accuracy == 0.5
    assert score_file(path, "strict").accuracy == 0
    with pytest.raises(UsageError, match="open answers and no labels: use --scorer official or strict"):
        score_file(path, "label")


@pytest.mark.parametrize(
    ("output", "official", "strict"),
    [
        ("1234567 and 7654321.", 1, 1),
        ("They are: 7654321, 1234567", 1, 1),
        ("1234567", 0.5, 0),
        ("12345678 and 7654321", 1, 0),  # another number that holds the first
        ("<think>7654321? 1234567?</think> I do not know.", 1, 0),
    ],
)
def test_strict_wants_every_answer_as_a_whole_word(output: str, official: float, strict: float) -> None:
    asked = columns("1234567,7654321", output)
    assert score(asked, labels=(), scorer="official").accuracy == official
    assert score(asked, labels=(), scorer="strict").accuracy == strict


def test_why_names_the_answers_that_were_found() -> None:
    why = partial(explain, "It is Ab-7, I think.", target="ab-7,cd-8", question="?", labels=())
    assert why(scorer="official") == "the rule official finds ab-7 of ab-7, cd-8"
    assert why(scorer="strict") == "the rule strict finds ab-7 of ab-7, cd-8"
