"""Whether transformers rebuilds a tokenizer into another one than its `tokenizer.json`.

`AutoTokenizer` builds many tokenizers anew, from their vocabulary and the class that `tokenizer_config.json`
names. Where that class cuts text otherwise than `tokenizer.json` says, a model would read other lengths
than were stated. So `tokenizer.json` counts for both, and both say so where they differ.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from babilong_gen.shipped_tokenizers import tokenizer_path
from babilong_gen.tokenizer import BUILTIN, TRIAL_SENTENCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokenizers import Tokenizer

_PROBES = (
    *TRIAL_SENTENCES,
    "12345 6789",
    "two  spaces\tand a tab",
    "one line\n\nand another\n",
    " in front and behind ",
)


def differing_text(stated: Tokenizer, rebuilt: Tokenizer) -> str | None:
    """Return a text that two tokenizers cut into different tokens; None where none was found."""
    for text in _PROBES:
        try:
            same = _ids(stated, text) == _ids(rebuilt, text)
        except Exception:  # bare, from the Rust side, of stages that do not suit their vocabulary
            return text
        if not same:
            return text
    return None


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False).ids


def describe_rebuilding(name: str, text: str, built_by: str) -> str:
    """Return the line that says that a tokenizer was rebuilt into another one."""
    return (
        f"tokenizer {name}: transformers' {built_by} cuts {text!r} otherwise than its tokenizer.json; "
        "generate and evaluate both take the tokenizer.json"
    )


def notice_of_rebuilding(name: str, stated: Tokenizer) -> str | None:
    """Return the line to show before data is made with a tokenizer that transformers would change.

    Args:
        name: a folder, a `tokenizer.json`, a Hub name or that of a checkpoint that ships.
        stated: what its `tokenizer.json` says.

    Returns:
        None where transformers makes the same of it, cannot read it, or is not installed.
    """
    place = tokenizer_path(name)
    if place.is_file():
        place = place.parent
    if place.is_dir() and not any(
        (place / file).is_file() for file in ("tokenizer_config.json", "config.json")
    ):
        return None  # names no class to build from
    if name == BUILTIN or find_spec("transformers") is None:
        return None
    from transformers import AutoTokenizer

    with _silent("transformers"):
        try:
            found = AutoTokenizer.from_pretrained(
                str(place) if place.is_dir() else name, trust_remote_code=False
            )
            rebuilt = found.backend_tokenizer
            rebuilt.no_truncation()
            rebuilt.no_padding()
            text = differing_text(stated, rebuilt)
        except Exception:  # what a class makes of a file that it does not suit is any of the library's errors
            return None
    return None if text is None else describe_rebuilding(name, text, type(found).__name__)


@contextmanager
def _silent(library: str) -> Iterator[None]:
    log = logging.getLogger(library)
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
