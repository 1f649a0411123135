"""Puts right what a grammar need not care about: articles, capitals, and the typesetter's habits."""

from __future__ import annotations

import re

_SOUNDS_LIKE_A_CONSONANT = r"one\b|once\b|uni[^nm]|us[eu]|eu|ew"
_SOUNDS_LIKE_A_VOWEL = r"[aeiouAEIOU]|hour|honest|honou?r|heir\b|8|11\b|18\b"
_ARTICLE = re.compile(rf"\b([Aa]) (?=“?(?!{_SOUNDS_LIKE_A_CONSONANT})(?:{_SOUNDS_LIKE_A_VOWEL}))")
# Looked for behind the full stop, so that it is not looked for at every letter.
_NO_ABBREVIATION = r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.)(?<![ap]\.m\.)"
_SENTENCE_START = re.compile(rf"(?:^|\n|[.]{_NO_ABBREVIATION}”? “?|[?!] “?|: “|\^)“?[a-z]")
_SPACE_BEFORE_BREAK = re.compile(r" *\n\n *")
_TYPEWRITER = str.maketrans({"“": '"', "”": '"', "’": "'", "‘": "'", "—": "--"})


def polish(text: str) -> str:
    """Return drawn text as printed English: "an" before vowels, sentences that begin with a capital.

    A sentence begins after a full stop, after "?" and "!" where no quotation ends there (`“Why?” he
    asked`), at a paragraph's start, at a quotation's start after a colon, and after a "^".
    """
    text = _SPACE_BEFORE_BREAK.sub("\n\n", text).strip()
    text = _ARTICLE.sub(r"\1n ", text)
    return _SENTENCE_START.sub(lambda match: match[0].upper(), text).replace("^", "")


def typewritten(text: str) -> str:
    """Return the same text with the quotation marks, apostrophes and dashes of a typewriter."""
    return text.translate(_TYPEWRITER)
