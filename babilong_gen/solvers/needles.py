"""Needles (`niah_*`): every value that the whole text gives to the keys that are asked about."""

from __future__ import annotations

import re

from babilong_gen.solvers.solution import Reading, SolverError

_NEEDLE = re.compile(r"One of the special magic (\w+) for (\S+) is: (\S+)\.(?= |\Z)")
_QUESTION = re.compile(
    r"What (?:is|are all) the special magic (\w+) for (.+) mentioned in the provided text\?"
)


def values(text: str, question: str) -> Reading:
    """Answer "What are all the special magic numbers for amber-anchor mentioned in the provided text?"."""
    asked = _QUESTION.fullmatch(question)
    if not asked:
        raise SolverError(f"expected 'What is the special magic … for … mentioned …?', found {question!r}")
    keys = tuple(re.split(r", (?:and )?", asked[2]))
    found: dict[str, list[str]] = {key: [] for key in keys}
    for kind, key, value in _NEEDLE.findall(text):
        if key in found and kind.startswith(asked[1]):
            found[key].append(value)
    if lacking := [key for key, told in found.items() if not told]:
        raise SolverError(f"no needle in the text gives a value to {lacking[0]}")
    answers = tuple(value for told in found.values() for value in told)
    return Reading(answers=answers, names=(*keys, *answers))
