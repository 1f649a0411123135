"""Common words (`cwe`): a numbered list of words, of which some appear more often than the others.

The list is all of the input, as long as it can be: the common words `freq_cw` times each, and as many others
as there is room for, `freq_ucw` times each. The last few tokens are closed by a few more words, once each.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from babilong_gen.rng import Rng
from babilong_gen.tasks.ruler.exact import close_gap
from babilong_gen.tasks.ruler.options import CweOptions
from babilong_gen.tasks.ruler.words import ADJECTIVES, NOUNS
from babilong_gen.tasks.story import Story, StoryShape, WordList, WordTokens
from babilong_gen.tasks.task import Task

# RULER has fewer repetitions below 4,096 tokens of prompt, worked example and answer: a `4k` less a reserve
# for these is not below, a `2k` is.
_SHORT_TOKENS = 2_500
_SHORT_FREQUENCIES = (6, 1)

# An item has a number, a full stop and a word: as long as that many may be needed, single words will do.
_FEWEST_TOKENS_AN_ITEM = 3

_SINGLE = WordList(tuple(sorted({*ADJECTIVES, *NOUNS})))

# Words from which the last gap is closed, and how many others may be taken back for it.
_SPARE = 64
_MOST_TAKEN_BACK = 12


def simulate(options: CweOptions, task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw the words that appear most often; the answers are in the order of the alphabet.

    Words are single, or pairs such as `amber-anchor` where the longest list needs more than there are.
    """
    words = _words_for(_most_words(options, shape.longest or 0))
    common = rng.sample(range(len(words)), options.num_cw)
    answers = tuple(sorted(words.words[number] for number in common))
    return task.story(
        facts=(),
        question=f"What are the {options.num_cw} most common words in the above list?",
        answer=",".join(answers),
        supporting=(),
        answers=answers,
        writer=partial(_write, options, words, common),
    )


def _write(
    options: CweOptions,
    words: WordList,
    common: list[int],
    rng: Rng,
    tokens_of: WordTokens,
    tokens: int,
) -> np.ndarray | None:
    """Write a list of exactly so many tokens: whole others as long as there is room, then the last gap."""
    often, seldom = _frequencies(options, tokens)
    listed = tokens_of.entries(words)
    others = rng.shuffled(np.delete(listed, common))
    costs = tokens_of.following(others)
    # Items of so many others and the common words, and the tokens of their words.
    items = often * len(common) + seldom * np.arange(len(others) + 1)
    in_words = often * tokens_of.following(listed[common]).sum() + seldom * _before(costs)
    # A number has a token at least, so there are never more items than these.
    items = items[in_words + items <= tokens]
    if not len(items):
        return None
    numbers = tokens_of.entries(_numbers(_rounded(int(items[-1]) + _SPARE)))
    in_numbers = _before(tokens_of.following(numbers))
    extra = tokens_of.opening(numbers[0]) - int(in_numbers[1])
    left = tokens - extra - in_words[: len(items)] - in_numbers[items]
    most = int(np.count_nonzero(left >= 0))
    for whole in reversed(range(max(0, most - _MOST_TAKEN_BACK), most)):
        spare = costs[whole : whole + _SPARE].tolist()
        beside = in_numbers[items[whole] :][: _SPARE + 1] - in_numbers[items[whole]]
        once = close_gap(spare, int(left[whole]), lambda count, beside=beside: int(beside[count]))
        if once is not None:
            told = [listed[common].repeat(often), others[:whole].repeat(seldom), others[whole:][once]]
            return _numbered(numbers, rng.shuffled(np.concatenate(told)))
    return None


def _numbered(numbers: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Put its number in front of each word."""
    return np.column_stack((numbers[: len(words)], words)).ravel()


def _before(tokens: np.ndarray) -> np.ndarray:
    """Return the tokens before each word, and those of all."""
    return np.append(0, tokens.cumsum())


def _frequencies(options: CweOptions, tokens: int) -> tuple[int, int]:
    """Return how often common words and others appear: as published, unless a user says otherwise."""
    if options == CweOptions(num_cw=options.num_cw) and tokens < _SHORT_TOKENS:
        return _SHORT_FREQUENCIES
    return options.freq_cw, options.freq_ucw


def _most_words(options: CweOptions, tokens: int) -> int:
    """Return how many different words a list of so many tokens may need, common ones and spare ones too."""
    often, seldom = _frequencies(options, tokens)
    others = tokens // _FEWEST_TOKENS_AN_ITEM - often * options.num_cw
    return options.num_cw + max(0, others) // seldom + 2 * _SPARE


def _words_for(count: int) -> WordList:
    """Return words of which a list can have so many, always the same: single ones where there are enough."""
    return _SINGLE if count <= len(_SINGLE) else _pairs(_rounded(count))


@lru_cache(maxsize=8)
def _pairs(count: int) -> WordList:
    drawn = Rng("pairs of words").shuffled(np.arange(len(ADJECTIVES) * len(NOUNS)))[:count]
    parts = (divmod(pair, len(NOUNS)) for pair in drawn.tolist())
    return WordList(tuple(f"{ADJECTIVES[adjective]}-{NOUNS[noun]}" for adjective, noun in parts))


@lru_cache(maxsize=8)
def _numbers(count: int) -> WordList:
    return WordList(tuple(f"{number}." for number in range(1, count + 1)))


def _rounded(count: int) -> int:
    """Round up, so that few different lists are ever tokenized."""
    return 1 << (count - 1).bit_length()
