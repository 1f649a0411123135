"""The space between two sentences, followed through a tokenizer's stages.

Three things are shown, or nothing is. What stands on either side of the space is normalised as if the other
side were not there. Then the text is cut at the space, or no piece of the vocabulary reaches across what the
space has become; so the model sees each sentence's own pieces. And a sentence that is encoded alone, behind a
joiner, has the same in front of it as one that follows another.

All of it is said of sentences that neither begin nor end in a character that could melt into the space
(`babilong_gen.edges` looks for those) and that hold no token of `added`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from babilong_gen.composition.added import METASPACE, added_tokens_stay_apart
from babilong_gen.composition.pattern import AtSpace, at_space

Stage = dict[str, Any]

_BYTE_SPACE = "\u0120"

# Normalizers that look at one character and the marks upon it, and make no space of what is no edge's.
_LOCAL = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "Precompiled", "BertNormalizer"}
_LOCAL_BESIDE_METASPACE = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"}
_MODEL_FIELDS = {
    "BPE": {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"}
    | {"fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"},
    "WordPiece": {"unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"},
    "WordLevel": {"unk_token", "vocab"},
    "Unigram": {"unk_id", "byte_fallback", "vocab"},
}


class _UnprovedError(Exception):
    """A stage of which nothing can be said."""


@dataclass(slots=True)
class _Border:
    """The border between two sentences at some stage.

    Attributes:
        mark: what the space has become.
        alone: for each joiner, what then stands in front of a sentence that is encoded alone; joiners under
            which that differs from what stands in front of one that follows another drop out.
        pieces: whether the text may be in pieces by now, cut by what can be seen on one side of a border.
        cut: whether it is surely cut at the border.
    """

    mark: str
    alone: dict[str, str]
    pieces: bool = False
    cut: bool = False

    def replace(self, mark: str) -> None:
        """Make the space another character."""
        self.alone = {joiner: front.replace(self.mark, mark) for joiner, front in self.alone.items()}
        self.mark = mark

    def is_white(self) -> bool:
        """Return whether nothing but spaces stand at the border and in front."""
        return self.mark == " " and not any(front.strip() for front in self.alone.values())

    def put_in_front(self, mark: str) -> None:
        """Put the mark in front of a text, or of each piece, that does not begin with it."""
        if self.pieces:
            self.keep_like_mark()
        self.alone = {
            joiner: front if front[:1] == mark else mark + front for joiner, front in self.alone.items()
        }

    def keep_like_mark(self) -> None:
        self.alone = {joiner: front for joiner, front in self.alone.items() if front == self.mark}

    def cut_leading(self) -> None:
        """Cut in front of the mark, which stays."""
        self.keep_like_mark()
        self.cut = True

    def cut_away(self) -> None:
        """Cut at the mark, which is dropped."""
        self.alone = {joiner: front for joiner, front in self.alone.items() if not front.strip(self.mark)}
        self.cut = True


def proved_joiners(definition: dict[str, Any], normalise: Callable[[str], str]) -> frozenset[str]:
    """Return the joiners with which composition is certain; with others, or none, it may still hold.

    Args:
        definition: a `tokenizer.json` (the format of the `tokenizers` library), parsed.
        normalise: the tokenizer's own normalizer.
    """
    border = _Border(" ", {"": "", " ": " "})
    model = definition["model"]
    normalizers = _flat(definition["normalizer"], "normalizers")
    if not set(model) - {"type"} <= _MODEL_FIELDS.get(model["type"], set()):
        return frozenset()
    try:
        for stage in normalizers:
            _normalise(border, stage)
        mark = border.mark
        for stage in _flat(definition["pre_tokenizer"], "pretokenizers"):
            _pre_tokenize(border, stage)
    except _UnprovedError:
        return frozenset()
    if not border.cut:
        border.keep_like_mark()
        if not _no_piece_reaches_across(model, border.mark):
            return frozenset()
    prepended = "".join(stage["prepend"] for stage in normalizers if stage["type"] == "Prepend")
    if not added_tokens_stay_apart(definition, normalise, mark=mark, prepended=prepended):
        return frozenset()
    return frozenset(border.alone)


def _flat(stage: Stage | None, members: str) -> list[Stage]:
    if stage is None:
        return []
    if stage["type"] == "Sequence":
        return [part for member in stage[members] for part in _flat(member, members)]
    return [stage]


def _normalise(border: _Border, stage: Stage) -> None:
    match stage["type"]:
        case "Replace":
            _replace(border, stage)
        case "Prepend" if stage["prepend"] in (" ", METASPACE):
            border.alone = {joiner: stage["prepend"] + front for joiner, front in border.alone.items()}
        case "Strip":
            if stage["strip_left"]:
                border.alone = {joiner: front.lstrip() for joiner, front in border.alone.items()}
        case "ByteLevel" if border.mark == " " and not any(f.strip() for f in border.alone.values()):
            border.replace(_BYTE_SPACE)
        case kind if (
            kind in _LOCAL and border.mark == " " and not any(f.strip() for f in border.alone.values())
        ):
            pass
        case kind if kind in _LOCAL_BESIDE_METASPACE and border.mark in (" ", METASPACE):
            pass
        case _:
            raise _UnprovedError


def _replace(border: _Border, stage: Stage) -> None:
    ((kind, pattern),) = stage["pattern"].items()
    content = stage["content"]
    if pattern == " " == border.mark and content in (" ", METASPACE):
        border.replace(content)
    elif kind == "Regex" and (pattern, content) == (r"\s+", " ") and border.mark == " ":
        border.alone = {joiner: " " if front.isspace() else front for joiner, front in border.alone.items()}
    elif kind == "Regex" and pattern == " {2,}":
        border.alone = {joiner: re.sub(pattern, content, front) for joiner, front in border.alone.items()}
    elif (
        # Plain characters for plain characters, neither of which an edge could lose.
        (kind == "Regex" and re.search(r"[][\\^$.|?*+(){}]", pattern))
        or not pattern
        or any(c.isspace() or c in (METASPACE, border.mark) for c in pattern)
        or not re.fullmatch(r"[!-~]+", content)
    ):
        raise _UnprovedError


def _pre_tokenize(border: _Border, stage: Stage) -> None:
    kind = stage["type"]
    if border.cut:
        # Each piece for itself now; only what asks where in the text a piece stands could tell them apart.
        if kind == "Metaspace" and stage["prepend_scheme"] == "first":
            border.keep_like_mark()
    elif kind in ("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "CharDelimiterSplit"):
        if stage.get("delimiter", " ") == border.mark:
            border.cut_away()
        border.pieces = True
    elif kind in ("Digits", "Punctuation"):
        border.pieces = True
    elif kind == "ByteLevel" and border.mark == " ":
        _byte_level(border, stage)
    elif kind == "Metaspace" and border.mark in (" ", stage["replacement"]):
        _metaspace(border, stage)
    elif kind == "Split":
        _split(border, stage)
        border.pieces = True
    else:
        raise _UnprovedError


def _byte_level(border: _Border, stage: Stage) -> None:
    if stage["add_prefix_space"]:
        border.put_in_front(" ")
    if stage["use_regex"]:
        border.cut_leading()
    border.replace(_BYTE_SPACE)


def _metaspace(border: _Border, stage: Stage) -> None:
    border.replace(stage["replacement"])
    if stage["prepend_scheme"] != "never":
        border.put_in_front(stage["replacement"])
    if stage["split"]:
        border.cut_leading()


def _split(border: _Border, stage: Stage) -> None:
    ((kind, pattern),) = stage["pattern"].items()
    behaviour, invert = stage["behavior"], stage["invert"]
    kept = behaviour == "Isolated" or (behaviour == "Removed" and invert)
    if kind == "String" and pattern == border.mark and not invert:
        if behaviour == "Removed":
            border.cut_away()
        elif behaviour in ("Isolated", "MergedWithNext"):
            border.cut_leading()
        else:
            raise _UnprovedError
        return
    seen = _at_mark(kind, pattern, border.mark)
    if seen is None:
        raise _UnprovedError
    if seen.led and kept:
        border.cut_leading()
    elif seen.avoided and behaviour == "Removed" and invert:
        border.cut_away()
    elif kind == "Regex":
        border.keep_like_mark()


def _at_mark(kind: str, pattern: str, mark: str) -> AtSpace | None:
    if kind == "String":
        return AtSpace(led=False, avoided=True) if pattern and mark not in pattern else None
    return at_space(pattern) if mark == " " else None


def _no_piece_reaches_across(model: Stage, mark: str) -> bool:
    """Return whether the model's pieces of a text that is not cut are surely those of its sentences.

    A Unigram model is left out: it adds up scores from the start of the text, and where two ways to cut a
    word score the same, their rounding, and so the place in the text, decides.
    """
    if model["type"] != "BPE" or model["ignore_merges"]:
        return False
    if model["continuing_subword_prefix"] or model["end_of_word_suffix"]:
        return False
    return mark in model["vocab"] and not any(mark in piece.lstrip(mark) for piece in model["vocab"])
