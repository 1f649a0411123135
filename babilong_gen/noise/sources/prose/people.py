"""The people of a story, and the words that stand for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from babilong_gen.rng import Rng

_FIRST_NAME_TERMS = 0.35
_PRONOUNS = {
    "she": {"he": "she", "him": "her", "his": "her", "himself": "herself", "man": "woman"},
    "he": {"he": "he", "him": "him", "his": "his", "himself": "himself", "man": "man"},
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Person:
    """One of the people of a document.

    Attributes:
        introduction: how the story calls them the first time: `the cooper Edwin Pell`.
        words: how it calls them afterwards (`name` and, among people who know them, `call`: `Agnes`, `Mr.
            Pell`), their pronouns under the masculine form (`he`, `him`, `his`, `himself`, `man`) and,
            unless they are only talked of, `given`, `surname` and `full`.
    """

    introduction: str
    words: dict[str, str]


def draw_hero(rng: Rng, draw: Callable[[str], str]) -> Person:
    """Draw the person a document is about, called by the first name; `draw` takes a rule's name."""
    sex = _sex(rng)
    names = _names(sex, draw)
    return _person(sex, names["given"], names["full"], names)


def draw_relative(hero: Person, rng: Rng, draw: Callable[[str], str]) -> Person:
    """Draw a brother, aunt or cousin of the hero."""
    sex = _sex(rng)
    names = _names(sex, draw)
    introduction = f"{hero.words['name']}’s {draw(f'kin.{sex}')} {names['given']}"
    return _person(sex, names["given"], introduction, names)


def draw_neighbour(rng: Rng, draw: Callable[[str], str]) -> Person:
    """Draw someone of the town, called by the first name or as Mrs., Mr. or Dr. So-and-so."""
    sex = _sex(rng)
    names = _names(sex, draw)
    title, trade = draw(f"style.{sex}").split("/")
    name = names["given"] if rng.bernoulli(_FIRST_NAME_TERMS) else f"{title} {names['surname']}"
    return _person(sex, name, f"the {trade} {names['full']}", names)


def draw_acquaintance(rng: Rng, draw: Callable[[str], str]) -> Person:
    """Draw someone who is only talked of."""
    sex = _sex(rng)
    name = draw(f"acquaintance.{sex}")
    return _person(sex, name, name, {})


def _person(sex: str, name: str, introduction: str, names: dict[str, str]) -> Person:
    return Person(introduction=introduction, words={"name": name, "call": name} | names | _PRONOUNS[sex])


def _sex(rng: Rng) -> str:
    return "she" if rng.bernoulli(0.5) else "he"


def _names(sex: str, draw: Callable[[str], str]) -> dict[str, str]:
    given, surname = draw(f"given.{sex}"), draw("surname")
    return {"given": given, "surname": surname, "full": f"{given} {surname}"}
