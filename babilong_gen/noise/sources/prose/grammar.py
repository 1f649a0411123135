"""The notation of `rules/*.txt`, and its compilation into functions that draw text.

    # a comment
    @name                       a rule: each following line is one of its alternatives; an indented
                                line continues the one above it, and " | " also parts alternatives
    @name once                  drawn once a document, the same ever after; "@name scene": once a scene
    @name once: one / two       a table with these columns: its *row* is drawn once, and each use of a
                                column draws that column's text anew; the cells are separated by " / "

    {name}  {name.column}       draws from a rule; a table's name alone means its first column
    {name B}                    the same, told of person B: within it, X is B and Y is the other
    [one|two|]                  one of these, evenly; an empty one leaves it out (no spaces about the bars)
    {A} {A:him} {A:his}         name or pronoun, as the context allows
    {A.he} {A.himself} ...      the pronoun, always; {A.name}, {A.full}: the name, always; {A.call}: the
                                name in the mouth of people who know who that is
    ¶                           a new paragraph

A is who the document is about, D the other party of its plot, B who shares the scene, C another friend,
S someone who is only talked of; X and Y are any of them, in rules that are told of anybody. Articles and
capitals are set right afterwards (`polish`), so the rules say "a {fruit}" and begin a sentence with
whatever comes first.

Alternatives of a rule are drawn like cards from a pack: none comes twice before all have come once.
That keeps a document from repeating itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from babilong_gen.noise.sources.prose.telling import Telling

Draw = Callable[[Telling], str]

_HEADER = re.compile(r"@([\w.]+)(?: (once|scene))?(?:: (.+))?$")
_PERSON = re.compile(r"([ABCDSXY])(?:([.:])(\w+))?$")
_TOKEN = re.compile(r"[\[\]|¶]|\{[^{}]*\}|[^\[\]|¶{}]+")
_OTHER = {"A": "B", "B": "A", "C": "A", "D": "A", "S": "A", "X": "Y", "Y": "X"}


@dataclass(slots=True, kw_only=True)
class _Rule:
    """One rule as it stands in the file."""

    name: str
    scope: str | None
    columns: tuple[str, ...]
    alternatives: list[str] = field(default_factory=list)


class Grammar:
    """A set of rules; each is compiled when it is first asked for."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules: dict[str, _Rule] = {}
        for rule in _parse(lines):
            if self._rules.setdefault(rule.name, rule) is not rule:
                raise ValueError(f"rule {rule.name!r} stands there twice")
        self._compiled: dict[str, Draw | None] = {}
        self.packs = 0

    @property
    def names(self) -> tuple[str, ...]:
        """All rules and tables, in the order of the files."""
        return tuple(self._rules)

    @property
    def unused(self) -> frozenset[str]:
        """Rules that none of those compiled so far leads to."""
        reached = {name if name in self._rules else name.rpartition(".")[0] for name in self._compiled}
        return frozenset(self._rules.keys() - reached)

    def rule(self, name: str) -> Draw:
        """Return the function that draws text from the rule or table column `name`.

        Raises:
            ValueError: the rule, or one that it leads to, is missing, circular or malformed.
        """
        if name not in self._compiled:
            self._compiled[name] = None
            self._compiled[name] = self._compile(name)
        draw = self._compiled[name]
        if draw is None:
            raise ValueError(f"rule {name!r} leads back to itself")
        return draw

    def _compile(self, name: str) -> Draw:
        rule = self._rules.get(name)
        if rule is None:
            table, _, column = name.rpartition(".")
            return self._column(table, column)
        if rule.columns:
            return self._column(name, rule.columns[0])
        draw = self._pack([self._template(text) for text in rule.alternatives])
        return draw if rule.scope is None else _remembered(name, rule.scope, draw)

    def _pack(self, cards: list[Draw]) -> Draw:
        """Draw cards without putting them back until the pack is used up."""
        number, self.packs = self.packs, self.packs + 1

        def draw(telling: Telling) -> str:
            hand = telling.hands[number]
            if not hand:
                hand = telling.hands[number] = cards.copy()
            index = int(telling.random() * len(hand))
            card = hand[index]
            hand[index] = hand[-1]
            hand.pop()
            return card(telling)

        return draw

    def _column(self, table: str, column: str) -> Draw:
        rule = self._rules.get(table)
        if rule is None or column not in rule.columns or rule.scope is None:
            raise ValueError(f"there is no rule {table}.{column}")
        number = rule.columns.index(column)
        cells = [self._template(row.split(" / ")[number]) for row in rule.alternatives]
        scope, key = rule.scope, f"row of {table}"

        def draw(telling: Telling) -> str:
            memory = telling.memory[scope]
            row = memory.get(key)
            if row is None:
                row = memory[key] = int(telling.random() * len(cells))
            return cells[row](telling)

        return draw

    def _template(self, text: str) -> Draw:
        branches = self._branches(iter(_TOKEN.findall(text)))
        if len(branches) != 1:
            raise ValueError(f"a stray bar in {text!r}")
        return branches[0]

    def _branches(self, tokens: Iterator[str]) -> list[Draw]:
        """Return the alternatives up to the bracket that closes them, or to the end of the text."""
        branches: list[list[str | Draw]] = [[]]
        for token in tokens:
            if token == "[":
                branches[-1].append(_one_of(self._branches(tokens)))
            elif token == "|":
                branches.append([])
            elif token == "]":
                break
            else:
                branches[-1].append(self._part(token))
        return [_sequence(parts) for parts in branches]

    def _part(self, token: str) -> str | Draw:
        if token == "¶":
            return _new_paragraph
        if token[0] != "{":
            return token
        content = token[1:-1]
        if person := _PERSON.match(content):
            return _person(*person.groups())
        name, _, letter = content.partition(" ")
        draw = self.rule(name)
        return _told_of(letter, draw) if letter else draw


def _parse(lines: Iterable[str]) -> Iterator[_Rule]:
    rule = None
    for line in lines:
        text = line.rstrip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("@"):
            if rule is not None:
                yield rule
            rule = _header(text)
        elif rule is None:
            raise ValueError(f"text before the first rule: {text!r}")
        elif text[0].isspace():
            rule.alternatives[-1] += f" {text.strip()}"
        else:
            rule.alternatives += text.split(" | ")
    if rule is not None:
        yield rule


def _header(text: str) -> _Rule:
    match = _HEADER.match(text)
    if match is None:
        raise ValueError(f"not the header of a rule: {text!r}")
    name, scope, columns = match.groups()
    return _Rule(name=name, scope=scope, columns=tuple(columns.split(" / ")) if columns else ())


def _sequence(parts: list[str | Draw]) -> Draw:
    """Join text and draws; a text alone and a draw alone are common enough to be made quick."""
    draws = tuple(part for part in parts if not isinstance(part, str))
    if not draws:
        text = "".join(part for part in parts if isinstance(part, str))
        return lambda _: text
    if len(parts) == 1:
        return draws[0]
    pattern = "".join(part.replace("%", "%%") if isinstance(part, str) else "%s" for part in parts)
    return lambda telling: pattern % tuple([draw(telling) for draw in draws])


def _one_of(branches: list[Draw]) -> Draw:
    count = len(branches)
    return lambda telling: branches[int(telling.random() * count)](telling)


def _remembered(name: str, scope: str, draw: Draw) -> Draw:
    def recall(telling: Telling) -> str:
        memory = telling.memory[scope]
        text = memory.get(name)
        if text is None:
            text = memory[name] = draw(telling)
        return text

    return recall


def _person(letter: str, mark: str | None, form: str | None) -> Draw:
    if mark == "." and form in ("name", "call", "full"):
        return lambda telling: telling.name(letter, form)
    if mark == "." and form is not None:
        return lambda telling: telling.people[letter].words[form]
    return lambda telling: telling.mention(letter, form or "he")


def _told_of(letter: str, draw: Draw) -> Draw:
    """Return `draw`, with `letter` as the X of its rules."""
    other = _OTHER[letter]

    def told(telling: Telling) -> str:
        people = telling.people
        before = people["X"], people["Y"]
        people["X"], people["Y"] = people[letter], people[other]
        text = draw(telling)
        people["X"], people["Y"] = before
        return text

    return told


def _new_paragraph(telling: Telling) -> str:
    telling.new_paragraph()
    return "\n\n"
