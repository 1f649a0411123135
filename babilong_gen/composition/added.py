"""Added tokens: those that are found in a text before it is normalised and cut."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

METASPACE = "\u2581"

# What facts and questions are written in.
_PLAIN = re.compile(r"[A-Za-z0-9 .,;:?!'\"-]*")
_MARKUP = re.compile(r"[][<>{}|\uff5c]")


def added_tokens_stay_apart(
    definition: dict[str, Any], normalise: Callable[[str], str], *, mark: str, prepended: str
) -> bool:
    """Return whether no added token can stand across a border, or in a sentence that is used all the same.

    Sentences that hold one of `reserved_ids` are not used, so what such a token does to the text beside it
    (`lstrip`, `rstrip`) does not matter. Any other is allowed only where it cannot be met.

    Args:
        normalise: the tokenizer's own normalizer.
        mark: what it makes of the space between two sentences.
        prepended: what it puts in front of every text, and so of a token's.
    """
    for token in definition["added_tokens"]:
        # A normalized token is looked for in the normalised text, any other in the text as it came.
        form = (
            normalise(token["content"]).removeprefix(prepended) if token["normalized"] else token["content"]
        )
        space = mark if token["normalized"] else " "
        if not _is_met(form, space):
            continue
        if _PLAIN.fullmatch(form) or space in form or not (token["special"] or _is_markup(token)):
            return False
    return True


def reserved_ids(definition: dict[str, Any]) -> frozenset[int]:
    """Return the ids that no sentence should hold: special tokens and markup, but for the unknown token."""
    model = definition["model"]
    unknown = model.get("unk_token")
    if model.get("unk_id") is not None:
        unknown = model["vocab"][model["unk_id"]][0]
    return frozenset(
        token["id"]
        for token in definition["added_tokens"]
        if (token["special"] or _is_markup(token)) and token["content"] != unknown
    )


def _is_met(form: str, space: str) -> bool:
    """Return whether it can be met at a border or an edge, where two spaces or line ends never are."""
    if 2 * space in form or any(c.isspace() and c != " " for c in form):
        return False
    return not form or form == space or bool(form.strip(METASPACE))


def _is_markup(token: dict[str, Any]) -> bool:
    return len(token["content"]) > 1 and _MARKUP.search(token["content"]) is not None
