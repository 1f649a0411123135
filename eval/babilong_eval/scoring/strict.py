"""`strict`: the published rule with its faults repaired, for questions that have one right answer.

The rule, for one output:

1. *What is read.* Reasoning up to `</think>` is passed over. The text ends where the model goes on to
   examples of its own: at `<context>`, `<example>`, or a line that starts with "Question".
2. *Labels are whole words.* Case does not matter; `box of chocolates` is one label; cats, mice and
   wolves, as the facts of `qa15` have them, count for the cat, the mouse and the wolf. The parts of list
   labels (`apple,milk`, `n,e`) are looked for one by one, whatever stands between them.
3. *What does not count.* Parts that the question names, unless they are the target's; parts that are
   denied right where they stand ("not in the kitchen or the garden").
4. *The claim* is the first sentence in which a part is left. Only openers are passed over on the way to it:
   sentences of up to three words ("Sure!"), questions, lines that end in a colon, and denials. What goes on
   answering belongs to it: sentences that open with a hedge or a correction ("Or …", "Maybe …", "Actually …")
   or with "Answer:", or that say "could be"; and, where the claim is an item of a list, further items.
   A full stop ends a sentence only before white space or at the end, and neither after "Mr." and its like nor
   after an initial or a number; a blank line ends one too.
5. *Right* is a claim whose parts are the target's: the same set; or, where some label repeats a part
   (`n,n`: steps on a path), the same sequence. A claim that hedges over several labels has more parts
   than the target, and is wrong.

>>> from functools import partial
>>> says = partial(is_correct, question="Where is Mr. Bill?", labels=("kitchen", "office", "box room"))
>>> says("The answer is kitchen.", target="kitchen"), says("Mr. Bill is in the kitchen.", target="kitchen")
(True, True)
>>> says("kitchen or office", target="kitchen"), says("Kitchen. Or the office.", target="kitchen")
(False, False)
>>> says("Not in the kitchen, but in the box room", target="box room")
True
>>> path = partial(is_correct, question="How do you go?", labels=("n,e", "e,n", "n,n"))
>>> path("n, e", target="n,e"), path("Go n and then e.", target="n,e"), path("e,n", target="n,e")
(True, True, False)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LETTER = r"[^\W_]"
_WORD_STARTS = rf"(?<!{_LETTER})(?<!{_LETTER}[-'’])"
_WORD_ENDS = rf"(?!{_LETTER}|[-'’]{_LETTER})"

_PLURALS = {"cat": "cats", "mouse": "mice", "wolf": "wolves"}
_SINGULARS = {plural: part for part, plural in _PLURALS.items()}

_DENIAL = (
    r"(?:\b(?:not|never|no\s+longer|neither|nor)|n['’]t)\s+"
    r"(?:(?:in|at|on|to|from|of|by|be|been|the|a|an|any|either)\s+)*"
)
_GOES_ON_DENYING = re.compile(r"\s*,?\s*(?:or|nor)\s+(?:(?:in|at|on|to|from|of|by|the|a|an|any)\s+)*", re.I)

_REASONING = re.compile(r"<think>.*?(?:</think>|\Z)|\A.*</think>", re.I | re.S)
_OWN_EXAMPLE = re.compile(r"<context>|<example>|^\W*question\b", re.I | re.M)
_GOES_ON_ANSWERING = re.compile(
    r"\W*(?:or|alternatively|maybe|perhaps|possibly|otherwise|actually|wait|sorry)\b"
    r"|\W*(?:answer|response)\W*:"
    r"|.*\b(?:could|may|might)\s+(?:also\s+|as\s+well\s+)?be\b",
    re.I | re.S,
)
_LIST_ITEM = re.compile(r"\s*(?:[-*•]|\w[.)])\s")
_LONGEST_OPENER_WORDS = 3
_CLOSING = " \n\"'”’)]*_$"

_PERHAPS_AN_END = re.compile(r"""[.!?]+["'”’)\]*_$]*(?=\s|$)|\n[^\S\n]*\n""")
_NO_END = re.compile(
    r"(?:\b(?:mr|mrs|ms|mx|dr|prof|rev|capt|sgt|st|jr|sr|vs|e\.g|i\.e)|(?<!\S)(?:(?-i:[A-Z])|\d+))\.\Z", re.I
)
_LONGEST_ABBREVIATION = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """What can be claimed in a task.

    Attributes:
        part: finds one part of a label; its group 1 is a denial in front of it, group 2 the part.
        are_paths: the order and the number of the parts count.
    """

    part: re.Pattern[str]
    are_paths: bool

    @classmethod
    def of(cls, labels: Sequence[str]) -> _Answers:
        lists = [_parts(label) for label in labels]
        # longest first, so that `box of chocolates` is not taken for `box`
        named = {part for parts in lists for part in parts}
        named |= {_PLURALS[part] for part in named & _PLURALS.keys()}
        parts = sorted(named, key=len, reverse=True)
        spelled = "|".join(re.escape(part).replace(r"\ ", r"\s+") for part in parts)
        return cls(
            part=re.compile(rf"({_DENIAL})?{_WORD_STARTS}({spelled}){_WORD_ENDS}", re.I),
            are_paths=any(len(set(parts)) < len(parts) for parts in lists),
        )

    def claimed_in(self, sentence: str) -> Iterator[str]:
        """Yield the parts that are asserted, in their order."""
        denied_up_to = None
        for found in self.part.finditer(sentence):
            goes_on = denied_up_to is not None and _GOES_ON_DENYING.fullmatch(
                sentence, denied_up_to, found.start()
            )
            if found[1] or goes_on:
                denied_up_to = found.end()
            else:
                denied_up_to = None
                part = _words(found[2])
                yield _SINGULARS.get(part, part)


def strict_correct(
    targets: Sequence[str], outputs: Sequence[str], questions: Sequence[str], labels: Sequence[str]
) -> list[bool]:
    """Return for each output whether it is correct by the repaired rule.

    Args:
        targets, outputs, questions: one of each per prediction, equally long.
        labels: the closed label set of the task; lists are comma-joined.
    """
    answers = _Answers.of(labels)
    asked = {question: frozenset(answers.claimed_in(question)) for question in set(questions)}
    return [
        _matches(answers, _parts(target), output, asked[question])
        for target, output, question in zip(targets, outputs, questions, strict=True)
    ]


def is_correct(output: str, *, target: str, question: str, labels: Sequence[str]) -> bool:
    """Return whether one output is correct; see the rule above."""
    return strict_correct([target], [output], [question], labels)[0]


def strict_claim(output: str, *, target: str, question: str, labels: Sequence[str]) -> list[str]:
    """Return the parts of labels that an output claims, in their order; none where it does not answer.

    A part that is claimed twice is there twice only where the labels are paths.
    """
    answers = _Answers.of(labels)
    asked = frozenset(answers.claimed_in(question))
    claim = _claim(answers, output, asked.difference(_parts(target)))
    return claim if answers.are_paths else list(dict.fromkeys(claim))


def _matches(answers: _Answers, target: list[str], output: str, asked: frozenset[str]) -> bool:
    claim = _claim(answers, output, asked.difference(target))
    return claim == target if answers.are_paths else set(claim) == set(target)


def _claim(answers: _Answers, output: str, ignored: frozenset[str]) -> list[str]:
    """Return the parts that an output claims, in their order; none where it does not answer."""
    claim: list[str] = []
    is_list = False
    for sentence in _sentences(_OWN_EXAMPLE.split(_REASONING.sub("", output), maxsplit=1)[0]):
        is_item = _LIST_ITEM.match(sentence) is not None
        if claim and not _GOES_ON_ANSWERING.match(sentence) and not (is_list and is_item):
            break
        claim += [part for part in answers.claimed_in(sentence) if part not in ignored]
        is_list = is_list or is_item
        if not claim and not (_is_opener(sentence) or answers.part.search(sentence)):
            break
    return claim


def _is_opener(sentence: str) -> bool:
    return len(sentence.split()) <= _LONGEST_OPENER_WORDS or sentence.rstrip(_CLOSING).endswith((":", "?"))


def _sentences(text: str) -> Iterator[str]:
    start = 0
    for end in _PERHAPS_AN_END.finditer(text):
        if _NO_END.search(text, max(start, end.end() - _LONGEST_ABBREVIATION), end.end()):
            continue
        yield text[start : end.end()]
        start = end.end()
    yield text[start:]


def _parts(label: str) -> list[str]:
    return [_words(part) for part in label.split(",")]


def _words(part: str) -> str:
    """Return a part in lower case, its words one space apart."""
    return " ".join(part.lower().split())
