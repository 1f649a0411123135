"""Why an answer counted; and the examples of docs/scoring.md are what the rules do."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from babilong_eval.scoring import explain as module
from babilong_eval.scoring.explain import explain
from babilong_eval.scoring.official import OFFICIAL_LABELS
from babilong_eval.scoring.score import ScorerName, which_are_correct
from babilong_gen.tasks import TASKS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "scoring.md"
EXAMPLE = re.compile(
    r"^\| (qa\d+) \| ([\w,]+) \| (.+?) \| (right|wrong).*? \| (right|wrong).*? \|$", re.MULTILINE
)
EXAMPLES = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
RULES: tuple[ScorerName, ...] = ("official", "strict")


def test_the_page_has_examples_and_the_docstring_is_right() -> None:
    assert len(EXAMPLES) == 11
    assert doctest.testmod(module) == (0, 2)


@pytest.mark.parametrize(("task", "target", "answer", "official", "strict"), EXAMPLES)
def test_the_pages_examples_are_what_the_rules_do(
    task: str, target: str, answer: str, official: str, strict: str
) -> None:
    columns = {"target": [target], "output": [answer.replace("⏎", "\n")], "question": ["What is it?"]}
    labels = {"official": OFFICIAL_LABELS[task], "strict": TASKS[task].choices}
    found = [which_are_correct(columns, labels=labels[rule], scorer=rule) for rule in RULES]
    assert found == [[official == "right"], [strict == "right"]]


def test_labels_that_the_question_names_are_passed_over() -> None:
    asked = {"target": "garden", "question": "Where was Mary before the kitchen?"}
    said = explain("kitchen, garden", **asked, labels=("garden", "kitchen"), scorer="official")
    assert "finds garden (and passes over kitchen, named in the question);" in said


def test_a_chosen_label_is_named() -> None:
    said = explain("", target="a", question="?", labels=("a", "b"), scorer="label", label="b")
    assert said == "the label with the highest score is b; the target is a"


def test_a_path_keeps_its_steps() -> None:
    said = explain("n, n", target="n,n", question="How?", labels=("n,n", "n,e"), scorer="strict")
    assert said == "the rule strict finds n, n; the target is n,n"
