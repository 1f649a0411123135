"""Frequent words (`fwe`): coded words, whose frequencies fall as those of a zeta distribution do.

The word of rank k appears in proportion to k to the power of minus `alpha`; the most frequent is `...`, which
the question says to ignore, and the next three are asked about. The words are all of the input. The last few
tokens are closed by a few words of the tail, once each.
"""

from __future__ import annotations

from functools import lru_cache, partial
from string import ascii_lowercase

import numpy as np

from babilong_gen.rng import Rng
from babilong_gen.tasks.ruler.exact import close_gap
from babilong_gen.tasks.ruler.options import FweOptions
from babilong_gen.tasks.story import Story, StoryShape, WordList, WordTokens
from babilong_gen.tasks.task import Task

QUESTION = (
    "Do not provide any explanation. Please ignore the dots '....'. "
    "What are the three most frequently appeared words in the above coded text?"
)
DOTS = "..."
_ASKED = 3

# The vocabulary has a word for so many tokens, as RULER has it.
_TOKENS_A_WORD = 50

# Words from which the last gap is closed, and how many steps down are tried for it.
_SPARE = 64
_MOST_STEPS = 32

# What is a whole number must not fall below it by rounding, which machines do differently.
_HAIR = 1e-9


def simulate(options: FweOptions, task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw the three words that appear most often, the most frequent first."""
    coded = _coded_words(options.coded_wordlen, _listed(shape.longest or 0, options.coded_wordlen))
    frequent = rng.sample(range(1, len(coded)), _ASKED)
    answers = tuple(coded.words[number] for number in frequent)
    return task.story(
        facts=(),
        question=QUESTION,
        answer=",".join(answers),
        supporting=(),
        answers=answers,
        writer=partial(_write, options, coded, frequent),
    )


def _write(
    options: FweOptions, coded: WordList, frequent: list[int], rng: Rng, tokens_of: WordTokens, tokens: int
) -> np.ndarray | None:
    """Write a text of exactly so many tokens; None where it is too short to tell the words apart."""
    listed = tokens_of.entries(coded)
    first = [0, *frequent]
    rest = rng.shuffled(np.delete(listed, first))
    words = np.append(listed[first], rest[: _ranked(tokens) - len(first) + _SPARE])
    costs = tokens_of.following(words)
    weights = np.arange(1.0, len(words) - _SPARE + 1) ** -options.alpha
    ranked_costs = costs[: len(weights)]
    opening = _opening(_counts(weights, _at_least(weights, ranked_costs, tokens)), rng)
    extra = tokens_of.opening(words[opening]) - int(costs[opening])
    most = _largest(weights, ranked_costs, tokens - extra)
    for step in range(min(_MOST_STEPS, most)):
        counts = _counts(weights, most - step)
        used = int(np.count_nonzero(counts))  # they fall with the rank
        gap = tokens - extra - int(counts @ ranked_costs)
        once = close_gap(costs[used : used + _SPARE].tolist(), gap)
        if once is None or opening >= used:
            continue
        if not counts[1] > counts[2] > counts[3] > max(counts[4], 1):
            return None
        counts[opening] -= 1
        told = np.append(words[: len(counts)].repeat(counts), words[used:][once])
        return np.append(words[opening], rng.shuffled(told))
    return None


def _ranked(tokens: int) -> int:
    """Return how many words a text of so many tokens has, the dots included."""
    return max(tokens // _TOKENS_A_WORD, 2 * (1 + _ASKED))


def _listed(tokens: int, letters: int) -> int:
    """Return how many coded words to draw those of a text of so many tokens from.

    They are at least twice as many as it has, and rounded up: each word of each list has to be tokenized.
    """
    least = 2 * (_ranked(tokens) + _SPARE)
    return min(1 << (least - 1).bit_length(), len(ascii_lowercase) ** letters // 2)


@lru_cache(maxsize=8)
def _coded_words(letters: int, count: int) -> WordList:
    """Return the dots and so many different coded words, always the same."""
    rng = Rng("coded words", letters)
    drawn: dict[str, None] = {}
    while missing := count - len(drawn):
        told = "".join(ascii_lowercase[int(26 * draw)] for draw in rng.draws(missing * letters))
        drawn |= dict.fromkeys(told[at : at + letters] for at in range(0, len(told), letters))
    return WordList((DOTS, *drawn))


def _counts(weights: np.ndarray, most: int) -> np.ndarray:
    """Return how often the word of each rank appears where the first appears so often."""
    return np.floor(most * weights + _HAIR).astype(np.int64)


def _at_least(weights: np.ndarray, costs: np.ndarray, tokens: int) -> int:
    """Return how often the first word can appear where counts are not rounded down: a bound from below."""
    return max(0, int(tokens / (weights @ costs)))


def _largest(weights: np.ndarray, costs: np.ndarray, tokens: int) -> int:
    """Return how often the first word can appear at most in a text of so many tokens."""
    low, high = _at_least(weights, costs, tokens), _at_least(weights, costs, tokens + int(costs.sum())) + 2
    while high - low > 1:
        middle = (low + high) // 2
        fits = int(_counts(weights, middle) @ costs) <= tokens
        low, high = (middle, high) if fits else (low, middle)
    return low


def _opening(counts: np.ndarray, rng: Rng) -> int:
    """Draw the rank of the word that opens the text, as often as it appears."""
    ends = counts.cumsum()
    return int(ends.searchsorted(rng.randrange(max(1, int(ends[-1]))), "right")) % len(counts)
