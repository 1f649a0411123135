"""A story: what is hidden in the haystack, and what is asked about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Facts in their order, a question about them, and its answer.

    Attributes:
        task: its name, as `qa1` or `niah_single_1`.
        facts: sentences, each ending in its full stop, without surrounding white space.
        question: one sentence, ending in its question mark.
        answer: as bAbI writes it; lists are comma-joined without spaces (`apple,milk`, `n,e`).
        supporting: indices into `facts` of those that the answer needs, in the order in which the
            reasoning uses them (bAbI's third column).
        choices: the task's closed label set; empty where answers are open.
        answers: of a task that may ask for several, each of them; `answer` is then all of them, comma-joined.
        names: words that say what the story is about and that no noise may hold, not even by chance.
    """

    task: str
    facts: tuple[str, ...]
    question: str
    answer: str
    supporting: tuple[int, ...]
    choices: tuple[str, ...]
    answers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryShape:
    """What a user may ask of a simulated story beyond the task's own habits.

    Attributes:
        facts: inclusive bounds of the number of facts before the question; None leaves the official
            distribution of the task.
        distractors: how many true facts about people and things that the question does not concern
            are added to the story.
    """

    facts: tuple[int, int] | None = None
    distractors: int = 0
