"""What is remembered while one story is told: who is meant by "she", which alternatives are used up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from babilong_gen.noise.sources.prose.people import Person
from babilong_gen.rng import Rng

_PRONOUNS_IN_A_ROW = 3


class Telling:
    """The state of one document while its text is drawn, from left to right.

    Attributes:
        random: draws a float uniform in [0, 1).
        hands: for each pack of alternatives (`grammar`), the cards that were not drawn yet.
        memory: what was drawn once for the document (`once`) and for the scene (`scene`).
        people: who A, B, C, D, S, X and Y are (`grammar`).
    """

    __slots__ = ("_introduced", "_latest", "_pronouns", "hands", "memory", "people", "random")

    def __init__(self, rng: Rng, packs: int) -> None:
        self.random: Callable[[], float] = rng.random
        self.hands: list[list[Any] | None] = [None] * packs
        self.memory: dict[str, dict[str, Any]] = {"once": {}, "scene": {}}
        self.people: dict[str, Person] = {}
        self._introduced: set[Person] = set()
        self._latest: dict[str, Person] = {}
        self._pronouns = 0

    def new_scene(self, **people: Person) -> None:
        """Forget what belonged to the scene before; `people` are those of the next one, by letter."""
        self.memory["scene"] = {}
        self._latest = {}
        self.people.update(people)
        self.people["X"], self.people["Y"] = self.people["A"], self.people["B"]

    def new_paragraph(self) -> None:
        """Make the next mention of anyone who is present a name; the one talked of may stay "she"."""
        self._latest = {pronoun: who for pronoun, who in self._latest.items() if who is self.people["S"]}

    def mention(self, letter: str, form: str) -> str:
        """Return the pronoun `form` (he, him, his) where it is clear who is meant, else the name.

        A pronoun is clear when the person is the latest of that gender to be named in the paragraph;
        after a few in a row the name comes again for good measure.
        """
        person = self.people[letter]
        pronoun = person.words["he"]
        if self._latest.get(pronoun) is person and self._pronouns < _PRONOUNS_IN_A_ROW:
            self._pronouns += 1
            return person.words[form]
        name = self.name(letter, "name")
        return f"{name}’s" if form == "his" else name

    def name(self, letter: str, form: str) -> str:
        """Return a form of the name; `name` is the introduction where the person is new to the story."""
        person = self.people[letter]
        self._latest[person.words["he"]] = person
        self._pronouns = 0
        if form == "name" and person not in self._introduced:
            self._introduced.add(person)
            return person.introduction
        if form == "full":
            self._introduced.add(person)
        return person.words[form]
