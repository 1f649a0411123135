"""The people of a story, and the words that stand for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from babilong_gen.dice import Dice

_FIRST_NAME_TERMS = 0.35
_PRONOUNS = {
    "she": {"he": "she", "him": "her", "his": "her", "himself": "herself", "man": "woman"},
    "he": {"he": "he", "him": "him", "his": "his", "himself": "himself", "man": "man"},
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Person:
    """One of the people of a document.

    Attributes:
        name: how the story calls them once they are known: `Agnes`, `Mr. Pell`, `Dr. Frith`.
        introduction: how it calls them the first time: `the cooper Edwin Pell`.
        words: their pronouns under the masculine form (`he`, `him`, `his`, `himself`, `man`) and,
            unless they are only talked of, their names (`given`, `surname`, `full`).
    """

    name: str
    introduction: str
    words: dict[str, str]


def draw_hero(dice: Dice, draw: Callable[[str], str]) -> Person:
    """The person a document is about, called by the first name; `draw` takes a rule's name."""
    words = _words(_sex(dice), draw)
    return Person(name=words["given"], introduction=words["full"], words=words)


def draw_relative(hero: Person, dice: Dice, draw: Callable[[str], str]) -> Person:
    """A brother, aunt or cousin of the hero."""
    sex = _sex(dice)
    words = _words(sex, draw)
    given = words["given"]
    return Person(name=given, introduction=f"{hero.name}’s {draw(f'kin.{sex}')} {given}", words=words)


def draw_neighbour(dice: Dice, draw: Callable[[str], str]) -> Person:
    """Someone of the town, called by the first name or as Mrs., Mr. or Dr. So-and-so."""
    sex = _sex(dice)
    words = _words(sex, draw)
    title, trade = draw(f"style.{sex}").split("/")
    name = words["given"] if dice.chance(_FIRST_NAME_TERMS) else f"{title} {words['surname']}"
    return Person(name=name, introduction=f"the {trade} {words['full']}", words=words)


def draw_acquaintance(dice: Dice, draw: Callable[[str], str]) -> Person:
    """Someone who is only talked of."""
    sex = _sex(dice)
    name = draw(f"acquaintance.{sex}")
    return Person(name=name, introduction=name, words=_PRONOUNS[sex])


def _sex(dice: Dice) -> str:
    return "she" if dice.chance(0.5) else "he"


def _words(sex: str, draw: Callable[[str], str]) -> dict[str, str]:
    given, surname = draw(f"given.{sex}"), draw("surname")
    return {"given": given, "surname": surname, "full": f"{given} {surname}"} | _PRONOUNS[sex]
