"""The kinds by name: how each package's model is built and read, and what its arguments mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from babilong_eval.models.kin import block_recurrent, memformer, memorizing, rmt_lucidrains, transformer_xl

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from babilong_eval.models.kin.decoder import ReadSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A model of a package.

    Attributes:
        build: makes the package's model of the arguments of its class.
        read_segment: reads one segment; None where a decoder of its own answers.
        vocabulary: the arguments that are the number of tokens.
        positions: the arguments that are the most tokens of a segment.
        one_segment: the arguments that are a segment's length where a recipe leaves them out.
        remembered: the argument that is how many tokens the state holds at most, and the package's default
            of it; None for a state whose size does not depend on how much was read.
    """

    build: Callable[[dict[str, Any]], nn.Module]
    read_segment: ReadSegment | None
    vocabulary: tuple[str, ...] = ("num_tokens",)
    positions: tuple[str, ...] = ()
    one_segment: tuple[str, ...] = ()
    remembered: tuple[str, int] | None = None

    def completed(self, arguments: dict[str, Any], *, vocabulary_size: int, longest: int) -> dict[str, Any]:
        """Return arguments for a new model, with the tokens and positions that it needs."""
        known = dict.fromkeys(self.vocabulary, vocabulary_size)
        return known | dict.fromkeys((*self.positions, *self.one_segment), longest) | arguments

    def is_bounded(self, arguments: dict[str, Any], segment_size: int) -> bool:
        """Return whether two segments fill the state, so that it never grows afterwards."""
        if self.remembered is None:
            return True
        name, default = self.remembered
        return int(arguments.get(name, default)) <= 2 * segment_size


KINDS: dict[str, Kind] = {
    "block-recurrent": Kind(
        build=block_recurrent.build,
        read_segment=block_recurrent.read_segment,
        positions=("max_seq_len",),
        one_segment=("block_width",),
    ),
    "memformer": Kind(
        build=memformer.build,
        read_segment=None,
        vocabulary=("enc_num_tokens", "dec_num_tokens"),
        positions=("enc_max_seq_len",),
        one_segment=("dec_max_seq_len",),
    ),
    "memorizing": Kind(
        build=memorizing.build,
        read_segment=memorizing.read_segment,
        remembered=("max_knn_memories", 250_000),
    ),
    "rmt-lucidrains": Kind(
        build=rmt_lucidrains.build, read_segment=rmt_lucidrains.read_segment, positions=("seq_len",)
    ),
    "transformer-xl": Kind(
        build=transformer_xl.build,
        read_segment=transformer_xl.read_segment,
        positions=("max_seq_len",),
        one_segment=("max_mem_len",),
        remembered=("max_mem_len", 0),
    ),
}
