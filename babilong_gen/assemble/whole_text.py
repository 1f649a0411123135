"""A text that is nothing but its story: words, chosen so that their tokens add up to the length."""

from __future__ import annotations

from babilong_gen.assemble.context import AssemblyContext
from babilong_gen.assemble.splice import Spliced
from babilong_gen.errors import DoesNotFitError
from babilong_gen.rng import Rng
from babilong_gen.tasks.story import Story


def write_whole(story: Story, context: AssemblyContext, rng: Rng, *, name: str, tokens: int) -> Spliced:
    """Write the text of a story that has a writer; it is one piece.

    Args:
        name: the sample's, for messages.

    Raises:
        DoesNotFitError: no choice of words has exactly so many tokens.
        SourceError: the tokenizer cannot read one of the words.
    """
    assert story.writer is not None
    words = context.words
    entries = story.writer(rng, words, tokens)
    if entries is None:
        raise DoesNotFitError(
            f"{name}: no list of words that answers the question has exactly {tokens:,} tokens: "
            "ask for another length, or other --task-option values"
        )
    text, ids = words.text(entries), words.ids(entries)
    return Spliced(pieces=[text], ids=[ids], chars=len(text.decode()), tokens=len(ids))
