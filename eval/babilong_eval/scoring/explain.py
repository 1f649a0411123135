"""Why a rule counted an answer as it did: the words that it found, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_eval.scoring.official import official_claim
from babilong_eval.scoring.score import OPEN_SCORERS
from babilong_eval.scoring.strict import strict_claim
from babilong_eval.scoring.string_match import answers_found, answers_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from babilong_eval.scoring.score import ScorerName


def explain(
    output: str, *, target: str, question: str, labels: Sequence[str], scorer: ScorerName, label: str = ""
) -> str:
    """Return what a rule found in one output, beside what it looked for.

    Args:
        labels: the task's label set, as for `score`; empty where answers are open.
        label: the label to which the model gave the highest score; for the rule `label`.

    >>> print(explain("Milk. Or the football.", target="milk", question="What did Mary give?",
    ...               labels=("milk", "football"), scorer="strict"))
    the rule strict finds milk, football; the target is milk
    >>> print(explain("I don't know.", target="yes", question="Is Mary here?", labels=("yes", "no"),
    ...               scorer="official"))
    the rule official finds no; the target is yes
    """
    if scorer == "label":
        return f"the label with the highest score is {label or 'none'}; the target is {target}"
    if scorer in OPEN_SCORERS or not labels:
        named = (answers_named if scorer == "strict" else answers_found)(target, output)
        return f"the rule {scorer} finds {', '.join(named) or 'none'} of {', '.join(target.split(','))}"
    struck: tuple[str, ...] = ()
    if scorer == "official":
        found, struck = official_claim(output, question=question, labels=labels)
    else:
        found = tuple(strict_claim(output, target=target, question=question, labels=labels))
    passed_over = f" (and passes over {_listed(struck)}, named in the question)" if struck else ""
    return f"the rule {scorer} finds {_listed(found)}{passed_over}; the target is {target}"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "none of the labels"
