"""The solvers against the official files: every answer, and the facts that it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from babilong_gen.solvers import solve
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.sources import OfficialFiles

# The files contradict themselves (docs/tasks.md): questions with another answer than ours.
OTHER_ANSWERS = {("qa5", "test"): 2, ("qa5", "train"): 20}
# Of several chains that prove an answer, which one the files name cannot be told from the text.
SEVERAL_CHAINS = {("qa18", "test"): 42, ("qa18", "train"): 446}

FILES = [(f"qa{number}", split) for number in range(1, 21) for split in ("test", "train")]


@pytest.mark.parametrize(("task", "split"), FILES)
def test_answers_and_needed_facts_are_those_of_the_file(shared_data: Path, task: str, split: str) -> None:
    source = OfficialFiles(path=shared_data / "babi" / "tasks_1-20_v1-2.tar.gz", split=split)
    if task not in source.tasks():
        pytest.skip(f"no {split} file of {task}")
    stories = source.stories(task)
    solutions = [solve(task, story.facts, story.question) for story in stories]
    other_answers = sum(ours.answer != story.answer for ours, story in zip(solutions, stories, strict=True))
    other_facts = sum(
        ours.supporting != story.supporting for ours, story in zip(solutions, stories, strict=True)
    )
    assert other_answers == OTHER_ANSWERS.get((task, split), 0)
    assert other_facts == other_answers + SEVERAL_CHAINS.get((task, split), 0)


def test_answers_are_among_the_choices(shared_data: Path) -> None:
    source = OfficialFiles(path=shared_data / "babi" / "tasks_1-20_v1-2.tar.gz")
    for task in source.tasks():
        answers = {solve(task, story.facts, story.question).answer for story in source.stories(task)}
        assert answers <= set(TASKS[task].choices)
