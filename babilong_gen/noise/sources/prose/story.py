"""Tells a whole story: a cast, a plot, and its scenes one after another."""

from __future__ import annotations

from functools import cache
from importlib import resources

from babilong_gen.noise.sources.prose.grammar import Grammar
from babilong_gen.noise.sources.prose.people import (
    draw_acquaintance,
    draw_hero,
    draw_neighbour,
    draw_relative,
)
from babilong_gen.noise.sources.prose.polish import polish, typewritten
from babilong_gen.noise.sources.prose.telling import Telling
from babilong_gen.rng import Rng

_PLOT_SCENES = frozenset({"start", "turn", "end"})
_FRIENDS = 3
_RELATED = 0.2
_TYPEWRITTEN = 0.6
_ROOTS = ("plan", "scene.", "given.", "surname", "style.", "kin.", "acquaintance.")


def tell(rng: Rng) -> str:
    """Tell one story in English, its paragraphs separated by blank lines.

    A is its hero and D the other party of its plot; B is D in the scenes of the plot and one of the hero's
    friends in all others, C another friend, and S the one talked of in the scene.
    """
    grammar = rules()
    telling = Telling(rng, grammar.packs)

    def draw(rule: str) -> str:
        return grammar.rule(rule)(telling)

    hero = draw_hero(rng, draw)
    related = [draw("plot.family") == "yes"] + [rng.bernoulli(_RELATED) for _ in range(_FRIENDS)]
    counterpart, *friends = [
        draw_relative(hero, rng, draw) if kin else draw_neighbour(rng, draw) for kin in related
    ]
    telling.people = {"A": hero, "D": counterpart}
    scenes = []
    for name in draw("plan").split():
        friend, absent = rng.sample(friends, 2)
        partner = counterpart if name in _PLOT_SCENES else friend
        telling.new_scene(B=partner, C=absent, S=draw_acquaintance(rng, draw))
        scenes.append(draw(f"scene.{name}"))
    text = polish("\n\n".join(scenes))
    return typewritten(text) if rng.bernoulli(_TYPEWRITTEN) else text


@cache
def rules() -> Grammar:
    """Return the grammar of `rules/*.txt`, with all rules compiled that a story starts from."""
    folder = resources.files("babilong_gen.noise.sources.prose") / "rules"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    grammar = Grammar(line for file in files for line in file.read_text("utf-8").splitlines())
    for name in grammar.names:
        if name.startswith(_ROOTS):
            grammar.rule(name)
    grammar.rule("plot.family")
    return grammar
