"""The words around a sample of RULER's tasks: those of its templates, with its worked examples.

Some words depend on what is asked: whether a number or several UUIDs are hidden, and how the answer begins.
They are taken from the question, so that they are right whatever `--task-option` a dataset was made with.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from babilong_gen.rng import Rng
from babilong_gen.tasks.ruler.fwe import QUESTION as FREQUENT_WORDS
from babilong_gen.tasks.ruler.words import NOUNS

MAX_NEW_TOKENS = {"niah": 128, "vt": 30, "cwe": 120, "fwe": 50}
"""How many tokens RULER leaves for an answer, by the first part of a task's name."""

_NEEDLES = re.compile(
    r"What (is|are)(?: all)? the special magic (\w+) for (.+) mentioned in the provided text\?"
)
_VARIABLES = re.compile(r"Find all variables that are assigned the value (\d+) in the text above\.")
_COMMON = re.compile(r"What are the (\d+) most common words in the above list\?")

_TRACK = "Memorize and track the chain(s) of variable assignment hidden in the following text."
_MEMORIZE = (
    "Below is a numbered list of words. In these words, some appear more often than others. "
    "Memorize the ones that appear most often."
)
# RULER also says how many there are, which a question does not tell.
_VARIABLES_ARE = (
    " Answer: According to the chain(s) of variable assignment in the text above, "
    "the variables that are assigned the value {value} are:"
)
_WORDS_ARE = " Answer: The top {count} words that appear most often in the list are:"

# The worked example of `vt` has names of three letters, which no sample has, and one of two values.
_EXAMPLE_VALUES = ("12345", "54321")
_EXAMPLE_NAMES = ("QKB", "XTE", "HWM", "ZJA", "PUD")
_EXAMPLE_NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
_EXAMPLE_NOISE_TIMES = 15

# That of `cwe`: ten words ten times each, thirty three times each.
_EXAMPLE_COMMON, _EXAMPLE_OTHERS = (10, 10), (30, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The parts of a prompt: what is said before a sample, an example with its answer, and their order."""

    instruction: str
    template: str
    examples: str = ""


def ruler_words(task: str) -> Words:
    """Return the words around a sample of a task."""
    match task.partition("_")[0]:
        case "niah":
            hidden = (
                "{hidden} hidden within the following text. Make sure to memorize it. "
                "I will quiz you about the {about} afterwards."
            )
            return Words(instruction=hidden, template="{instruction}\n{context}\n{question}{answer_start}")
        case "vt":
            template = "{examples}\n\n{instruction}\n\n{context}\nQuestion: {question}{answer_start}"
            return Words(instruction=_TRACK, template=template, examples=_variables_example())
        case "cwe":
            template = "{examples}\n{instruction}\n{context}\nQuestion: {question}{answer_start}"
            return Words(instruction=_MEMORIZE, template=template, examples=_common_words_example())
        case _:
            coded = (
                "Read the following coded text and track the frequency of each coded word. "
                "Find the three most frequently appeared coded words."
            )
            template = "{instruction} {context}\nQuestion: {question}{answer_start}"
            return Words(instruction=coded, template=template)


def most_new_tokens(tasks: Sequence[str]) -> int:
    """Return how many tokens the longest answer of some tasks may have."""
    return max(MAX_NEW_TOKENS[task.partition("_")[0]] for task in tasks)


def places_of(question: str) -> dict[str, str]:
    """Return what a question of RULER's puts into the places of a prompt; empty for any other question.

    `answer_start` is the beginning of the answer, which the model continues.
    """
    if asked := _NEEDLES.fullmatch(question):
        verb, kind, keys = asked.groups()
        return {
            "hidden": f"A special magic {kind} is" if verb == "is" else f"Some special magic {kind} are",
            "about": kind,
            "answer_start": f" The special magic {kind} for {keys} mentioned in the provided text {verb}",
        }
    if asked := _VARIABLES.fullmatch(question):
        value = asked[1]
        example = next(other for other in _EXAMPLE_VALUES if other != value)
        start = _VARIABLES_ARE.format(value=value)
        return {"example_value": example, "answer_start": start}
    if asked := _COMMON.fullmatch(question):
        return {"answer_start": _WORDS_ARE.format(count=asked[1])}
    if question == FREQUENT_WORDS:
        start = "According to the coded text above, the three most frequently appeared words are:"
        return {"answer_start": f" Answer: {start}"}
    return {}


def _variables_example() -> str:
    """Return a chain in noise, the question about it, and its answer; its value is a place."""
    value, names = "{example_value}", _EXAMPLE_NAMES
    facts = [f"VAR {names[0]} = {value}."]
    facts += [f"VAR {name} = VAR {before}." for before, name in itertools.pairwise(names)]
    noise = [_EXAMPLE_NOISE] * _EXAMPLE_NOISE_TIMES
    for number, fact in enumerate(facts):
        noise.insert(2 + number * 4, fact)
    question = f"Question: Find all variables that are assigned the value {value} in the text above."
    start = _VARIABLES_ARE.format(value=value)
    return f"{_TRACK}\n\n{' '.join(noise)}\n{question}{start} {' '.join(names)}"


def _common_words_example() -> str:
    """Return a list, the question about it, and its answer, numbered as the list is."""
    (common, often), (others, seldom) = _EXAMPLE_COMMON, _EXAMPLE_OTHERS
    rng = Rng("the worked example of cwe")
    words = rng.sample(NOUNS, common + others)
    told = [*words[:common] * often, *words[common:] * seldom]
    rng.shuffle(told)
    question = f"Question: What are the {common} most common words in the above list?"
    start = _WORDS_ARE.format(count=common)
    return f"{_MEMORIZE}\n{_numbered(told)}\n{question}{start} {_numbered(words[:common])}"


def _numbered(words: Sequence[str]) -> str:
    return " ".join(f"{number}. {word}" for number, word in enumerate(words, 1))
