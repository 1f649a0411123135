"""Splicing: facts and noise into one text, with the offsets of every part.

Nothing is tokenized and no text is built piece by piece: a stretch of consecutive noise sentences is one
slice of the corpus's bytes, whatever its length.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from babilong_gen.assemble.context import AssemblyContext
from babilong_gen.assemble.fill import Noise
from babilong_gen.assemble.sample import NoiseSpan, PlacedFact
from babilong_gen.tasks.story import Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Noise sentences that follow each other in the corpus, and in the sample without a fact between.

    Attributes:
        border: how many noise sentences of the sample stand before it.
        first, last: sentences of the corpus, half-open.
        byte_start, byte_end: in the corpus's text.
        chars, tokens: how many; single spaces between its sentences included.
    """

    border: int
    first: int
    last: int
    byte_start: int
    byte_end: int
    chars: int
    tokens: int


@dataclass(slots=True)
class Spliced:
    """The text so far; `ids` has the tokens of each piece."""

    pieces: list[memoryview | bytes] = field(default_factory=list)
    ids: list[np.ndarray | list[int]] = field(default_factory=list)
    facts: list[PlacedFact] = field(default_factory=list)
    chars: int = 0
    tokens: int = 0

    def text(self) -> bytes:
        """Join all pieces by single spaces."""
        return b" ".join(self.pieces)

    def input_ids(self) -> np.ndarray:
        """Return the tokens of all pieces, uint32 [tokens], where they were kept."""
        return np.concatenate([np.asarray(ids, np.uint32) for ids in self.ids])


def splice(
    story: Story, borders: list[int], noise: Noise | None, context: AssemblyContext
) -> tuple[Spliced, list[Stretch]]:
    """Put each fact in front of its noise border.

    Args:
        borders: for each fact, how many noise sentences stand before it; never falling.
    """
    stretches = _stretches(noise, borders) if noise and noise.sentences else []
    spliced = Spliced()
    fact = 0
    for stretch in stretches:
        while fact < len(borders) and borders[fact] <= stretch.border:
            _add_fact(spliced, story, fact, context)
            fact += 1
        _add_noise(spliced, stretch, context)
    for rest in range(fact, len(borders)):
        _add_fact(spliced, story, rest, context)
    return spliced, stretches


def noise_spans(stretches: list[Stretch], context: AssemblyContext) -> list[NoiseSpan]:
    """Say where the noise came from: stretches cut at document ends, joined across a fact."""
    if not stretches:
        return []
    ends = context.pool.corpus.document_end
    firsts = context.document_of(np.array([stretch.first for stretch in stretches])).tolist()
    spans: list[list[int]] = []
    for stretch, document in zip(stretches, firsts, strict=True):
        first = stretch.first
        while first < stretch.last:
            last = min(stretch.last, int(ends[document]))
            if spans and spans[-1][0] == document and spans[-1][2] == first:
                spans[-1][2] = last
            else:
                spans.append([document, first, last])
            first = last
            document += 1
    return [_within_document(document, first, last, context) for document, first, last in spans]


def _within_document(document: int, first: int, last: int, context: AssemblyContext) -> NoiseSpan:
    start = int(context.pool.corpus.document_end[document - 1]) if document else 0
    name = context.document_name(document)
    return NoiseSpan(document=name, sentence_start=first - start, sentence_end=last - start)


def _add_fact(spliced: Spliced, story: Story, index: int, context: AssemblyContext) -> None:
    text = story.facts[index]
    if spliced.pieces:
        known = context.fact_tokens(text)
        ids, space = known.ids, known.space
        spliced.chars += 1
    else:
        ids, space = context.tokenizer.opening(text), 0
    spliced.facts.append(
        PlacedFact(
            text=text,
            char_start=spliced.chars,
            char_end=spliced.chars + len(text),
            token_start=spliced.tokens + space,
            token_end=spliced.tokens + len(ids),
            supporting=index in story.supporting,
        )
    )
    spliced.pieces.append(text.encode())
    spliced.ids.append(ids)
    spliced.chars += len(text)
    spliced.tokens += len(ids)


def _add_noise(spliced: Spliced, stretch: Stretch, context: AssemblyContext) -> None:
    corpus = context.pool.corpus
    byte_start = stretch.byte_start
    token_end = int(corpus.token_end[stretch.last - 1])
    token_start = token_end - stretch.tokens
    opens = not spliced.pieces
    spliced.chars += stretch.chars + (0 if opens else 1)
    if opens and context.tokenizer.joiner:
        # The sentence that opens the input has no space before it, so other tokens than the corpus holds.
        opening = context.tokenizer.opening(corpus.sentence(stretch.first))
        byte_end, token_start = int(corpus.byte_end[stretch.first]), int(corpus.token_end[stretch.first])
        spliced.pieces.append(corpus.text.data[byte_start:byte_end])
        spliced.ids.append(opening)
        spliced.tokens += len(opening)
        byte_start = byte_end + 1
        if stretch.first + 1 == stretch.last:
            return
    spliced.pieces.append(corpus.text.data[byte_start : stretch.byte_end])
    spliced.ids.append(corpus.tokens[token_start:token_end])
    spliced.tokens += token_end - token_start


def _stretches(noise: Noise, borders: list[int]) -> list[Stretch]:
    """Cut the noise where facts go in and where its sentences do not follow each other in the corpus."""
    corpus = noise.pool.corpus
    runs = [noise.pool.kept[first:last] for first, last in noise.runs]
    sentences = runs[0] if len(runs) == 1 else np.concatenate(runs)
    jumps = np.flatnonzero(sentences[1:] - sentences[:-1] != 1) + 1
    starts = np.array(sorted({0, *jumps.tolist(), *(b for b in borders if b < len(sentences))}))
    first = sentences[starts]
    last = sentences[np.append(starts[1:], len(sentences)) - 1] + 1
    before = np.maximum(first - 1, 0)
    opens = first == 0
    byte_start = np.where(opens, 0, corpus.byte_end[before] + 1)
    chars = corpus.char_end[last - 1] - np.where(opens, 0, corpus.char_end[before] + 1)
    tokens = corpus.token_end[last - 1] - np.where(opens, 0, corpus.token_end[before])
    columns = (starts, first, last, byte_start, corpus.byte_end[last - 1], chars, tokens)
    return [
        Stretch(border=b, first=f, last=t, byte_start=bs, byte_end=be, chars=c, tokens=n)
        for b, f, t, bs, be, c, n in zip(*(column.tolist() for column in columns), strict=True)
    ]
