"""The words by which the leak check knows a fact of each family of tasks in natural text.

Derived from the official files: every fact there has an entity and a predicate of its task. A word is
never both, or it alone would condemn a sentence; hence "is a wolf" instead of "wolf" among predicates.
"""

from __future__ import annotations

from babilong_gen.tasks.labels import COLOURS, MOTIVE_PLACES, MOTIVES, OBJECTS, PLACES, TOWN_PLACES
from babilong_gen.tasks.task import Lexicon

_PEOPLE = frozenset({"daniel", "john", "mary", "sandra"})
_GIVERS = frozenset({"bill", "fred", "jeff", "mary"})
_TOWN_PEOPLE = frozenset({"bill", "fred", "julie", "mary"})

_MOVING = frozenset({"journeyed", "moved", "travelled", "went"})
_TAKING = frozenset({"got", "grabbed", "picked up", "took"})
_LEAVING = frozenset({"discarded", "dropped", "left", "put down"})
_GIVING = frozenset({"gave", "handed", "passed", "received"})

MOVES = Lexicon(entities=_PEOPLE, predicates=_MOVING | {*PLACES})
TOWN_MOVES = Lexicon(entities=_TOWN_PEOPLE, predicates=_MOVING | {*TOWN_PLACES})
PRONOUN_MOVES = Lexicon(entities=_PEOPLE | {"he", "she", "they"}, predicates=_MOVING | {*PLACES})
POSSESSIONS = Lexicon(entities=_PEOPLE | {*OBJECTS}, predicates=_MOVING | _TAKING | _LEAVING | {*PLACES})
GIFTS = Lexicon(
    entities=_PEOPLE | _GIVERS | {*OBJECTS}, predicates=_MOVING | _TAKING | _LEAVING | _GIVING | {*PLACES}
)
DIRECTIONS = Lexicon(entities=frozenset(PLACES), predicates=frozenset({"east", "north", "south", "west"}))

FEARS = Lexicon(
    entities=frozenset({"emily", "gertrude", "jessica", "winona"})
    | {"cat", "cats", "mice", "mouse", "sheep", "wolf", "wolves"},
    predicates=frozenset({"afraid", "is a cat", "is a mouse", "is a sheep", "is a wolf"}),
)
ANIMAL_COLOURS = Lexicon(
    entities=frozenset({"bernhard", "brian", "greg", "julius", "lily", "frog", "lion", "rhino", "swan"}),
    predicates=frozenset({*COLOURS, "is a frog", "is a lion", "is a rhino", "is a swan"}),
)
POSITIONS = Lexicon(
    entities=frozenset({"rectangle", "sphere", "square", "triangle"}),
    predicates=frozenset({"above", "below", "left", "right"}),
)
SIZES = Lexicon(
    entities=frozenset({"box", "box of chocolates", "chest", "chocolate", "container", "suitcase"}),
    predicates=frozenset({"bigger", "fit", "fits"}),
)
NEEDS = Lexicon(
    entities=frozenset({"antoine", "jason", "sumit", "yann"}),
    predicates=_MOVING | _TAKING | {*MOTIVES, *MOTIVE_PLACES},
)
