"""Which tokens of an encoded text belong to a stretch of its characters."""

from __future__ import annotations

from tokenizers import Encoding, Tokenizer

# Characters that few vocabularies hold: unassigned, for private use, of old scripts.
_RARE = ("\U00040000", "\u0378", "\ue000", "\U000103a0", "\ua66e", "\u3400")
_FACT = "Mary moved to the kitchen."


def token_span(encoding: Encoding, start: int, end: int) -> tuple[int, int]:
    """Return the tokens that cover any of the characters [start, end), half-open.

    A character can have several tokens (the bytes of `”` in a byte-level vocabulary, the full stops that a
    normaliser makes of `…`), a token several characters, and some characters leave none. `char_to_token`
    gives a character's first token, so the stretch ends with the last one that begins within it. A token that
    holds only the space in front of the stretch is not part of it.

    Returns:
        Where none of the characters left a token, an empty span at 0.
    """
    for at in range(start, end):
        if (first := encoding.char_to_token(at)) is not None:
            break
    else:
        return 0, 0
    last = first
    for at in range(end - 1, start, -1):
        if (found := encoding.char_to_token(at)) is not None:
            last = found
            break
    last += 1
    while last < len(encoding) and (span := encoding.token_to_chars(last)) is not None and span[0] < end:
        last += 1
    return first, last


def shifting_character(tokenizer: Tokenizer) -> str | None:
    """Return a character behind which the tokenizer misplaces tokens, or None where there is none.

    A BPE model that has neither a token for the unknown nor all bytes drops what its vocabulary lacks, and
    tells places within a word as if that had never been there. Where a whole text is one word, they are wrong
    from there to its end. So it is tried: behind such a character, a fact must have its own tokens.
    """
    for rare in _RARE:
        before = f"{2 * rare}."
        encoding = tokenizer.encode(f"{before} {_FACT}", add_special_tokens=False)
        first, last = token_span(encoding, len(before) + 1, len(before) + 1 + len(_FACT))
        alone = tokenizer.encode(f". {_FACT}", add_special_tokens=False)
        own = token_span(alone, 2, 2 + len(_FACT))
        if (len(encoding) - first, last) != (len(alone) - own[0], len(encoding)):
            return rare
    return None
