"""Lengths as users write them: `0k`, `4k`, `1M`, `8seg`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from babilong_gen.errors import UsageError

Unit = Literal["k", "M", "seg"]

LONGEST_TOKENS = 100_000_000

_FORM = re.compile(r"([0-9]{1,9})(k|M|seg)")
_IN_ANY_CASE = re.compile(_FORM.pattern, re.IGNORECASE)
_UNITS = {"k": "k", "m": "M", "seg": "seg"}
_UNIT_TOKENS = {"k": 1_000, "M": 1_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """One length bucket.

    Attributes:
        name: as written; the config name of the dataset and its folder.
        count: the number before the unit.
        unit: `k` and `M` count tokens of `input`; `seg` counts segments of `input` plus question.
    """

    name: str
    count: int
    unit: Unit

    @property
    def facts_only(self) -> bool:
        """Whether the sample has no noise at all (`0k`)."""
        return self.count == 0

    def input_tokens(self, *, question_tokens: int, segment_size: int, reserve: int) -> int:
        """Return the exact number of tokens that `input` must have (not defined for `0k`).

        Args:
            question_tokens: tokens of the question, tokenized after one space; counts in `seg`.
            segment_size: tokens a segment; matters in `seg`.
            reserve: tokens kept free for a prompt; matters in `k` and `M`.
        """
        if self.unit == "seg":
            return self.count * segment_size - question_tokens
        return self.count * _UNIT_TOKENS[self.unit] - reserve


def parse_length(text: str) -> Length:
    """Read one length.

    Raises:
        UsageError: the text is not a length, or longer than any that is supported.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        meant = _IN_ANY_CASE.fullmatch(text.strip())
        hint = f"; write it {meant[1]}{_UNITS[meant[2].lower()]}" if meant else ""
        raise UsageError(
            f"unknown length {text!r}: expected 0k, 4k, 128k, 1M or a number of segments (8seg){hint}"
        )
    count, unit = int(match[1]), cast(Unit, match[2])
    tokens = count * _UNIT_TOKENS.get(unit, 1)
    if unit != "k" and count == 0:
        raise UsageError(f"length {text!r} is empty: a sample without noise is written 0k")
    if tokens > LONGEST_TOKENS:
        raise UsageError(f"length {text!r} is too long: at most {LONGEST_TOKENS:,} tokens are supported")
    return Length(name=f"{count}{unit}", count=count, unit=unit)


def length_order(name: str) -> tuple[bool, int]:
    """Return a sort key for lengths: `2seg` < `16seg` < `0k` < `128k` < `1M`, as segments have no fixed size.

    Raises:
        UsageError: the name is not a length.
    """
    length = parse_length(name)
    return length.unit != "seg", length.count * _UNIT_TOKENS.get(length.unit, 1)
