"""Common words (`cwe`): a numbered list of words, of which some appear more often than the others.

The list is all of the input, as long as it can be: the common words `freq_cw` times each, and as many others
as there is room for, `freq_ucw` times each. The last few tokens are closed by a few more words, once each.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import accumulate, islice

from babilong_gen.rng import Rng
from babilong_gen.tasks.ruler.exact import close_gap
from babilong_gen.tasks.ruler.options import CweOptions
from babilong_gen.tasks.ruler.words import ADJECTIVES, NOUNS
from babilong_gen.tasks.story import Story, StoryShape, WordTokens
from babilong_gen.tasks.task import Task

# RULER has fewer repetitions below 4,096 tokens of prompt, worked example and answer: a `4k` less a reserve
# for these is not below, a `2k` is.
_SHORT_TOKENS = 2_500
_SHORT_FREQUENCIES = (6, 1)

# An item has a number, a full stop and a word: as long as that many may be needed, single words will do.
_FEWEST_TOKENS_AN_ITEM = 3

_SINGLE = tuple(sorted({*ADJECTIVES, *NOUNS}))

# Words from which the last gap is closed, and how many others may be taken back for it.
_SPARE = 64
_MOST_TAKEN_BACK = 12


def simulate(options: CweOptions, task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw the words that appear most often; the answers are in the order of the alphabet.

    Words are single, or pairs such as `amber-anchor` where the longest list needs more than there are.
    """
    pairs = _most_words(options, shape.longest or 0) > len(_SINGLE)
    common = tuple(sorted(islice(_draw(rng, pairs=pairs), options.num_cw)))
    return task.story(
        facts=(),
        question=f"What are the {options.num_cw} most common words in the above list?",
        answer=",".join(common),
        supporting=(),
        answers=common,
        writer=partial(_write, options, common, pairs),
    )


def _write(
    options: CweOptions, common: tuple[str, ...], pairs: bool, rng: Rng, tokens_of: WordTokens, tokens: int
) -> list[str] | None:
    """Write a list of exactly so many tokens: whole others as long as there is room, then the last gap."""
    often, seldom = _frequencies(options, tokens)
    numbers = _Numbers(tokens_of)
    drawn = (word for word in _draw(rng, pairs=pairs) if word not in common)
    left = tokens - numbers.opening_extra - often * sum(tokens_of.following(common))
    items = often * len(common)
    others: list[str] = []
    costs: list[int] = []
    whole = 0
    while len(others) < whole + _SPARE and (some := list(islice(drawn, _SPARE))):
        others += some
        costs += tokens_of.following(some)
        while whole < len(costs) and seldom * costs[whole] + numbers.up_to(items + seldom) <= left:
            left -= seldom * costs[whole]
            items += seldom
            whole += 1
    for _ in range(_MOST_TAKEN_BACK):
        gap = left - numbers.up_to(items)
        once = (
            close_gap(costs[whole : whole + _SPARE], gap, partial(numbers.between, items))
            if gap >= 0
            else None
        )
        if once is not None:
            told = [*common * often, *others[:whole] * seldom, *(others[whole + n] for n in once)]
            rng.shuffle(told)
            return [part for number, word in enumerate(told, 1) for part in (f"{number}.", word)]
        if not whole:
            return None
        whole -= 1
        items -= seldom
        left += seldom * costs[whole]
    return None


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


def _draw(rng: Rng, *, pairs: bool) -> Iterator[str]:
    """Yield words in random order, none twice."""
    if not pairs:
        yield from rng.sample(_SINGLE, len(_SINGLE))
        return
    told: set[str] = set()
    while len(told) < len(ADJECTIVES) * len(NOUNS) // 2:
        word = f"{rng.choice(ADJECTIVES)}-{rng.choice(NOUNS)}"
        if word not in told:
            told.add(word)
            yield word


class _Numbers:
    """Tokens of `1.`, `2.` and so on, each behind another word, added up as far as they are asked for."""

    def __init__(self, tokens_of: WordTokens) -> None:
        self._tokens_of = tokens_of
        self._up_to = [0]
        self.opening_extra = tokens_of.opening("1.") - tokens_of.following(["1."])[0]

    def up_to(self, last: int) -> int:
        """Return the tokens of all numbers up to one."""
        while len(self._up_to) <= last:
            first = len(self._up_to)
            costs = self._tokens_of.following([f"{number}." for number in range(first, 2 * first + _SPARE)])
            self._up_to += list(accumulate(costs, initial=self._up_to[-1]))[1:]
        return self._up_to[last]

    def between(self, first: int, count: int) -> int:
        """Return the tokens of so many numbers after one."""
        return self.up_to(first + count) - self.up_to(first)
