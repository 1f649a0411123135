"""How likely a language model finds each token of a text that it reads segment by segment.

Every token but the first is predicted by what is read before it. A token's prediction belongs to the segment
after whose tokens it is made: a segment's last token predicts the first of the next. So the same tokens are
predicted whether the memory goes from segment to segment or is emptied at each.

Legend: S tokens of a segment, X vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from babilong_eval.inference.chunked_encoder import ExactEncoder
from babilong_gen.errors import DoesNotFitError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from babilong_eval.models.next_tokens import NextTokenModel


@dataclass(frozen=True, slots=True)
class Losses:
    """Negative log-likelihoods in nats, summed over some tokens.

    Attributes:
        tokens: how many were predicted.
        carried: with the memory of all segments before.
        emptied: with a memory that is empty at the beginning of the segment.
    """

    tokens: int
    carried: float
    emptied: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLosses:
    """The losses of a text.

    Attributes:
        segments: by how many segments were read before, from 0.
        places: by how many tokens of the segment were read, in doublings: 0, 1, 2 to 3, 4 to 7, ...; 0 is the
            first token of a text that begins with a special one.
    """

    segments: list[Losses]
    places: list[Losses]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReader:
    """A model that reads texts.

    Attributes:
        most_segments: of a text, read so many segments at most; None reads all.
        opening: special tokens [tokens] that the model begins each text with, and each segment where its
            memory is emptied.
    """

    model: NextTokenModel
    most_segments: int | None
    encoder: ExactEncoder
    opening: Tensor

    def tokens(self, text: str) -> np.ndarray:
        """Return the tokens of a text that are read or predicted, without the opening: uint32.

        Raises:
            DoesNotFitError: there are more than the model has positions for.
        """
        ids, size = self.encoder.encode(text.encode()), self.model.segment_size
        if self.most_segments is not None:
            ids = ids[: self.most_segments * size + 1]
        limit = self.model.max_text_tokens
        if limit is not None and len(self.opening) + len(ids) > limit:
            fitting = max(1, (limit - len(self.opening) - 1) // size)
            raise DoesNotFitError(
                f"a text of {len(ids):,} tokens is longer than the {limit:,} that the model can read: read "
                f"the beginning of each, by --segments {fitting} or less"
            )
        return ids

    def read(self, ids: np.ndarray) -> TextLosses:
        """Return the losses of a text by its tokens.

        Raises:
            SourceError: a loss is not finite.
        """
        read = list(self._segments(torch.from_numpy(ids.astype("int64"))))
        places = [losses for segment in read for losses in _by_place(*segment)]
        bins = sorted({place for place, _ in places})
        return TextLosses(
            segments=[_summed([segment[:2]]) for segment in read],
            places=[
                _summed([losses for place, losses in places if place == wanted])
                for wanted in range(max(bins, default=-1) + 1)
            ],
        )

    @torch.inference_mode()
    def _segments(self, ids: Tensor) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Yield each segment's losses, carried and emptied, and after how many of its tokens the first is."""
        model, size, opening = self.model, self.model.segment_size, len(self.opening)
        state = empty = model.start(1)
        for begin in range(0, len(ids), size):
            part, after = ids[begin : begin + size], ids[begin + 1 : begin + size + 1]
            part = part[: len(after)]  # the text's last token is predicted and not read
            opened = torch.cat([self.opening, part])
            if begin == 0:
                # The last special token predicts the first token.
                first = 0 if opening else 1
                targets = torch.cat([part[:1], after]) if opening else after
                if not len(targets):
                    return
                losses, state = self._losses(opened, targets, empty)
                yield losses, losses, first
            elif len(after):
                carried, state = self._losses(part, after, state)
                emptied, _ = self._losses(opened, after, empty)
                yield carried, emptied, 1

    def _losses(self, tokens: Tensor, targets: Tensor, state: object) -> tuple[Tensor, object]:
        """Return the losses of the targets, which follow the last tokens, in float64, and the state."""
        logits, state = self.model.predict(tokens[None], state)
        wanted = logits[0, len(tokens) - len(targets) :].float()
        losses = functional.cross_entropy(wanted, targets.to(wanted.device), reduction="none").double().cpu()
        if not losses.isfinite().all():
            raise SourceError("the model's logits are not finite: it has no perplexity; check its weights")
        return losses, state


def text_reader(model: NextTokenModel, *, most_segments: int | None = None) -> TextReader:
    """Return a reader, with the special tokens that the model's tokenizer puts before a text."""
    encoder = ExactEncoder(model.tokenizer)
    before = encoder.special_tokens()[0] if model.adds_special_tokens else ()
    opening = torch.tensor([int(token) for token in before], dtype=torch.int64)
    return TextReader(model=model, most_segments=most_segments, encoder=encoder, opening=opening)


def place_bounds(number: int) -> tuple[int, int]:
    """Return the first and last place of the doubling with that number, from 0."""
    return (0, 0) if number == 0 else (1 << (number - 1), (1 << number) - 1)


def _by_place(carried: Tensor, emptied: Tensor, first: int) -> Iterator[tuple[int, tuple[Tensor, Tensor]]]:
    """Yield a segment's losses in doublings of the tokens read: the number of the doubling, the losses."""
    for number in range((first + len(carried) - 1).bit_length() + 1):
        low, high = (max(0, place - first) for place in place_bounds(number))
        inside = slice(low, high + 1 if place_bounds(number)[1] >= first else 0)
        if len(carried[inside]):
            yield number, (carried[inside], emptied[inside])


def _summed(parts: list[tuple[Tensor, Tensor]]) -> Losses:
    return Losses(
        sum(len(carried) for carried, _ in parts),
        sum(float(carried.sum()) for carried, _ in parts),
        sum(float(emptied.sum()) for _, emptied in parts),
    )
