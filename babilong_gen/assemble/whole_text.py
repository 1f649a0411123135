"""A text that is nothing but its story: words, chosen so that their tokens add up to the length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from babilong_gen.assemble.context import AssemblyContext
from babilong_gen.assemble.splice import Spliced
from babilong_gen.errors import DoesNotFitError
from babilong_gen.rng import Rng
from babilong_gen.tasks.story import Story


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """`WordTokens` by a context's tokenizer."""

    context: AssemblyContext

    def following(self, words: Sequence[str]) -> list[int]:
        return list(map(len, self.context.word_tokens(words)))

    def opening(self, word: str) -> int:
        return len(self.context.tokenizer.opening(word))


def write_whole(story: Story, context: AssemblyContext, rng: Rng, *, name: str, tokens: int) -> Spliced:
    """Write the text of a story that has a writer; it is one piece.

    Args:
        name: the sample's, for messages.

    Raises:
        DoesNotFitError: no choice of words has exactly so many tokens.
        SourceError: the tokenizer cannot read one of the words.
    """
    assert story.writer is not None
    words = story.writer(rng, _Counted(context=context), tokens)
    if words is None:
        raise DoesNotFitError(
            f"{name}: no list of words that answers the question has exactly {tokens:,} tokens: "
            "ask for another length, or other --task-option values"
        )
    first, *others = words
    ids = chain(context.tokenizer.opening(first), *context.word_tokens(others))
    text = " ".join(words)
    spliced = Spliced(pieces=[text.encode()], ids=[np.fromiter(ids, np.uint32)], chars=len(text))
    spliced.tokens = len(spliced.ids[0])
    return spliced
