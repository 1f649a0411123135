"""Whether a tokenizer composes at sentence borders, read off its definition.

`encode(a + " " + b) == encode(a) + continued(b)` holds for every pair of sentences where text is always cut
at a space before it is split into pieces, or where no piece of the vocabulary reaches across a space; and
where what happens before that looks at single characters only.
"""

from __future__ import annotations

import re
from typing import Any

# Patterns of byte-level BPE tokenizers that cut before every single space that stands between two other
# characters: a space can only be the first character of a match.
_SPACE_LED_PATTERNS = frozenset(
    {
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    }
)
_LOCAL_NORMALIZERS = frozenset(
    {
        "BertNormalizer",
        "NFC",
        "NFD",
        "NFKC",
        "NFKD",
        "Nmt",
        "Lowercase",
        "StripAccents",
        "Precompiled",
        "Prepend",
        "Strip",
    }
)
_SPACE_MARKS = ("\u2581", "\u0120", " ")


def composition_follows(definition: dict[str, Any]) -> bool:
    """Whether composition is certain. Where it is not, it may still hold.

    Args:
        definition: a `tokenizer.json` (the format of the `tokenizers` library), parsed.
    """
    normalizers = _flat(definition["normalizer"], "normalizers")
    pre_tokenizers = _flat(definition["pre_tokenizer"], "pretokenizers")
    if not all(map(_is_local_normalizer, normalizers)):
        return False
    if any(
        " " in token["content"].strip() or token["lstrip"] or token["rstrip"]
        for token in _added(definition)
        if not token["special"]
    ):
        return False
    kinds = [_cut(p) for p in pre_tokenizers]
    if "unknown" in kinds:
        return False
    sees_spaces = not any(map(_replaces_spaces, normalizers))
    return (sees_spaces and "at spaces" in kinds) or _no_piece_spans_a_space(definition["model"])


def _flat(stage: dict[str, Any] | None, members: str) -> list[dict[str, Any]]:
    if stage is None:
        return []
    if stage["type"] == "Sequence":
        return [part for member in stage[members] for part in _flat(member, members)]
    return [stage]


def _added(definition: dict[str, Any]) -> list[dict[str, Any]]:
    return definition.get("added_tokens") or []


def _is_local_normalizer(stage: dict[str, Any]) -> bool:
    if stage["type"] == "Replace":
        (pattern,) = stage["pattern"].values()
        return pattern in {" ", " {2,}"} or not re.search(r"[\s.\[\\(]", pattern)
    return stage["type"] in _LOCAL_NORMALIZERS


def _replaces_spaces(stage: dict[str, Any]) -> bool:
    return stage["type"] == "Replace" and " " in stage["pattern"].values()


def _cut(stage: dict[str, Any]) -> str:
    """Where a pre-tokenizer cuts: `at spaces` (always), `elsewhere` (by the characters alone), `unknown`."""
    match stage["type"]:
        case "BertPreTokenizer" | "Whitespace" | "WhitespaceSplit":
            return "at spaces"
        case "ByteLevel":
            return "at spaces" if stage.get("use_regex", True) else "elsewhere"
        case "Metaspace":
            return "at spaces" if stage.get("split", True) else "elsewhere"
        case "Split":
            pattern = stage["pattern"].get("Regex")
            if pattern is None:
                return "elsewhere"
            led = pattern in _SPACE_LED_PATTERNS and stage["behavior"] == "Isolated" and not stage["invert"]
            return "at spaces" if led else "unknown"
        case "CharDelimiterSplit":
            return "at spaces" if stage["delimiter"] == " " else "elsewhere"
        case "Digits" | "Punctuation":
            return "elsewhere"
    return "unknown"


def _no_piece_spans_a_space(model: dict[str, Any]) -> bool:
    vocabulary = model["vocab"]
    pieces = [p[0] for p in vocabulary] if isinstance(vocabulary, list) else list(vocabulary)
    marks = [mark for mark in _SPACE_MARKS if mark in pieces]
    if model["type"] not in {"BPE", "Unigram"} or not marks:
        return False
    return not any(mark in piece.lstrip(mark) for piece in pieces for mark in _SPACE_MARKS)
