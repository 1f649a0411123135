"""A count that shares no code with the project: a finished text against the numbers that its row gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from tokenizers import Tokenizer


class Counted(Protocol):
    """What is said of a text: how many tokens it has, which, and where its facts stand among them."""

    @property
    def n_tokens(self) -> int: ...
    @property
    def input_ids(self) -> Any: ...
    @property
    def facts(self) -> Sequence[Any]: ...


def encoded(tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of a text, however the tokenizer's file would cut or pad it."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer.encode(text, add_special_tokens=False).ids


def faults(tokenizer: Tokenizer, text: str, said: Counted, asked: int | None = None) -> list[str]:
    """All that is wrong with what is said of a text.

    Args:
        asked: how many tokens the text was asked to have; None where it has no noise.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    encoding = tokenizer.encode(text, add_special_tokens=False)
    wrong: list[str] = []
    if len(encoding.ids) != said.n_tokens:
        wrong.append(f"{len(encoding.ids)} tokens, n_tokens says {said.n_tokens}")
    if asked is not None and len(encoding.ids) != asked:
        wrong.append(f"{len(encoding.ids)} tokens, {asked} were asked for")
    if encoding.ids != [int(token) for token in said.input_ids]:
        wrong.append("input_ids are not the text's tokens")
    for fact in said.facts:
        held = [n for n, (a, b) in enumerate(encoding.offsets) if a < fact.char_end and b > fact.char_start]
        if not held:
            wrong.append(f"{fact.text!r} has no token")
            continue
        span = (held[0], held[-1] + 1)
        if span != (fact.token_start, fact.token_end):
            wrong.append(f"{fact.text!r} is at tokens {span}, not {fact.token_start} to {fact.token_end}")
    return wrong
