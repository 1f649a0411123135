"""How a story unfolds, whatever it is about: two facts, then perhaps a question, five questions in all.

A question is about something of which one of the last five facts told. Where none of these can be asked
about (no fact says where Mary was when she took the milk, so its place is unknown), the story continues
for two more facts. An official story of five questions is five of ours, each with all facts before it.

Where the user bounds the number of facts, it is drawn uniformly between the bounds, and the question comes
at the end. Distractors are a second story, told of other people and other things in between the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import OBJECTS
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.task import Task

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
        subjects: who or what the facts told of, in their order, in the form that the scene understands;
            "" or None where no question can be about it.
    """

    facts: list[str]
    subjects: list[Any]

    def unfold(self) -> None:
        """Let the next thing happen: one fact more, or as many as belong together."""
        ...

    def can_ask(self, subject: Any) -> bool:
        """Return whether the facts answer a question about `subject`."""
        ...

    def ask(self, subject: Any) -> Question:
        """Ask a question about `subject`, of whom `can_ask` holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Who and what a scene is played with.

    Attributes:
        people: in the order in which presents are thought of.
        things: likewise.
        facts: how many facts will be told; None where that depends on when questions can be asked.
    """

    people: tuple[str, ...]
    things: tuple[str, ...] = OBJECTS
    facts: int | None = None


OpenScene = Callable[[Rng, Setting], Scene]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What a task's stories have in common.

    Attributes:
        people: all who can take part.
        scene: opens a scene with (some of) them.
        least: the fewest facts with which a question can be asked.
        shortest: official stories with fewer facts are passed over: there are so few different ones that
            they would soon repeat.
        step: how many facts one unfolding of the scene tells; what is left over from this if the number
            of facts is known, the first tells.
    """

    people: tuple[str, ...]
    scene: OpenScene
    least: int
    shortest: int = 0
    step: int = 1

    def simulate(self, task: Task, rng: Rng, shape: StoryShape) -> Story:
        """Tell one story of the task: facts, and one question at the end.

        Raises:
            UsageError: the task has no story of this shape.
        """
        length = _length(self, task, rng, shape)
        if shape.distractors:
            setting, elsewhere = _two_settings(self, rng, length, shape.distractors)
        else:
            setting, elsewhere = Setting(people=self.people, facts=length), None
        if length is None:
            scene, question = _official(self, rng, setting)
        else:
            scene, question = _long(self, task, rng, setting, length)
        facts, supporting = scene.facts, question.supporting
        if elsewhere:
            aside = _aside(self, rng, elsewhere, shape.distractors)
            facts, supporting = _interleave(rng, facts, aside, supporting, self.step)
        return task.story(facts=facts, question=question.text, answer=question.answer, supporting=supporting)


def _length(plot: Plot, task: Task, rng: Rng, shape: StoryShape) -> int | None:
    """Draw how many facts to tell besides the distractors; None: as many as official stories have."""
    if shape.facts is None:
        return None
    low, high = (bound - shape.distractors for bound in shape.facts)
    low = max(low, plot.least)
    if low > high:
        raise UsageError(_too_short(plot, task, shape.facts, shape.distractors))
    return rng.randint(low, high)


def _too_short(plot: Plot, task: Task, bounds: tuple[int, int], distractors: int) -> str:
    low, high = bounds
    asked = f"{low}" if low == high else f"{low} to {high}"
    aside = f" and {distractors} distractors" if distractors else ""
    return (
        f"{task.name} has no story of {asked} facts: it takes {plot.least}{aside},"
        f" so allow at least {plot.least + distractors}"
    )


def _official(plot: Plot, rng: Rng, setting: Setting) -> tuple[Scene, Question]:
    """Unfold a scene up to one of the questions of an official story."""
    while True:
        scene, question = _one_of_five(plot, rng, setting)
        if len(scene.facts) >= plot.shortest:
            return scene, question


def _one_of_five(plot: Plot, rng: Rng, setting: Setting) -> tuple[Scene, Question]:
    unasked = rng.randint(1, QUESTIONS)
    scene = plot.scene(rng, setting)
    while True:
        for _ in range(FACTS_A_TURN // plot.step):
            scene.unfold()
        askable = _askable(scene, ATTENTION)
        if askable:
            unasked -= 1
            if not unasked:
                return scene, scene.ask(rng.choice(askable))


def _long(plot: Plot, task: Task, rng: Rng, setting: Setting, length: int) -> tuple[Scene, Question]:
    """Unfold a scene of exactly `length` facts; the question is about any if not about the last."""
    for _ in range(_ATTEMPTS):
        scene = plot.scene(rng, setting)
        while len(scene.facts) < length:
            scene.unfold()
        askable = _askable(scene, ATTENTION) or _askable(scene, length)
        if askable:
            return scene, scene.ask(rng.choice(askable))
    raise UsageError(f"{task.name} has hardly a story of {length} facts: ask for more facts")


def _askable(scene: Scene, last: int) -> list[Any]:
    """Return what a question can be about, of what the `last` facts told: as often as they told of it."""
    return [subject for subject in scene.subjects[-last:] if subject and scene.can_ask(subject)]


def _two_settings(plot: Plot, rng: Rng, length: int | None, distractors: int) -> tuple[Setting, Setting]:
    """Give half the people to the story and half to the distractors, and one thing to these."""
    people = rng.sample(plot.people, len(plot.people))
    things = rng.sample(OBJECTS, len(OBJECTS))
    half = len(people) // 2
    return (
        Setting(people=tuple(people[half:]), things=tuple(things[1:]), facts=length),
        Setting(people=tuple(people[:half]), things=tuple(things[:1]), facts=distractors),
    )


def _aside(plot: Plot, rng: Rng, setting: Setting, length: int) -> list[str]:
    """Tell `length` facts of a scene of their own."""
    scene = plot.scene(rng, setting)
    while len(scene.facts) < length:
        scene.unfold()
    return scene.facts


def _interleave(
    rng: Rng, facts: Sequence[str], aside: Sequence[str], supporting: tuple[int, ...], step: int
) -> tuple[list[str], tuple[int, ...]]:
    """Mix both sequences at random, each in its own order, steps kept whole; `supporting` moves along."""
    mixed: list[str] = []
    moved_to: list[int] = []
    told = told_aside = 0
    while told < len(facts) or told_aside < len(aside):
        left, left_aside = len(facts) - told, len(aside) - told_aside
        if rng.randrange(left + left_aside) < left:
            size = left % step or step
            moved_to += range(len(mixed), len(mixed) + size)
            mixed += facts[told : told + size]
            told += size
        else:
            size = left_aside % step or step
            mixed += aside[told_aside : told_aside + size]
            told_aside += size
    return mixed, tuple(moved_to[index] for index in supporting)
