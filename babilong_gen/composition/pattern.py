"""What a regular expression does at the single space between two sentences.

A pattern is read as the set of characters that can stand next to each other in a match. That is enough to
show that no match reaches from one sentence over the space into the next, and that none depends on what
stands behind the space: then the matches of a text are those of its sentences. Only a part of the syntax
is read (Oniguruma's, as the `tokenizers` library uses it); of the rest nothing is claimed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product

_QUANTIFIER = re.compile(r"[*+?]|\{(\d*)(,?)(\d*)\}")
_PROPERTY = re.compile(r"[pP]\{(\^?)(\w+)\}")
_GROUP = re.compile(r"\((?:\?(?:i|-i)?:|(?!\?))")
_LOOKAHEAD = re.compile(r"\(\?[=!]")

# General categories and scripts in which there is no white space.
_WITHOUT_SPACE = re.compile(
    r"[LMNPS][a-z]?|Letter|Mark|Number|Punctuation|Symbol|Alpha|Alnum|Digit|Punct|Upper|Lower"
    r"|Han|Hiragana|Katakana|Hangul|Latin|Cyrillic|Greek|Arabic|Hebrew|Thai|Devanagari"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtSpace:
    """How the matches of a pattern lie around a single space.

    Attributes:
        led: at every such space a match begins that holds nothing of the sentence before.
        avoided: no match holds a space at all.
    """

    led: bool
    avoided: bool


@dataclass(frozen=True, slots=True)
class _Atom:
    """One character of a match.

    Attributes:
        black: whether it may be anything but white space.
        space: whether it may be the space.
    """

    black: bool
    space: bool


@dataclass(slots=True, kw_only=True)
class _Part:
    """A part of a pattern.

    Attributes:
        first, last: the atoms that a match of it can begin and end in.
        empty: whether it may match nothing.
        skippable: whether it matches nothing wherever that is wanted.
        alone: whether it surely matches a single space.
    """

    first: set[_Atom] = field(default_factory=set)
    last: set[_Atom] = field(default_factory=set)
    empty: bool = False
    skippable: bool = False
    alone: bool = False


class _UnreadError(Exception):
    """Syntax that this reader does not know."""


def at_space(pattern: str) -> AtSpace | None:
    """Return what a pattern's matches do at a single space; None where that may depend on both sides."""
    reader = _Reader(pattern)
    try:
        whole = reader.alternatives()
        if reader.rest():
            return None
    except (_UnreadError, IndexError):
        return None
    if whole.empty or any(left.black and right.space for left, right in reader.adjacent):
        return None
    return AtSpace(led=whole.alone, avoided=not any(atom.space for atom in reader.atoms))


class _Reader:
    """A recursive descent over a pattern.

    Attributes:
        atoms: all that were read.
        adjacent: which may follow each other in a match, or be looked at behind each other.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.atoms: set[_Atom] = set()
        self.adjacent: set[tuple[_Atom, _Atom]] = set()

    def rest(self) -> str:
        return self.pattern[self.at :]

    def alternatives(self) -> _Part:
        parts = [self.sequence()]
        while self.rest().startswith("|"):
            self.at += 1
            parts.append(self.sequence())
        return _Part(
            first=set().union(*(part.first for part in parts)),
            last=set().union(*(part.last for part in parts)),
            empty=any(part.empty for part in parts),
            skippable=any(part.skippable for part in parts),
            alone=any(part.alone for part in parts),
        )

    def sequence(self) -> _Part:
        whole = _Part(empty=True, skippable=True)
        while self.rest() and self.rest()[0] not in "|)":
            if self.rest()[0] == "$":
                self.at += 1
                # Behind white space alone it cannot hold at a sentence's end.
                if whole.empty or any(atom.black for atom in whole.last):
                    raise _UnreadError
                whole.skippable = whole.alone = False
            elif _LOOKAHEAD.match(self.rest()):
                whole = self.followed(whole, self.lookahead())
            else:
                whole = self.followed(whole, self.quantified())
        return whole

    def followed(self, whole: _Part, part: _Part) -> _Part:
        self.adjacent |= set(product(whole.last, part.first))
        return _Part(
            first=whole.first | part.first if whole.empty else whole.first,
            last=whole.last | part.last if part.empty else part.last,
            empty=whole.empty and part.empty,
            skippable=whole.skippable and part.skippable,
            alone=(whole.alone and part.skippable) or (whole.skippable and part.alone),
        )

    def lookahead(self) -> _Part:
        self.at += len("(?=")
        seen = self.alternatives()
        self.closed()
        if seen.empty:
            raise _UnreadError
        return _Part(first=seen.first, empty=True)

    def quantified(self) -> _Part:
        part = self.single()
        while quantifier := _QUANTIFIER.match(self.rest()):
            least, most = _bounds(quantifier)
            if most > 1:
                self.adjacent |= set(product(part.last, part.first))
            part.empty |= least == 0
            part.skippable |= least == 0
            part.alone &= least <= 1 <= most
            self.at += quantifier.end()
            if self.rest()[:1] == "?":  # as few as possible
                self.at += 1
        return part

    def single(self) -> _Part:
        group = _GROUP.match(self.rest())
        if group:
            self.at += group.end()
            part = self.alternatives()
            self.closed()
            return part
        atom = self.atom()
        self.atoms.add(atom)
        return _Part(first={atom}, last={atom}, alone=atom.space)

    def closed(self) -> None:
        if self.rest()[:1] != ")":
            raise _UnreadError
        self.at += 1

    def atom(self) -> _Atom:
        character = self.pattern[self.at]
        if character == "[":
            return self.bracket()
        if character == "\\":
            return self.escape()
        self.at += 1
        if character == ".":
            return _Atom(True, True)
        if character in "^(*+?{":
            raise _UnreadError
        return _literal(character)

    def bracket(self) -> _Atom:
        self.at += 1
        negated = self.pattern[self.at] == "^"
        self.at += negated
        black = space = False
        start = self.at
        while self.pattern[self.at] != "]" or self.at == start:
            if self.pattern[self.at] in "[]" or self.rest().startswith("&&"):
                raise _UnreadError
            escaped = self.pattern[self.at] == "\\"
            atom = self.escape() if escaped else self.member()
            if escaped and self.rest()[:1] == "-" and self.rest()[1:2] != "]":
                raise _UnreadError
            black, space = black or atom.black, space or atom.space
        self.at += 1
        return _Atom(True, not space) if negated else _Atom(black, space)

    def member(self) -> _Atom:
        low = self.pattern[self.at]
        dash, high = self.pattern[self.at + 1], self.pattern[self.at + 2 : self.at + 3]
        if dash != "-" or high in ("]", ""):
            self.at += 1
            return _literal(low)
        if high in "[\\":
            raise _UnreadError
        self.at += 3
        return _Atom(True, low <= " " <= high)

    def escape(self) -> _Atom:
        self.at += 1
        named = _PROPERTY.match(self.rest())
        if named:
            self.at += named.end()
            if not _WITHOUT_SPACE.fullmatch(named[2]):
                raise _UnreadError
            return _Atom(True, (named[0][0] == "P") != bool(named[1]))
        character = self.pattern[self.at]
        self.at += 1
        if character == "s":
            return _Atom(False, True)
        if character in "Sdwh":
            return _Atom(True, False)
        if character in "DWH":
            return _Atom(True, True)
        if character in "nrtfv":
            return _Atom(False, False)
        if character.isalnum():
            raise _UnreadError
        return _literal(character)


def _literal(character: str) -> _Atom:
    return _Atom(not character.isspace(), character == " ")


def _bounds(quantifier: re.Match[str]) -> tuple[int, float]:
    if quantifier[0] in "*+?":
        return int(quantifier[0] == "+"), 1 if quantifier[0] == "?" else float("inf")
    if not quantifier[1] and not quantifier[3]:
        raise _UnreadError
    least = int(quantifier[1] or 0)
    if not quantifier[2]:
        return least, least
    return least, int(quantifier[3]) if quantifier[3] else float("inf")
