"""The forms of a task's questions: what is left of a question without the people, things and places it names.

A model that has learnt a task by halves has mostly learnt some of its forms: the accuracy of all rows then
stalls at what the others leave, without saying which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from babilong_gen.tasks import TASKS


@dataclass(frozen=True, slots=True, kw_only=True)
class FormScore:
    """The rows of one step whose questions have one form.

    Attributes:
        rows: that ask for facts of their own segments.
        correct: of these, those that were answered correctly.
        loss: their mean cross-entropy.
    """

    rows: int
    correct: int
    loss: float


def form_of_question(task: str, question: str) -> str:
    """Return the task and its question, each name in it as a blank: `reasoning: What is north of the _?`"""
    return f"{task}: {_names(task).sub('_', question)}"


def score_by_form(scored: Sequence[tuple[str, bool, float]]) -> dict[str, FormScore]:
    """Return what each form came to, from the form, correctness and loss of each row."""
    return merge_forms(
        {form: FormScore(rows=1, correct=correct, loss=loss)} for form, correct, loss in scored
    )


def merge_forms(parts: Iterable[dict[str, FormScore]]) -> dict[str, FormScore]:
    """Return what the parts of a batch come to together, in alphabetical order."""
    together: dict[str, FormScore] = {}
    for form, score in (item for part in parts for item in part.items()):
        before = together.get(form, FormScore(rows=0, correct=0, loss=0.0))
        rows = before.rows + score.rows
        loss = (before.loss * before.rows + score.loss * score.rows) / rows
        together[form] = FormScore(rows=rows, correct=before.correct + score.correct, loss=loss)
    return dict(sorted(together.items()))


@cache
def _names(task: str) -> re.Pattern[str]:
    """Return what matches the words that differ between questions of one form."""
    words = {*TASKS[task].lexicon.entities, *TASKS[task].choices}
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b", re.IGNORECASE)
