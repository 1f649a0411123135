"""Which tokens of an encoded text belong to a stretch of its characters."""

from __future__ import annotations

from tokenizers import Encoding


def token_span(encoding: Encoding, start: int, end: int) -> tuple[int, int]:
    """The tokens that cover any of the characters [start, end), half-open.

    A character can have several tokens (the bytes of `”` in a byte-level vocabulary, the full stops that a
    normaliser makes of `…`), a token several characters, and some characters leave none. `char_to_token`
    gives a character's first token, so the stretch ends with the last one that begins within it. A token that
    holds only the space in front of the stretch is not part of it.

    Returns:
        Where none of the characters left a token, an empty span at 0.
    """
    found = (encoding.char_to_token(at) for at in range(start, end))
    first = next((token for token in found if token is not None), None)
    if first is None:
        return 0, 0
    found = (encoding.char_to_token(at) for at in reversed(range(start, end)))
    last = next(token for token in found if token is not None) + 1
    while last < len(encoding) and _begins_before(encoding, last, end):
        last += 1
    return first, last


def _begins_before(encoding: Encoding, token: int, end: int) -> bool:
    span = encoding.token_to_chars(token)
    return span is not None and span[0] < end
