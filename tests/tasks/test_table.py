"""What holds for every task of the table."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from babilong_gen.rng import Rng
from babilong_gen.solvers import SOLVERS, solve
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.babi import read_babi
from babilong_gen.tasks.story import StoryShape
from babilong_gen.tasks.task import Lexicon, Task


def test_each_task_is_found_by_its_name_and_has_a_solver() -> None:
    assert all(task.name == name for name, task in TASKS.items())
    assert list(TASKS) == [*(f"qa{number}" for number in range(1, 21)), "memorize", "detect", "reasoning"]
    assert SOLVERS.keys() == TASKS.keys()


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_labels_are_distinct_and_no_word_is_both_entity_and_predicate(task: Task) -> None:
    assert len(set(task.choices)) == len(task.choices) >= 2
    assert not task.lexicon.entities & task.lexicon.predicates


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_simulated_stories_keep_the_contract_and_the_solver_proves_them(task: Task) -> None:
    for draw in range(200):
        story = task.simulate(Rng("contract", task.name, draw), StoryShape())
        assert story.task == task.name
        assert story.choices == task.choices
        assert story.answer in story.choices
        assert all(fact == fact.strip() and fact.endswith(".") for fact in story.facts)
        assert story.question.endswith("?")
        solution = solve(task.name, story.facts, story.question)
        assert (solution.answer, set(solution.supporting)) == (story.answer, set(story.supporting))
        assert story == task.simulate(Rng("contract", task.name, draw), StoryShape())


def knows(lexicon: Lexicon, sentence: str) -> bool:
    def has(words: frozenset[str]) -> bool:
        return re.search(rf"\b({'|'.join(words)})\b", sentence.lower()) is not None

    return has(lexicon.entities) and has(lexicon.predicates)


@pytest.mark.parametrize("task", [f"qa{number}" for number in range(1, 21)])
def test_the_leak_check_knows_every_official_fact(shared_data: Path, task: str) -> None:
    stories = read_babi(shared_data / "babi" / "tasks_1-20_v1-2.tar.gz", task)
    missed = [
        fact
        for fact in {fact for story in stories for fact in story.facts}
        if not knows(TASKS[task].lexicon, fact)
    ]
    assert missed == []


def test_importing_the_table_is_light() -> None:
    heavy = ("pyarrow", "tokenizers", "torch")
    code = f"import sys, babilong_gen.tasks; print([module for module in {heavy} if module in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
