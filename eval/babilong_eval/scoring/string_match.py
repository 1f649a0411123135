"""Rules for open answers, of which a question may have several: RULER's own two, and a careful one.

`string_match_all` gives a sample the share of its answers that are found, `string_match_part` a whole point
where one of them is: answers count wherever their letters stand in an output, in whatever case (Hsieh et al.
2024, arXiv 2404.06654). RULER uses the first for its synthetic tasks and the second for its question
answering. `all_named` asks more: every answer, as a whole word, after any reasoning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_REASONING = re.compile(r"<think>.*?(?:</think>|\Z)|\A.*</think>", re.I | re.S)
# `5550105` is not in `15550105`, nor `amber-anchor` in `amber-anchor-7`; but a full stop may follow.
_WORD_STARTS = r"(?<![\w-])"
_WORD_ENDS = r"(?![\w]|-\w)"


def answers_found(target: str, output: str) -> list[str]:
    """Return those of the answers, comma-joined in `target`, whose letters stand in an output."""
    said = output.lower()
    return [answer for answer in _answers(target) if answer in said]


def answers_named(target: str, output: str) -> list[str]:
    """Return those of the answers that stand in an output as whole words, after any reasoning."""
    said = _REASONING.sub("", output).lower()
    return [
        answer
        for answer in _answers(target)
        if re.search(f"{_WORD_STARTS}{re.escape(answer)}{_WORD_ENDS}", said)
    ]


def shares_found(targets: Sequence[str], outputs: Sequence[str], *, any_will_do: bool) -> list[float]:
    """Return for each output the share of its answers that it holds, 0 to 1.

    Args:
        targets: the answers of each prediction, comma-joined.
        outputs: one per prediction.
        any_will_do: whether one answer is as good as all of them.
    """
    found = [len(answers_found(target, output)) for target, output in zip(targets, outputs, strict=True)]
    if any_will_do:
        return [float(count > 0) for count in found]
    return [count / len(_answers(target)) for count, target in zip(found, targets, strict=True)]


def all_named(targets: Sequence[str], outputs: Sequence[str]) -> list[bool]:
    """Return for each output whether it names every answer as a whole word; arguments as `shares_found`."""
    return [
        len(answers_named(target, output)) == len(_answers(target))
        for target, output in zip(targets, outputs, strict=True)
    ]


def _answers(target: str) -> list[str]:
    return target.lower().split(",")
