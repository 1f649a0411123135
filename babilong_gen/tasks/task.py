"""What the generator knows of a task before it has seen a story of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from babilong_gen.rng import Rng
from babilong_gen.tasks.story import Story, StoryShape, Writer

LeakCheck = Literal["statement", "words", "off"]
"""Which noise is dropped: what could be taken for a fact, what names an entity or label, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """The words by which the leak check knows a task's facts in natural text (lower case).

    A noise sentence that has one of `entities` *and* one of `predicates` could be taken for a fact.
    Multi-word entries (`put down`, `box of chocolates`) are matched as phrases.

    Attributes:
        entities: who or what facts are about (`mary`, `kitchen` where places are related, `swan`).
        predicates: the verbs, places and relations said of them (`went`, `office`, `north`).
    """

    entities: frozenset[str]
    predicates: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One kind of question.

    Attributes:
        name: as `qa1`, `memorize` or `niah_single_1`.
        title: the name that the task's authors gave it, in words.
        choices: the closed label set; of list answers (qa8, qa19) every answer that can be right; empty where
            answers are open.
        lexicon: for the leak check.
        simulator: draws one story of the task that it is given.
        haystack: the noise source that the task brings along; None for the dataset's own noise.
    """

    name: str
    title: str
    choices: tuple[str, ...]
    lexicon: Lexicon
    simulator: Simulator
    haystack: str | None = None

    def simulate(self, rng: Rng, shape: StoryShape) -> Story:
        """Draw one story.

        Raises:
            UsageError: the task has no story of this shape.
        """
        return self.simulator(self, rng, shape)

    def story(
        self,
        *,
        facts: Sequence[str],
        question: str,
        answer: str,
        supporting: tuple[int, ...],
        answers: tuple[str, ...] = (),
        names: tuple[str, ...] = (),
        writer: Writer | None = None,
    ) -> Story:
        """Make a story of this task; arguments as the attributes of `Story`."""
        return Story(
            task=self.name,
            facts=tuple(facts),
            question=question,
            answer=answer,
            supporting=supporting,
            choices=self.choices,
            answers=answers,
            names=names,
            writer=writer,
        )


Simulator = Callable[[Task, Rng, StoryShape], Story]
