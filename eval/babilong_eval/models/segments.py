"""Cuts token streams into segments and lines the segments of several rows up into batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from babilong_eval.models.protocol import Segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike

    from babilong_eval.models.protocol import Alignment, SegmentModel


def cuts_of(model: SegmentModel, n_tokens: int) -> list[slice]:
    """Return where a model has a stream of `n_tokens` cut."""
    return cut(n_tokens, model.segment_size, model.alignment, overlap_of(model))


def overlap_of(model: SegmentModel) -> int:
    """Return how many tokens of the segment before a model reads again; it need not say."""
    return getattr(model, "segment_overlap", 0)


def cut(n_tokens: int, segment_size: int, alignment: Alignment, overlap: int = 0) -> list[slice]:
    """Return where a stream of `n_tokens` is cut, as in arXiv 2304.11062.

    right   the last segment is full, the first takes what is left over
    left    the first is full, the last takes what is left over
    center  as few segments as possible, all of one size (the last may be shorter)

    With an overlap, a segment is read with so many tokens before it as well: what is cut where it begins, and
    is no longer than that, stands whole there.
    """
    if n_tokens == 0:
        return []
    size = segment_size
    if alignment == "center":
        size = -(-n_tokens // -(-n_tokens // segment_size))
    first = n_tokens % size if alignment == "right" else 0
    starts = [*([0] if first else []), *range(first, n_tokens, size)]
    return [
        slice(max(0, start - overlap), end)
        for start, end in zip(starts, [*starts[1:], n_tokens], strict=True)
    ]


def segment_batches(
    rows: Sequence[ArrayLike], segment_size: int, alignment: Alignment, overlap: int = 0
) -> Iterator[Segment]:
    """Yield the segments of a batch one after another; the last of every row comes last, with its question.

    `rows` are streams of token ids, of any lengths. A row with fewer segments than the longest begins later:
    until then it is all padding.
    """
    streams = [np.asarray(row) for row in rows]
    cuts = [cut(len(stream), segment_size, alignment, overlap) for stream in streams]
    n_segments = max(map(len, cuts), default=0)
    for position in range(-n_segments, 0):
        yield _stack(
            [
                stream[places[position]] if -position <= len(places) else stream[:0]
                for stream, places in zip(streams, cuts, strict=True)
            ]
        )


def _stack(pieces: list[np.ndarray]) -> Segment:
    """Pad the pieces on the left to the longest of them; padding is token 0, which every vocabulary has."""
    longest = max(map(len, pieces))
    tokens = np.zeros((len(pieces), longest), dtype=np.int64)
    mask = np.zeros((len(pieces), longest), dtype=bool)
    for row, piece in enumerate(pieces):
        tokens[row, longest - len(piece) :] = piece
        mask[row, longest - len(piece) :] = True
    return Segment(torch.from_numpy(tokens), None if mask.all() else torch.from_numpy(mask))


def rows_of_one_length(
    tokens: torch.Tensor, mask: torch.Tensor | None
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Split a batch of segments [B, S] into parts without padding: (rows, their tokens [len(rows), length]).

    Running such parts on their own makes padding harmless for every architecture, whatever it makes of masks.
    Rows that are padded altogether are left out. A batch without a mask comes back as it is.
    """
    if mask is None:
        yield list(range(len(tokens))), tokens
        return
    lengths = mask.sum(dim=1).tolist()
    for length in sorted(set(lengths) - {0}):
        rows = [row for row, n in enumerate(lengths) if n == length]
        yield rows, tokens[rows, tokens.shape[1] - length :]
