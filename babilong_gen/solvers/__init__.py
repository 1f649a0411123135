"""Answers questions from the text alone: a proof, independent of the simulators, that a story is sound.

Each module reads one family of sentences by their form, never by lists of names, places or things, so that
it also reads stories in another vocabulary. Facts are read once, in order, with memory that does not
grow with their number.

solution.py    what a solver gives back
events.py      somebody moves, takes, leaves or gives, read from one sentence
ways.py        the shortest way through things related two by two
moves.py       qa1, qa6, qa11 to qa13, memorize, detect: where people are
holdings.py    qa2, qa3, qa7, qa8: who has what, and where it is
directions.py  qa4, qa19, reasoning: what lies to the north
gifts.py       qa5: who gave what to whom
doubt.py       qa9, qa10: facts that deny, or leave it open
times.py       qa14: moves told out of order
animals.py     qa15, qa16: what follows from an animal's kind
positions.py   qa17: left, right, above, below
sizes.py       qa18: what is bigger than what
motives.py     qa20: why people do what they do
needles.py     niah_*: all values of the keys that are asked about
variables.py   vt: all variables with a value
words.py       cwe, fwe: the most frequent words
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from babilong_gen.errors import UsageError
from babilong_gen.solvers import (
    animals,
    directions,
    doubt,
    gifts,
    holdings,
    motives,
    moves,
    needles,
    positions,
    sizes,
    times,
    variables,
    words,
)
from babilong_gen.solvers.solution import Reading, Solution, SolverError

__all__ = ["READERS", "SOLVERS", "Reading", "Solution", "SolverError", "solve"]

Solver = Callable[[Iterable[str], str], Solution]

SOLVERS: dict[str, Solver] = {
    "qa1": moves.where_is,
    "qa2": holdings.where_is_thing,
    "qa3": holdings.where_was_thing,
    "qa4": directions.neighbour,
    "qa5": gifts.gift,
    "qa6": moves.is_there,
    "qa7": holdings.how_many,
    "qa8": holdings.what_carried,
    "qa9": doubt.is_there,
    "qa10": doubt.is_there,
    "qa11": moves.where_is,
    "qa12": moves.where_is,
    "qa13": moves.where_is,
    "qa14": times.where_before,
    "qa15": animals.afraid_of,
    "qa16": animals.colour,
    "qa17": positions.is_there,
    "qa18": sizes.compare,
    "qa19": directions.path,
    "qa20": motives.motive,
    "memorize": moves.where_is,
    "detect": moves.where_is,
    "reasoning": directions.neighbour,
}


Reader = Callable[[str, str], Reading]
"""Reads a whole text, noise and all, and answers a question."""

READERS: dict[str, Reader] = {
    **dict.fromkeys(
        (
            "niah_single_1",
            "niah_single_2",
            "niah_single_3",
            "niah_multikey_1",
            "niah_multikey_2",
            "niah_multikey_3",
            "niah_multivalue",
            "niah_multiquery",
        ),
        needles.values,
    ),
    "vt": variables.with_value,
    "cwe": words.most_common,
    "fwe": words.most_frequent,
}
"""RULER's tasks, whose statements are known by their form wherever they stand."""


def solve(task: str, facts: Iterable[str], question: str) -> Solution:
    """Answer `question` from `facts`, and say which of them were needed.

    Args:
        task: `qa1` to `qa20`, `memorize`, `detect` or `reasoning`.
        facts: sentences in their order; an iterator will do, it is read once.
        question: as bAbI writes it, without the white space around it.

    Raises:
        UsageError: no such task.
        SolverError: a sentence that is not of the task's form, or facts that leave the question open.
    """
    if task not in SOLVERS:
        raise UsageError(f"no solver for {task!r}; there are those of {', '.join(SOLVERS)}")
    return SOLVERS[task](facts, question)
