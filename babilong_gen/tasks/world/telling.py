"""How a story unfolds, whatever it is about: two facts, then perhaps a question, five questions in all.

A question is about something of which one of the last five facts told. Where none of these can be asked
about (nobody knows where the milk is, as nobody said where Mary was when she took it), the story goes on
for two more facts. An official story of five questions is five of ours, each with all facts before it.

Where the user bounds the number of facts, it is drawn uniformly between the bounds, and the question comes
at the end. Distractors are a second story, told of other people and other things in between the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from babilong_gen.dice import Dice
from babilong_gen.errors import UsageError
from babilong_gen.tasks.labels import OBJECTS
from babilong_gen.tasks.story import Story, StoryShape

FACTS_A_TURN = 2
QUESTIONS = 5
ATTENTION = 5  # how many of the last facts a question may be about

_ATTEMPTS = 100_000


class Question(NamedTuple):
    """A question that the facts so far answer; `supporting` are indices into them."""

    text: str
    answer: str
    supporting: tuple[int, ...]


class Scene(Protocol):
    """People and things in play, what was told of them, and what can be asked.

    Attributes:
        facts: the sentences so far.
        subjects: for each fact, who or what it told of.
    """

    facts: list[str]
    subjects: list[str]

    def unfold(self) -> None:
        """Let the next thing happen: one fact more, or as many as belong together."""
        ...

    def can_ask(self, subject: str) -> bool:
        """Whether the facts answer a question about `subject`."""
        ...

    def ask(self, subject: str) -> Question:
        """A question about `subject`, of whom `can_ask` holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who and what a scene is played with."""

    people: tuple[str, ...]
    objects: tuple[str, ...] = OBJECTS


OpenScene = Callable[[Dice, Cast], Scene]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What a task's stories have in common.

    Attributes:
        task: `qa1` and so on.
        choices: its closed label set.
        people: all who can take part.
        scene: opens a scene with (some of) them.
        least: the fewest facts with which a question can be asked.
        step: how many facts one unfolding of the scene tells.
    """

    task: str
    choices: tuple[str, ...]
    people: tuple[str, ...]
    scene: OpenScene
    least: int
    step: int = 1


def tell(plot: Plot, dice: Dice, shape: StoryShape) -> Story:
    """One story of `plot`: facts, and one question at the end.

    Raises:
        UsageError: the task has no story of this shape.
    """
    length = _length(plot, dice, shape)
    if shape.distractors:
        cast, bystanders = _two_casts(plot, dice)
    else:
        cast, bystanders = Cast(people=plot.people), None
    scene, question = _official(plot, dice, cast) if length is None else _long(plot, dice, cast, length)
    facts, supporting = scene.facts, question.supporting
    if bystanders:
        aside = _aside(plot, dice, bystanders, shape.distractors)
        facts, supporting = _interleave(dice, facts, aside, supporting, plot.step)
    return Story(
        task=plot.task,
        facts=tuple(facts),
        question=question.text,
        answer=question.answer,
        supporting=supporting,
        choices=plot.choices,
    )


def _length(plot: Plot, dice: Dice, shape: StoryShape) -> int | None:
    """How many facts to tell besides the distractors; None: as the task's official stories have."""
    if shape.facts is None:
        return None
    low, high = (bound - shape.distractors for bound in shape.facts)
    low = max(low, plot.least)
    fewest, most = -(-low // plot.step), high // plot.step
    if fewest > most:
        raise UsageError(f"{plot.task} has no story of {_described(shape)} facts: {_possible(plot, shape)}")
    return dice.between(fewest, most) * plot.step


def _described(shape: StoryShape) -> str:
    assert shape.facts
    low, high = shape.facts
    aside = f" with {shape.distractors} distractors among them" if shape.distractors else ""
    return f"{low}{aside}" if low == high else f"{low} to {high}{aside}"


def _possible(plot: Plot, shape: StoryShape) -> str:
    fewest = plot.least + shape.distractors
    come = f", and they come {plot.step} at a time" if plot.step > 1 else ""
    return f"it needs at least {fewest}{come}; widen the bounds"


def _official(plot: Plot, dice: Dice, cast: Cast) -> tuple[Scene, Question]:
    """The scene up to one of the questions of an official story, and that question."""
    unasked = dice.between(1, QUESTIONS)
    scene = plot.scene(dice, cast)
    while True:
        for _ in range(FACTS_A_TURN // plot.step):
            scene.unfold()
        askable = _askable(scene, ATTENTION)
        if askable:
            unasked -= 1
            if not unasked:
                return scene, scene.ask(dice.pick(askable))


def _long(plot: Plot, dice: Dice, cast: Cast, length: int) -> tuple[Scene, Question]:
    """A scene of exactly `length` facts, about any of which the question may be if not about the last."""
    for _ in range(_ATTEMPTS):
        scene = plot.scene(dice, cast)
        while len(scene.facts) < length:
            scene.unfold()
        askable = _askable(scene, ATTENTION) or _askable(scene, length)
        if askable:
            return scene, scene.ask(dice.pick(askable))
    raise UsageError(f"{plot.task} has hardly a story of {length} facts: ask for more facts")


def _askable(scene: Scene, last: int) -> list[str]:
    """What a question can be about, of what the `last` facts told: as often as they told of it."""
    return [subject for subject in scene.subjects[-last:] if scene.can_ask(subject)]


def _two_casts(plot: Plot, dice: Dice) -> tuple[Cast, Cast]:
    """Half the people for the story and half for the distractors, and one object for these."""
    people = dice.sample(plot.people, len(plot.people))
    objects = dice.sample(OBJECTS, len(OBJECTS))
    half = len(people) // 2
    return (
        Cast(people=tuple(people[half:]), objects=tuple(objects[1:])),
        Cast(people=tuple(people[:half]), objects=tuple(objects[:1])),
    )


def _aside(plot: Plot, dice: Dice, cast: Cast, length: int) -> list[str]:
    """`length` facts of a scene of their own."""
    scene = plot.scene(dice, cast)
    while len(scene.facts) < length:
        scene.unfold()
    return scene.facts[:length]


def _interleave(
    dice: Dice, facts: Sequence[str], aside: Sequence[str], supporting: tuple[int, ...], step: int
) -> tuple[list[str], tuple[int, ...]]:
    """Both sequences in their own order, mixed at random, steps kept whole; `supporting` moves along."""
    mixed: list[str] = []
    moved_to: list[int] = []
    told = told_aside = 0
    while told < len(facts) or told_aside < len(aside):
        left, left_aside = len(facts) - told, len(aside) - told_aside
        if dice.below(left + left_aside) < left:
            moved_to += range(len(mixed), len(mixed) + step)
            mixed += facts[told : told + step]
            told += step
        else:
            mixed += aside[told_aside : told_aside + step]
            told_aside += step
    return mixed, tuple(moved_to[index] for index in supporting)
