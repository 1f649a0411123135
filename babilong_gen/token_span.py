"""Which tokens of an encoded text belong to a stretch of its characters."""

from __future__ import annotations

from tokenizers import Encoding


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
