"""The tasks: bAbI's twenty (Weston et al. 2016, arXiv 1502.05698), the RMT paper's three, and RULER's.

`TASKS` is the one place where the name, labels, leak-check words and simulator of a task with a closed set of
labels meet; `RULER_TASKS` is that of the tasks with open answers, which have options. `find_task` knows both.

task.py      what is known of a task before there is a story of it
labels.py    the closed label sets
lexicons.py  the words by which the leak check knows a fact
story.py     what is hidden in the haystack, and what is asked about it
sources.py   simulated without end, or the official files
babi.py      reads the official files
reskin.py    the same stories in other words
simulators/  bAbI's tasks and the RMT paper's
ruler/       RULER's tasks
"""

from __future__ import annotations

from collections.abc import Iterable

from babilong_gen.tasks import lexicons
from babilong_gen.tasks.labels import (
    COLOURS,
    COUNTS,
    FEARED_ANIMALS,
    GIVERS,
    MOTIVE_PLACES,
    MOTIVES,
    OBJECT_LISTS,
    OBJECTS,
    PATHS,
    PLACES,
    TOWN_PLACES,
    YES_NO,
    YES_NO_MAYBE,
)
from babilong_gen.tasks.ruler import RULER_TASKS, WHOLE_TEXT_TASKS, ruler_task
from babilong_gen.tasks.simulators import (
    carrying,
    deduction,
    directions,
    giving,
    holding,
    induction,
    motivations,
    moving,
    positions,
    rmt_paper,
    sizes,
    times,
    whereabouts,
)
from babilong_gen.tasks.task import Lexicon, Simulator, Task

__all__ = ["RULER_TASKS", "TASKS", "TASK_NAMES", "WHOLE_TEXT_TASKS", "find_task", "have_targets"]

_TABLE: tuple[tuple[str, str, tuple[str, ...], Lexicon, Simulator], ...] = (
    ("qa1", "single supporting fact", PLACES, lexicons.MOVES, moving.QA1.simulate),
    ("qa2", "two supporting facts", PLACES, lexicons.POSSESSIONS, carrying.QA2.simulate),
    ("qa3", "three supporting facts", PLACES, lexicons.POSSESSIONS, carrying.QA3.simulate),
    ("qa4", "two argument relations", PLACES, lexicons.DIRECTIONS, directions.simulate_qa4),
    ("qa5", "three argument relations", (*GIVERS, *OBJECTS), lexicons.GIFTS, giving.QA5.simulate),
    ("qa6", "yes/no questions", YES_NO, lexicons.POSSESSIONS, whereabouts.QA6.simulate),
    ("qa7", "counting", COUNTS, lexicons.GIFTS, holding.QA7.simulate),
    ("qa8", "lists and sets", OBJECT_LISTS, lexicons.POSSESSIONS, holding.QA8.simulate),
    ("qa9", "simple negation", YES_NO, lexicons.MOVES, whereabouts.QA9.simulate),
    ("qa10", "indefinite knowledge", YES_NO_MAYBE, lexicons.TOWN_MOVES, whereabouts.QA10.simulate),
    ("qa11", "basic coreference", PLACES, lexicons.PRONOUN_MOVES, moving.QA11.simulate),
    ("qa12", "conjunction", PLACES, lexicons.MOVES, moving.QA12.simulate),
    ("qa13", "compound coreference", PLACES, lexicons.PRONOUN_MOVES, moving.QA13.simulate),
    ("qa14", "time reasoning", TOWN_PLACES, lexicons.TOWN_MOVES, times.QA14.simulate),
    ("qa15", "basic deduction", FEARED_ANIMALS, lexicons.FEARS, deduction.simulate_qa15),
    ("qa16", "basic induction", COLOURS, lexicons.ANIMAL_COLOURS, induction.simulate_qa16),
    ("qa17", "positional reasoning", YES_NO, lexicons.POSITIONS, positions.simulate_qa17),
    ("qa18", "size reasoning", YES_NO, lexicons.SIZES, sizes.simulate_qa18),
    ("qa19", "path finding", PATHS, lexicons.DIRECTIONS, directions.simulate_qa19),
    ("qa20", "agents' motivations", (*MOTIVES, *MOTIVE_PLACES), lexicons.NEEDS, motivations.simulate_qa20),
    ("memorize", "one fact, said at the very start", PLACES, lexicons.MOVES, rmt_paper.simulate_one_move),
    ("detect", "one fact, said anywhere", PLACES, lexicons.MOVES, rmt_paper.simulate_one_move),
    (
        "reasoning",
        "two facts about places, said anywhere",
        PLACES,
        lexicons.DIRECTIONS,
        directions.simulate_qa4,
    ),
)

TASKS: dict[str, Task] = {
    name: Task(name=name, title=title, choices=choices, lexicon=lexicon, simulator=simulator)
    for name, title, choices, lexicon, simulator in _TABLE
}

TASK_NAMES = (*TASKS, *RULER_TASKS)
"""All tasks, bAbI's first."""


def find_task(name: str, task_options: Iterable[str] = ()) -> Task:
    """Return the task of this name, one of `TASK_NAMES`.

    Args:
        task_options: of RULER's tasks, each as in `niah_multikey_1:num_needle_k=8`.

    Raises:
        UsageError: the task has no such option, or not this value of it.
    """
    return TASKS[name] if name in TASKS else ruler_task(name, task_options)


def have_targets(tasks: Iterable[str]) -> bool:
    """Return whether a dataset of these tasks has `targets`: one of them may have several answers."""
    return any(task in RULER_TASKS for task in tasks)
