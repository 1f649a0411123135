"""The rows of a batch where the objective is `lm`: stretches of documents, or pairs.

A row is a text of its own, read from its first token with a new memory. All rows of a batch have the same
number of segments; shorter ones are filled up at their end, where nothing is learnt.

Legend: B rows of a batch, N segments, S tokens of a segment.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from babilong_eval.models.decoding import continuation_ids
from babilong_eval.training.pairs import SplitPairs
from babilong_eval.training.samples import noise_tokens
from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer
    from torch import Tensor

    from babilong_eval.training.recipe_stages import Stage
    from babilong_gen.noise.corpus.pool import NoisePool

NOT_LEARNT = -100
"""In place of a target where there is none; what torch's cross-entropy leaves out."""

_DOCUMENTS_TRIED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRow:
    """A text to be learnt.

    Attributes:
        tokens: uint32, 2 at least.
        given: of its first tokens, those that are not learnt: 1 of a text, all of a pair's prompt.
    """

    tokens: np.ndarray
    given: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBatch:
    """What a language model is unrolled over.

    Attributes:
        segments: int64 [N, B, S].
        targets: int64 [N, B, S], the token after each; NOT_LEARNT where there is none to be learnt.
        tokens: how many tokens of the rows there are, without what fills them up.
    """

    segments: Tensor
    targets: Tensor
    tokens: int


class TextSource(Protocol):
    """Where rows come from."""

    def row(self, rng: Rng, most: int) -> TextRow:
        """Return a row of at most so many tokens."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Stretches of documents, in which each token is about as likely to be.

    Attributes:
        pools: the training part of each noise source; all sources are used equally.
    """

    pools: Sequence[NoisePool]

    def row(self, rng: Rng, most: int) -> TextRow:
        """Return a whole document; or, of a longer one, a stretch that begins with a sentence.

        Raises:
            UsageError: no document has two tokens.
        """
        for _ in range(_DOCUMENTS_TRIED):
            tokens = _stretch(rng, rng.choice(self.pools), most)
            if len(tokens) > 1:
                return TextRow(tokens=tokens, given=1)
        raise UsageError("data.noise: its documents have less than two tokens: there is nothing to predict")


def _stretch(rng: Rng, pool: NoisePool, most: int) -> np.ndarray:
    before, kept, ends = pool.tokens_before, pool.kept, pool.corpus.document_end
    sentence = int(before.searchsorted(rng.randrange(pool.tokens), "right")) - 1
    document = int(ends.searchsorted(kept[sentence], "right"))
    first = int(kept.searchsorted(ends[document - 1])) if document else 0
    end = int(before[kept.searchsorted(ends[document])])
    # So late a sentence at most that the stretch does not reach beyond the document.
    latest = int(before.searchsorted(max(end - most, before[first]), "right")) - 1
    start = min(sentence, latest)
    return noise_tokens(pool, start, min(most, end - int(before[start])))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRows:
    """Pairs, as they are: none is ever cut.

    Attributes:
        rows: from the shortest to the longest.
    """

    rows: Sequence[TextRow]

    def row(self, rng: Rng, most: int) -> TextRow:
        """Return one of the pairs that are short enough."""
        return rng.choice(self.rows[: self.count(most)])

    def count(self, most: int) -> int:
        """Return how many pairs have at most so many tokens."""
        return bisect_right(self.rows, most, key=lambda row: len(row.tokens))


def pair_rows(pairs: SplitPairs, tokenizer: Tokenizer, answer_prefix: str) -> PairRows:
    """Tokenize pairs, each target as what follows its prompt and the prefix of an answer."""
    rows = []
    for pair in pairs.training:
        prompt = tokenizer.encode(pair.prompt, add_special_tokens=False).ids
        target = continuation_ids(tokenizer, answer_prefix + pair.target)
        tokens = np.asarray([*prompt, *target], np.uint32)
        if len(tokens) > 1:
            rows.append(TextRow(tokens=tokens, given=max(1, len(prompt))))
    return PairRows(rows=sorted(rows, key=lambda row: len(row.tokens)))


class TextSampler:
    """Samples the rows of each step, as a function of the step.

    Args:
        source: where rows come from.
        seed: of the recipe.
        process: number among those that train together.
    """

    def __init__(self, source: TextSource, *, seed: int, process: int = 0) -> None:
        self.source = source
        self.key = ("lm", seed, process)

    def batch(self, stage: Stage, segment_size: int, step: int) -> TextBatch:
        """Return the rows of a step, as a batch."""
        rng = Rng(*self.key, step)
        # The last token is predicted, and not read.
        most = rng.randint(*stage.segments) * segment_size + 1
        return as_batch([self.source.row(rng, most) for _ in range(stage.batch)], segment_size)


def as_batch(rows: Sequence[TextRow], segment_size: int) -> TextBatch:
    """Return rows side by side, in as many segments as the longest needs."""
    longest = max(len(row.tokens) for row in rows) - 1
    n_segments = -(-longest // segment_size)
    tokens = np.zeros((len(rows), n_segments * segment_size), np.int64)
    targets = np.full_like(tokens, NOT_LEARNT)
    for number, row in enumerate(rows):
        end = len(row.tokens) - 1
        tokens[number, :end] = row.tokens[:-1]
        targets[number, row.given - 1 : end] = row.tokens[row.given :]
    segments, after = (
        torch.from_numpy(each).view(len(rows), n_segments, segment_size).transpose(0, 1)
        for each in (tokens, targets)
    )
    return TextBatch(segments=segments, targets=after, tokens=sum(len(row.tokens) - 1 for row in rows))


def check_pairs_fit(pairs: PairRows, stages: Sequence[tuple[Stage, int]]) -> list[str]:
    """Return a line for each stage that leaves out pairs longer than its segments.

    Args:
        stages: with their segment sizes.

    Raises:
        UsageError: none of the pairs fits the fewest segments of a stage.
    """
    lines = []
    for stage, segment_size in stages:
        fewest, most = (count * segment_size + 1 for count in stage.segments)
        if not pairs.count(fewest):
            shortest = len(pairs.rows[0].tokens) if pairs.rows else 0
            raise UsageError(
                f"stage {stage.name}: no pair fits {stage.segments[0]} segments of {segment_size} tokens, "
                f"the shortest has {shortest}: give the stage more segments, or longer ones"
            )
        if too_long := len(pairs.rows) - pairs.count(most):
            lines.append(f"stage {stage.name}: {too_long:,} pairs are longer than its segments: left out")
    return lines
