"""What the solvers make of a few facts; names and things are not bAbI's, since only the form counts."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from itertools import cycle, islice
from typing import NamedTuple

import pytest

from babilong_gen.errors import UsageError
from babilong_gen.solvers import SolverError, solve


class Example(NamedTuple):
    text: str
    question: str
    answer: str
    supporting: tuple[int, ...]

    @property
    def facts(self) -> list[str]:
        return [f"{sentence}." for sentence in self.text.removesuffix(".").split(". ")]


ONE_OF_EACH = {
    "qa1": Example(
        "Ada went to the library. Bo moved to the attic. Ada travelled to the wine cellar.",
        "Where is Ada?",
        "wine cellar",
        (2,),
    ),
    "qa2": Example(
        "Ada moved to the attic. Ada took the lamp. Bo went to the barn. Ada left the lamp.",
        "Where is the lamp?",
        "attic",
        (3, 0),
    ),
    "qa3": Example(
        "Ada got the lamp. Ada went to the attic. Ada went to the barn. Ada dropped the lamp.",
        "Where was the lamp before the barn?",
        "attic",
        (3, 2, 1),
    ),
    "qa4": Example(
        "The attic is east of the barn. The barn is east of the cellar.",
        "What is the barn east of?",
        "cellar",
        (1,),
    ),
    "qa5": Example(
        "Ada passed the lamp to Bo. Bo handed the lamp to Cy. Cy gave the lamp to Ada.",
        "Who gave the lamp to Cy?",
        "Bo",
        (1,),
    ),
    "qa6": Example("Ada went to the attic. Bo went to the barn.", "Is Ada in the barn?", "no", (0,)),
    "qa7": Example(
        "Ada took the lamp. Ada got the book there. Ada gave the lamp to Bo.",
        "How many objects is Ada carrying?",
        "one",
        (0, 1, 2),
    ),
    "qa8": Example(
        "Ada took the lamp. Ada got the book there. Ada left the lamp. Ada grabbed the lamp.",
        "What is Ada carrying?",
        "lamp,book",
        (0, 2, 3, 1),
    ),
    "qa9": Example("Ada is in the attic. Ada is no longer in the attic.", "Is Ada in the attic?", "no", (1,)),
    "qa10": Example(
        "Ada went to the attic. Ada is either in the barn or the attic.",
        "Is Ada in the attic?",
        "maybe",
        (1,),
    ),
    "qa11": Example(
        "Ada went to the attic. Bo went to the barn. Afterwards he moved to the attic.",
        "Where is Bo?",
        "attic",
        (1, 2),
    ),
    "qa12": Example(
        "Ada and Bo went to the attic. Bo and Cy went back to the barn.", "Where is Ada?", "attic", (0,)
    ),
    "qa13": Example(
        "Ada and Bo went to the attic. Then they moved to the barn.", "Where is Bo?", "barn", (0, 1)
    ),
    "qa14": Example(
        "This evening Ada went to the attic. Ada moved to the barn yesterday. "
        "This morning Ada went to the park.",
        "Where was Ada before the attic?",
        "park",
        (0, 2),
    ),
    "qa15": Example(
        "Foxes are afraid of wolves. Ada is a fox. Wolves are afraid of mice. Bo is a wolf.",
        "What is bo afraid of?",
        "mouse",
        (3, 2),
    ),
    "qa16": Example(
        "Ada is an owl. Bo is an owl. Bo is brown. Cy is a fox. Cy is red.",
        "What color is Ada?",
        "brown",
        (0, 1, 2),
    ),
    "qa17": Example(
        "The red star is above the cube. The cube is to the left of the cone.",
        "Is the cone to the right of the red star?",
        "yes",
        (1, 0),
    ),
    "qa18": Example(
        "The trunk is bigger than the hat box. The ring fits inside the hat box.",
        "Does the trunk fit in the ring?",
        "no",
        (1, 0),
    ),
    "qa19": Example(
        "The attic is north of the barn. The cellar is west of the attic.",
        "How do you go from the barn to the cellar?",
        "n,w",
        (0, 1),
    ),
    "qa20": Example(
        "Ada is tired. Bo is bored. Bo went to the garden.", "Why did bo go to the garden?", "bored", (1,)
    ),
    "memorize": Example("Ada journeyed to the attic.", "Where is Ada?", "attic", (0,)),
    "detect": Example("Ada went back to the attic.", "Where is Ada?", "attic", (0,)),
    "reasoning": Example(
        "The attic is north of the barn. The cellar is south of the barn.",
        "What is south of the barn?",
        "cellar",
        (1,),
    ),
}

MORE = [
    ("qa2", Example("Ada went to the attic. Ada took the lamp.", "Where is the lamp?", "attic", (1, 0))),
    (
        "qa3",
        Example(
            "Ada went to the attic. Ada got the lamp. Ada left the lamp. "
            "Bo moved to the attic. Bo took the lamp. "
            "Bo went to the barn.",
            "Where was the lamp before the barn?",
            "attic",
            (4, 5, 3),
        ),
    ),
    ("qa4", Example("The attic is east of the barn.", "What is the barn west of?", "attic", (0,))),
    ("qa4", Example("The attic is east of the barn.", "What is west of the attic?", "barn", (0,))),
    ("qa5", Example("Ada gave the lamp to Bo.", "What did Ada give to Bo?", "lamp", (0,))),
    ("qa5", Example("Ada gave the lamp to Bo.", "Who did Ada give the lamp to?", "Bo", (0,))),
    ("qa5", Example("Ada gave the lamp to Bo. Bo gave the hat to Cy.", "Who received the lamp?", "Bo", (0,))),
    ("qa5", Example("Ada gave the lamp to Bo. Bo gave the hat to Cy.", "Who gave the lamp?", "Ada", (0,))),
    ("qa7", Example("Bo gave the lamp to Ada.", "How many objects is Ada carrying?", "one", (0,))),
    (
        "qa7",
        Example("Ada took the lamp. Ada left the lamp.", "How many objects is Ada carrying?", "none", (0, 1)),
    ),
    (
        "qa8",
        Example("Ada took the lamp. Ada left the lamp there.", "What is Ada carrying?", "nothing", (0, 1)),
    ),
    ("qa10", Example("Ada is either in the barn or the attic.", "Is Ada in the cellar?", "no", (0,))),
    (
        "qa16",
        Example(
            "Ada is a fox. Bo is a fox. Bo is red. Cy is a fox. Cy is grey.",
            "What color is Ada?",
            "grey",
            (0, 3, 4),
        ),
    ),
    (
        "qa17",
        Example(
            "The cube is above the cone. The star is above the cube.",
            "Is the cone to the left of the star?",
            "no",
            (0, 1),
        ),
    ),
    ("qa18", Example("The box is bigger than the hat.", "Is the box bigger than the hat?", "yes", (0,))),
    (
        "qa18",
        Example(
            "The box is bigger than the hat. The ring fits inside the hat. The ring is bigger than the pea.",
            "Does the box fit in the pea?",
            "no",
            (2, 1, 0),
        ),
    ),
    ("qa20", Example("Ada is thirsty.", "Where will ada go?", "kitchen", (0,))),
    ("qa20", Example("Ada is tired. Ada took the hat there.", "Why did ada get the hat?", "tired", (0,))),
]


@pytest.mark.parametrize(("task", "example"), [*ONE_OF_EACH.items(), *MORE])
def test_a_question_is_answered_with_the_facts_that_it_needs(task: str, example: Example) -> None:
    solution = solve(task, example.facts, example.question)
    assert (solution.answer, solution.supporting) == (example.answer, example.supporting)


@pytest.mark.parametrize(("task", "example"), ONE_OF_EACH.items())
def test_facts_may_come_from_an_iterator(task: str, example: Example) -> None:
    assert solve(task, iter(example.facts), example.question).answer == example.answer


@pytest.mark.parametrize("task", [task for task in ONE_OF_EACH if task not in ("qa7", "qa8")])
def test_a_question_that_the_facts_leave_open_is_an_error(task: str) -> None:
    with pytest.raises(SolverError):
        solve(task, [], ONE_OF_EACH[task].question)


@pytest.mark.parametrize(("task", "example"), ONE_OF_EACH.items())
def test_a_fact_of_another_kind_is_an_error_that_quotes_it(task: str, example: Example) -> None:
    with pytest.raises(SolverError, match="It was raining"):
        solve(task, [*example.facts, "It was raining all day."], example.question)


@pytest.mark.parametrize(("task", "example"), ONE_OF_EACH.items())
def test_a_question_of_another_kind_is_an_error_that_quotes_it(task: str, example: Example) -> None:
    with pytest.raises(SolverError, match="How old is Ada"):
        solve(task, example.facts, "How old is Ada?")


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(UsageError, match="no solver for 'qa21'"):
        solve("qa21", [], "Where is Ada?")


@pytest.mark.parametrize("task", [task for task in ONE_OF_EACH if task not in ("qa7", "qa8")])
def test_memory_does_not_grow_with_the_number_of_facts(task: str) -> None:
    example = ONE_OF_EACH[task]
    tracemalloc.start()
    solve(task, islice(cycle(example.facts), 20_000), example.question)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 100_000


def test_solvers_know_nothing_of_the_simulators() -> None:
    code = "import sys, babilong_gen.solvers; print([m for m in sys.modules if 'babilong_gen.tasks' in m])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
