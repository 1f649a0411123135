"""`official`: the published BABILong rule, bit for bit, so that our figures can stand beside published ones.

The rule (Kuratov et al. 2024, arXiv 2406.10149; the authors' metrics and result collector):

1. An output that pandas reads as missing (`None`, `nan`, `NULL` …) is empty.
2. Of the lower-cased output only what comes before the first full stop counts, and of that only what
   comes before `<context>` or `<example>`.
3. A label is found wherever its letters stand, even inside another word.
4. Labels found in the question are struck from those found in the output.
5. The answer is right where the target is the only label that is left. A target with a comma and more
   than three characters is a list: all its parts must be left, and nothing else.

Its faults belong to it and are kept: in `qa7` the target `none` can never score, for it contains `one`;
`no` is found in `know`; "Mr." ends a sentence; a list in another spelling (`n, e`) is not found; and the
cut before `Question`, which the authors meant, never happens, because the text has no capitals any more.
`strict.py` is our repair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
_YES_NO = ("no", "yes")

OFFICIAL_LABELS: Mapping[str, tuple[str, ...]] = {
    "qa1": _PLACES,
    "qa2": _PLACES,
    "qa3": _PLACES,
    "qa4": _PLACES,
    "qa5": ("Bill", "Fred", "Jeff", "Mary", "apple", "football", "milk"),
    "qa6": _YES_NO,
    "qa7": ("none", "one", "three", "two"),
    "qa8": ("apple", "football", "milk", "nothing"),
    "qa9": _YES_NO,
    "qa10": ("maybe", "no", "yes"),
    "qa11": _PLACES,
    "qa12": _PLACES,
    "qa13": _PLACES,
    "qa14": ("bedroom", "cinema", "kitchen", "office", "park", "school"),
    "qa15": ("cat", "mouse", "sheep", "wolf"),
    "qa16": ("gray", "green", "white", "yellow"),
    "qa17": _YES_NO,
    "qa18": _YES_NO,
    "qa19": ("e,e", "e,n", "e,s", "n,e", "n,n", "n,w", "s,e", "s,s", "s,w", "w,n", "w,s", "w,w"),
    "qa20": ("bedroom", "bored", "garden", "hungry", "kitchen", "thirsty", "tired"),
}
"""The label sets of the rule; for other tasks it is applied to the labels of the task itself."""

_READ_AS_MISSING = frozenset(
    """
    #N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|nan|null
    """.strip().split("|")
)
"""pandas.read_csv's default missing values; of these only `None` holds letters of a label (`no`, `one`)."""

_LONGEST_SINGLE_TARGET = 3
"""`n,e` is one label, `apple,milk` a list of two."""


def official_correct(
    targets: Sequence[str], outputs: Sequence[str], questions: Sequence[str], labels: Iterable[str]
) -> list[bool]:
    """Return for each output whether it is correct by the published rule.

    Args:
        targets, outputs, questions: one of each per prediction, equally long.
        labels: the closed label set of the task.
    """
    known = frozenset(label.lower() for label in labels)
    # few questions are asked, and most models answer in a word or two: each text is looked at once
    wanted = {target: _parts(target.lower()) for target in set(targets)}
    allowed = {question: frozenset(_not_in(question.lower(), known)) for question in set(questions)}
    found = {output: _in(_answer(output), known) for output in set(outputs)}
    asked = list(zip(targets, outputs, questions, strict=True))
    judged = {
        (target, output, question): _is_correct(wanted[target], found[output] & allowed[question])
        for target, output, question in set(asked)
    }
    return [judged[one] for one in asked]


def official_claim(
    output: str, *, question: str, labels: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the labels that the rule finds in an output, and those that the question struck from them."""
    answer, known = _answer(output), sorted({label.lower() for label in labels})
    found = [label for label in known if label in answer]
    allowed = _not_in(question.lower(), known)
    return tuple(label for label in found if label in allowed), tuple(
        label for label in found if label not in allowed
    )


def _parts(target: str) -> list[str]:
    is_list = "," in target and len(target) > _LONGEST_SINGLE_TARGET
    return target.split(",") if is_list else [target]


def _in(answer: str, labels: Iterable[str]) -> frozenset[str]:
    return frozenset([label for label in labels if label in answer])


def _not_in(question: str, labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(label for label in labels if label not in question)


def _answer(output: str) -> str:
    """Return the part of an output in which labels are looked for, in lower case."""
    if output in _READ_AS_MISSING:
        return ""
    sentence = output.lower().partition(".")[0]
    if "<" in sentence:
        sentence = sentence.partition("<context>")[0].partition("<example>")[0]
    return sentence


def _is_correct(parts: Sequence[str], left: frozenset[str]) -> bool:
    return len(left) == len(parts) and left.issuperset(parts)
