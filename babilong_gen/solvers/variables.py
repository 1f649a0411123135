"""Variables (`vt`): all that the whole text assigns a value to, directly or by way of others."""

from __future__ import annotations

import re

from babilong_gen.solvers.solution import Reading, SolverError

_ASSIGNMENT = re.compile(r"VAR ([A-Z]+) = (?:VAR ([A-Z]+)|(\d+))\.(?= |\Z)")
_QUESTION = re.compile(r"Find all variables that are assigned the value (\d+) in the text above\.")


def with_value(text: str, question: str) -> Reading:
    """Answer "Find all variables that are assigned the value 12345 in the text above."."""
    asked = _QUESTION.fullmatch(question)
    if not asked:
        raise SolverError(f"expected 'Find all variables that are assigned …', found {question!r}")
    having: dict[str, None] = {}
    for variable, other, value in _ASSIGNMENT.findall(text):
        if value == asked[1] or other in having:
            having[variable] = None
        else:
            having.pop(variable, None)
    if not having:
        raise SolverError(f"no variable in the text has the value {asked[1]}")
    return Reading(answers=tuple(having), names=(*having, asked[1]))
