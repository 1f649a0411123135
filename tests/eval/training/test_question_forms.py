"""The log says how well each form of question is answered."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from babilong_eval.training.metrics_log import read_log
from babilong_eval.training.question_forms import FormScore, form_of_question, merge_forms, score_by_form
from babilong_gen.rng import Rng
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.story import StoryShape

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("task", "question", "form"),
    [
        ("detect", "Where is Mary?", "Where is _?"),
        ("reasoning", "What is north of the garden?", "What is north of the _?"),
        ("reasoning", "What is the office east of?", "What is the _ east of?"),
        ("qa3", "Where was the milk before the bathroom?", "Where was the _ before the _?"),
        ("qa18", "Is the chocolate bigger than the box of chocolates?", "Is the _ bigger than the _?"),
    ],
)
def test_a_form_is_the_question_without_its_names(task: str, question: str, form: str) -> None:
    assert form_of_question(task, question) == f"{task}: {form}"


@pytest.mark.parametrize(("task", "forms"), [("memorize", 1), ("reasoning", 8)])
def test_a_task_has_few_forms(task: str, forms: int) -> None:
    stories = [TASKS[task].simulate(Rng("forms", number), StoryShape()) for number in range(200)]
    assert len({form_of_question(task, story.question) for story in stories}) == forms


def test_parts_of_a_batch_come_to_what_the_whole_does() -> None:
    rows = [("b", True, 0.5), ("a", False, 2.0), ("b", False, 1.5), ("a", True, 1.0), ("a", True, 0.0)]
    whole = score_by_form(rows)
    assert list(whole.items()) == [
        ("a", FormScore(rows=3, correct=2, loss=1.0)),
        ("b", FormScore(rows=2, correct=1, loss=1.0)),
    ]
    assert merge_forms([score_by_form(rows[:2]), {}, score_by_form(rows[2:])]) == whole


def test_the_log_counts_each_fresh_row_under_its_form(undisturbed: Path) -> None:
    lines = read_log(undisturbed / "training" / "log.jsonl")
    for line in lines:
        scores = line["forms"].values()
        assert [sum(each[what] for each in scores) for what in ("rows", "correct")] == line["fresh"]
        if line["stage"] == "first":  # it has no other rows
            loss = sum(each["rows"] * each["loss"] for each in scores) / line["fresh"][0]
            assert loss == pytest.approx(line["loss"], rel=1e-5)
    tasks = Counter(form.split(":")[0] for line in lines for form in line["forms"])
    assert tasks.keys() == {"detect", "reasoning"}
