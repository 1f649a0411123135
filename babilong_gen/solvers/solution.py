"""What a solver gives back, and how it says that it could not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """An answer, and why.

    Attributes:
        answer: as bAbI writes it (`apple,milk`, `n,e`).
        supporting: indices of the facts that the answer needs, in the order in which bAbI lists them.
    """

    answer: str
    supporting: tuple[int, ...]


class SolverError(ValueError):
    """A fact or question that is not of the task's form, or a question that the facts leave open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a whole text answers to a question that may have several answers.

    Attributes:
        answers: in the order of the dataset's `targets`.
        names: answers, and words of the question, that must stand nowhere in the noise.
    """

    answers: tuple[str, ...]
    names: tuple[str, ...]
