"""Text that tokenizers, normalizers and sentence borders make trouble over."""

from __future__ import annotations

_EDGES = [
    *"\u201d\u2019\u2026\u2122\u00bd\u212b\u00e9\uff01\u3002\u0964\u0965\u061f\u2581\u0120\ufffd\u00a8\u00b4\u00df",
    *"\u4e00\u3042\ud55c\u0e01\u05d0\u0627\u0939\U0001f600\U0001f3fd\uff9e\u0d4e\u2160\ufdfa\u02bb\u00ad\u200b",
    "\u2764\ufe0f",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1fa\U0001f1f8",
    "1\ufe0f\u20e3",
    "e\u0301",
    "a\u200d",
    "\u0e01\u0e34",
    "\u1100\u1161",
    "##",
    "</w>",
    "<0x41>",
    "<s>",
    "[SEP]",
    "<|endoftext|>",
    "<think>",
    "``",
    "''",
    "...",
    "\u2014",
    "1.",
    "'s",
    "$",
]
_FORMS = [
    "The old house by the river {e}.",
    "She looked up and said {e}",
    "{e} was all that the sign showed.",
    "\u201cNever,\u201d he said{e} Then it was night.",
    "{e}{e} Nobody answered.",
    "A word{e}within, and {e} apart.",
    "It ended in {e} . Then came {e} !",
]
_WHOLE = [
    "\u4ed6\u8bf4\uff1a\u201c\u4f60\u597d\u3002\u201d \u7136\u540e\u5c31\u8d70\u4e86\u3002 Then he left.",
    "\u0642\u0627\u0644: \u00ab\u0645\u0631\u062d\u0628\u0627\u00bb \u062b\u0645 \u0630\u0647\u0628\u061f",
    "\u05e9\u05dc\u05d5\u05dd. \u05de\u05d4 \u05e9\u05dc\u05d5\u05de\u05da?",
    "No\u00a0break\u202fspaces\u2003here. Here\u3000too.",
    "A word of " + "x" * 3_000 + ". Another of " + "\u4e00" * 300 + "\u3002 Then rest.",
    "Z\u0351\u036b\u0343a\u0344lgo\u0321 text. \u0301Combining first. Ends in e\u0301 New.",
    "x = {'a': [1, 2]}  # code; y->z. 1,234,567.89 and 0001. U.S.A. is big.",
    "!?!?!? ... . . . \u2026\u2026 -- \u2014\u2014 '' \"\" `` The end!",
]


def hostile_text() -> str:
    """Some four hundred sentences."""
    return " ".join([form.format(e=edge) for edge in _EDGES for form in _FORMS] + _WHOLE)
