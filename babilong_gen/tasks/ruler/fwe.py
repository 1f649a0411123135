"""Frequent words (`fwe`): coded words, whose frequencies fall as those of a zeta distribution do.

The word of rank k appears in proportion to k to the power of minus `alpha`; the most frequent is `...`, which
the question says to ignore, and the next three are asked about. The words are all of the input. The last few
tokens are closed by a few words of the tail, once each.
"""

from __future__ import annotations

from functools import partial
from string import ascii_lowercase

import numpy as np

from babilong_gen.rng import Rng
from babilong_gen.tasks.ruler.exact import close_gap
from babilong_gen.tasks.ruler.options import FweOptions
from babilong_gen.tasks.story import Story, StoryShape, WordTokens
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
    del shape  # `--facts` and its like are refused for RULER's tasks: their own options say it
    frequent = tuple(_coded(rng, options.coded_wordlen, _ASKED, ()))
    return task.story(
        facts=(),
        question=QUESTION,
        answer=",".join(frequent),
        supporting=(),
        answers=frequent,
        writer=partial(_write, options, frequent),
    )


def _write(
    options: FweOptions, frequent: tuple[str, ...], rng: Rng, tokens_of: WordTokens, tokens: int
) -> list[str] | None:
    """Write a text of exactly so many tokens; None where it is too short to tell the words apart."""
    ranked = max(tokens // _TOKENS_A_WORD, 2 * (1 + _ASKED)) - 1 - _ASKED
    rest = _coded(rng, options.coded_wordlen, ranked + _SPARE, frequent)
    words = [DOTS, *frequent, *rest]
    costs = tokens_of.following(words)
    weights = np.array([rank**-options.alpha for rank in range(1, len(words) - _SPARE + 1)])
    ranked_costs = np.array(costs[: len(weights)])
    opening = _opening(_counts(weights, _largest(weights, ranked_costs, tokens)).tolist(), rng)
    extra = tokens_of.opening(words[opening]) - costs[opening]
    most = _largest(weights, ranked_costs, tokens - extra)
    for step in range(min(_MOST_STEPS, most)):
        counted = _counts(weights, most - step)
        used = int(np.count_nonzero(counted))  # they fall with the rank
        gap = tokens - extra - int(counted @ ranked_costs)
        once = close_gap(costs[used : used + _SPARE], gap)
        if once is None or opening >= used:
            continue
        counts: list[int] = counted.tolist()
        if not counts[1] > counts[2] > counts[3] > max(counts[4], 1):
            return None
        counts[opening] -= 1
        told = [word for word, count in zip(words, counts, strict=False) for _ in range(count)]
        told += [words[used + n] for n in once]
        rng.shuffle(told)
        return [words[opening], *told]
    return None


def _coded(rng: Rng, letters: int, count: int, but: tuple[str, ...]) -> list[str]:
    """Draw so many different coded words, none of those that are there already."""
    drawn = dict.fromkeys(but)
    while missing := len(but) + count - len(drawn):
        told = "".join(ascii_lowercase[int(26 * draw)] for draw in rng.draws(missing * letters))
        drawn |= dict.fromkeys(told[at : at + letters] for at in range(0, len(told), letters))
    return list(drawn)[len(but) :]


def _counts(weights: np.ndarray, most: int) -> np.ndarray:
    """Return how often the word of each rank appears where the first appears so often."""
    return np.floor(most * weights + _HAIR).astype(np.int64)


def _largest(weights: np.ndarray, costs: np.ndarray, tokens: int) -> int:
    """Return how often the first word can appear at most in a text of so many tokens."""
    low, high = 0, max(0, tokens) + 1
    while high - low > 1:
        middle = (low + high) // 2
        fits = int(_counts(weights, middle) @ costs) <= tokens
        low, high = (middle, high) if fits else (low, middle)
    return low


def _opening(counts: list[int], rng: Rng) -> int:
    """Draw the word that opens the text, as often as it appears."""
    drawn = rng.randrange(max(1, sum(counts)))
    for index, count in enumerate(counts):
        drawn -= count
        if drawn < 0:
            return index
    return 0
