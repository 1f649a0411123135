"""Finished samples tokenized again, in the run that makes them.

A sample was put together from sentences that were tokenized long before; it was counted, never read. Here
only its finished text is believed: it is encoded, its tokens must be those that the sample claims, and its
facts must have the tokens that they claim. How most of a long text can be left out of that, `windows` says;
what it finds wrong is decided by the only definition there is: the whole text encoded in one go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from tokenizers import Tokenizer

from babilong_gen.assemble.sample import Sample
from babilong_gen.assemble.windows import all_agree, borders_agree, claims_of
from babilong_gen.errors import SelfCheckError, UsageError
from babilong_gen.token_span import token_span

Check = Literal["some", "all", "off"]
"""How many samples of a run are tokenized again."""

How = Literal["whole", "windows", "no"]
"""How one sample is."""

# Longer samples are read as a whole only once per task and length, not in each shard: to find the tokens of
# one again takes longer than to make a shard of them.
_LONG_TOKENS = 64_000

_EXCERPT_CHARS = 20


def parse_check(text: str) -> Check:
    """Read what `--check` was given.

    Raises:
        UsageError: it is none of `some`, `all` and `off`.
    """
    if text in ("some", "all", "off"):
        return text
    raise UsageError(f"--check {text}: expected some, all or off")


def how_to_check(
    check: Check, *, proved: bool, n_tokens: int, first_of_shard: bool, first_of_cell: bool
) -> How:
    """Decide how a sample is checked.

    Args:
        proved: whether its tokenizer is known to compose. Of others every sample was read as a whole when it
            was put together, whatever is asked for.
    """
    if not proved or check == "all":
        return "whole"
    if check == "off":
        return "no"
    return "whole" if first_of_cell or (first_of_shard and n_tokens <= _LONG_TOKENS) else "windows"


def check_sample(sample: Sample, tokenizer: Tokenizer, *, whole: bool) -> None:
    """Tokenize a finished sample again: all of it, or around the borders of what it was put together from.

    Raises:
        SelfCheckError: it is not what it says.
    """
    claims = claims_of(sample)
    agree = all_agree if whole else borders_agree
    if claims is not None and agree(claims, tokenizer):
        return
    if fault := find_fault(sample, tokenizer):
        raise SelfCheckError(f"{sample.sample_id}: {fault.what}; this is a fault of ours: please report it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a sample, and at which character of its text."""

    what: str
    char: int


def find_fault(sample: Sample, tokenizer: Tokenizer) -> Fault | None:
    """Find what is wrong with a sample's tokens or facts, by its text encoded in one go."""
    text = sample.text.decode()
    encoding = tokenizer.encode(text, add_special_tokens=False)
    found = np.array(encoding.ids, np.uint32)
    claimed = np.concatenate([np.asarray(piece.ids, np.uint32) for piece in sample.pieces])
    if len(found) != sample.n_tokens or not np.array_equal(found, claimed):
        common = min(len(found), len(claimed))
        different = np.flatnonzero(found[:common] != claimed[:common])
        at = int(different[0]) if len(different) else common
        span = encoding.token_to_chars(at) if at < len(found) else None
        start, end = span or (len(text), len(text))
        around = text[max(0, start - _EXCERPT_CHARS) : end + _EXCERPT_CHARS]
        return Fault(
            what=f"it has {len(found):,} tokens and was put together as {sample.n_tokens:,}: "
            f"they differ from token {at:,} on (character {start:,}, in {around!r})",
            char=start,
        )
    for number, fact in enumerate(sample.facts):
        start, end = fact.char_start, fact.char_end
        first, last = token_span(encoding, start, end)
        if text[start:end] != fact.text:
            return Fault(what=f"fact {number} is not at characters {start:,} to {end:,}", char=start)
        if (first, last) != (fact.token_start, fact.token_end):
            claim = f"{fact.token_start:,} to {fact.token_end:,}"
            return Fault(what=f"fact {number} is at tokens {first:,} to {last:,}, not {claim}", char=start)
    return None
