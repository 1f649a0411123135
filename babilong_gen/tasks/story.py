"""A story: what is hidden in the haystack, and what is asked about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from babilong_gen.rng import Rng


@dataclass(frozen=True, slots=True, eq=False)
class WordList:
    """Words that many texts are made of. A list is equal to itself alone: a long one is looked up at once."""

    words: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.words)


class WordTokens(Protocol):
    """Words, each known by its entry, and how many tokens they have in the tokenizer of the dataset."""

    def entries(self, words: WordList) -> np.ndarray:
        """Return the entry of each word, int64; lists are kept, so there should be few."""
        ...

    def following(self, entries: np.ndarray) -> np.ndarray:
        """Return the tokens of each word where it follows another and a space, int64."""
        ...

    def opening(self, entry: int) -> int:
        """Return the tokens of a word that opens the text."""
        ...


Writer = Callable[[Rng, WordTokens, int], np.ndarray | None]
"""Writes a text of exactly so many tokens: entries of words, joined by spaces; None where it finds none."""


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
        writer: of a task whose text is nothing but what is asked about: writes all of the input. There are no
            facts then, and no noise.
    """

    task: str
    facts: tuple[str, ...]
    question: str
    answer: str
    supporting: tuple[int, ...]
    choices: tuple[str, ...]
    answers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    writer: Writer | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryShape:
    """What a user may ask of a simulated story beyond the task's own habits.

    Attributes:
        facts: inclusive bounds of the number of facts before the question; None leaves the official
            distribution of the task.
        distractors: how many true facts about people and things that the question does not concern
            are added to the story.
        longest: tokens of the longest input that the story is told in; None where that is not known.
    """

    facts: tuple[int, int] | None = None
    distractors: int = 0
    longest: int | None = None
