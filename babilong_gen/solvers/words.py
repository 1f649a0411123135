"""Words (`cwe`, `fwe`): those that appear most often in the whole text, counted one by one."""

from __future__ import annotations

import re
from collections import Counter

from babilong_gen.solvers.solution import Reading, SolverError

_COMMON = re.compile(r"What are the (\d+) most common words in the above list\?")
_FREQUENT = re.compile(
    r"Do not provide any explanation\. Please ignore the dots '\.\.\.\.'\. "
    r"What are the three most frequently appeared words in the above coded text\?"
)
_DOTS = "..."
_CODED = re.compile(r"[a-z]+")


def most_common(text: str, question: str) -> Reading:
    """Answer "What are the 10 most common words in the above list?"."""
    asked = _COMMON.fullmatch(question)
    if not asked:
        raise SolverError(f"expected 'What are the … most common words …', found {question!r}")
    parts = text.split(" ")
    for number, part in enumerate(parts[::2], 1):
        if part != f"{number}.":
            raise SolverError(f"expected {number}. in the list, found {part!r}")
    return _most(Counter(parts[1::2]), int(asked[1]))


def most_frequent(text: str, question: str) -> Reading:
    """Answer "… What are the three most frequently appeared words in the above coded text?"."""
    if not _FREQUENT.fullmatch(question):
        raise SolverError(f"expected '… the three most frequently appeared words …', found {question!r}")
    counts = Counter(text.split(" "))
    del counts[_DOTS]
    if strange := [word for word in counts if not _CODED.fullmatch(word)]:
        raise SolverError(f"expected coded words, found {strange[0]!r}")
    return _most(counts, 3)


def _most(counts: Counter[str], asked: int) -> Reading:
    """Return the words with the highest counts, the highest first, equal ones by the alphabet."""
    ranked = sorted(counts.items(), key=lambda counted: (-counted[1], counted[0]))
    if len(ranked) <= asked or ranked[asked - 1][1] == ranked[asked][1]:
        raise SolverError(f"no {asked} words of the text appear more often than all others")
    return Reading(answers=tuple(word for word, _ in ranked[:asked]), names=())
