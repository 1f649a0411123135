"""Which rows a batch has: so many fresh, so many that continue, so many without facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_eval.training.row_maker import RowMaker
from babilong_gen.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Sequence

    from babilong_eval.training.recipe_stages import Stage
    from babilong_eval.training.rows import Pools, Row
    from babilong_eval.training.samples import SampleSource

# Each process numbers its samples, later tries included, from a multiple of this.
_NUMBERS_PER_PROCESS = 1 << 40


class BatchSampler:
    """Samples the rows of each step, as a function of the step and of the pools.

    Args:
        source: what samples are made of.
        labels: the answers, in the order of their numbers.
        seed: of the recipe.
        rows: of the largest batch of any stage.
        process: number among those that train together. Like `rows`, it keeps samples from coming twice.
    """

    def __init__(
        self, source: SampleSource, labels: Sequence[str], *, seed: int, rows: int, process: int = 0
    ) -> None:
        self.source = source
        self.number = {label: number for number, label in enumerate(labels)}
        self.rows = rows
        self.process = process
        self.key = ("train", seed, process)

    def segment_size(self, stage: Stage, largest: int, step: int) -> int:
        """Return the segment size of a step: the stage's or, of several, one that the step draws."""
        sizes = stage.segment_sizes
        return Rng(*self.key, step, "size").choice(sizes) if len(sizes) > 1 else largest

    def batch(self, stage: Stage, segment_size: int, step: int, pools: Pools) -> list[Row]:
        """Return the rows of a step; memories to continue are taken from the pools.

        Raises:
            UsageError: stories do not fit the stage's segments, or no question has the form that it asks for.
        """
        rng = Rng(*self.key, step)
        segments = rng.randint(*stage.segments)
        maker = RowMaker(self.source, self.number, rng, stage, segments, segment_size)
        streams = stage.streams
        continued = pools.known.take(rng, round(stage.batch * streams.continued) if segments else 0)
        empty = round(stage.batch * streams.empty) if segments else 0
        # Half of the empty rows begin anew, so that their pool gets both new memories and old ones.
        old = pools.empty.take(rng, empty - empty // 2)
        rows = [maker.continued(memory) for memory in continued + old]
        rows += [maker.empty() for _ in range(empty - len(old))]
        first = self.process * _NUMBERS_PER_PROCESS + step * self.rows
        rows += [maker.fresh(first + offset, pools) for offset in range(stage.batch - len(rows))]
        if not segments:
            rows = maker.padded(rows)
        longest = stage.positions_of
        return rows if longest is None else [maker.with_gaps(row, longest) for row in rows]
