"""The tasks: bAbI's twenty (Weston et al. 2016, arXiv 1502.05698) and the RMT paper's three.

`TASKS` is the one place where a task's name, labels, leak-check words and simulator meet.
"""

from __future__ import annotations

from babilong_gen.tasks import labels, lexicons
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
from babilong_gen.tasks.task import Task

__all__ = ["TASKS"]

TASKS: dict[str, Task] = {
    "qa1": Task(
        name="qa1",
        title="single supporting fact",
        choices=labels.PLACES,
        lexicon=lexicons.MOVES,
        simulate=moving.simulate_qa1,
    ),
    "qa2": Task(
        name="qa2",
        title="two supporting facts",
        choices=labels.PLACES,
        lexicon=lexicons.POSSESSIONS,
        simulate=carrying.simulate_qa2,
    ),
    "qa3": Task(
        name="qa3",
        title="three supporting facts",
        choices=labels.PLACES,
        lexicon=lexicons.POSSESSIONS,
        simulate=carrying.simulate_qa3,
    ),
    "qa4": Task(
        name="qa4",
        title="two argument relations",
        choices=labels.PLACES,
        lexicon=lexicons.DIRECTIONS,
        simulate=directions.simulate_qa4,
    ),
    "qa5": Task(
        name="qa5",
        title="three argument relations",
        choices=(*labels.GIVERS, *labels.OBJECTS),
        lexicon=lexicons.GIFTS,
        simulate=giving.simulate_qa5,
    ),
    "qa6": Task(
        name="qa6",
        title="yes/no questions",
        choices=labels.YES_NO,
        lexicon=lexicons.POSSESSIONS,
        simulate=whereabouts.simulate_qa6,
    ),
    "qa7": Task(
        name="qa7",
        title="counting",
        choices=labels.COUNTS,
        lexicon=lexicons.GIFTS,
        simulate=holding.simulate_qa7,
    ),
    "qa8": Task(
        name="qa8",
        title="lists and sets",
        choices=labels.OBJECT_LISTS,
        lexicon=lexicons.POSSESSIONS,
        simulate=holding.simulate_qa8,
    ),
    "qa9": Task(
        name="qa9",
        title="simple negation",
        choices=labels.YES_NO,
        lexicon=lexicons.MOVES,
        simulate=whereabouts.simulate_qa9,
    ),
    "qa10": Task(
        name="qa10",
        title="indefinite knowledge",
        choices=labels.YES_NO_MAYBE,
        lexicon=lexicons.TOWN_MOVES,
        simulate=whereabouts.simulate_qa10,
    ),
    "qa11": Task(
        name="qa11",
        title="basic coreference",
        choices=labels.PLACES,
        lexicon=lexicons.PRONOUN_MOVES,
        simulate=moving.simulate_qa11,
    ),
    "qa12": Task(
        name="qa12",
        title="conjunction",
        choices=labels.PLACES,
        lexicon=lexicons.MOVES,
        simulate=moving.simulate_qa12,
    ),
    "qa13": Task(
        name="qa13",
        title="compound coreference",
        choices=labels.PLACES,
        lexicon=lexicons.PRONOUN_MOVES,
        simulate=moving.simulate_qa13,
    ),
    "qa14": Task(
        name="qa14",
        title="time reasoning",
        choices=labels.TOWN_PLACES,
        lexicon=lexicons.TOWN_MOVES,
        simulate=times.simulate_qa14,
    ),
    "qa15": Task(
        name="qa15",
        title="basic deduction",
        choices=labels.FEARED_ANIMALS,
        lexicon=lexicons.FEARS,
        simulate=deduction.simulate_qa15,
    ),
    "qa16": Task(
        name="qa16",
        title="basic induction",
        choices=labels.COLOURS,
        lexicon=lexicons.ANIMAL_COLOURS,
        simulate=induction.simulate_qa16,
    ),
    "qa17": Task(
        name="qa17",
        title="positional reasoning",
        choices=labels.YES_NO,
        lexicon=lexicons.POSITIONS,
        simulate=positions.simulate_qa17,
    ),
    "qa18": Task(
        name="qa18",
        title="size reasoning",
        choices=labels.YES_NO,
        lexicon=lexicons.SIZES,
        simulate=sizes.simulate_qa18,
    ),
    "qa19": Task(
        name="qa19",
        title="path finding",
        choices=labels.PATHS,
        lexicon=lexicons.DIRECTIONS,
        simulate=directions.simulate_qa19,
    ),
    "qa20": Task(
        name="qa20",
        title="agents' motivations",
        choices=(*labels.MOTIVES, *labels.MOTIVE_PLACES),
        lexicon=lexicons.NEEDS,
        simulate=motivations.simulate_qa20,
    ),
    "memorize": Task(
        name="memorize",
        title="one fact, said at the very start",
        choices=labels.PLACES,
        lexicon=lexicons.MOVES,
        simulate=rmt_paper.memorize,
    ),
    "detect": Task(
        name="detect",
        title="one fact, said anywhere",
        choices=labels.PLACES,
        lexicon=lexicons.MOVES,
        simulate=rmt_paper.detect,
    ),
    "reasoning": Task(
        name="reasoning",
        title="two facts about places, said anywhere",
        choices=labels.PLACES,
        lexicon=lexicons.DIRECTIONS,
        simulate=rmt_paper.reasoning,
    ),
}
