"""Shards made on this machine: here, or by several processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from babilong_gen.errors import OutputError
from babilong_gen.make import ShardContext, make_shard
from babilong_gen.processes import Report, WorkerDiedError, in_processes
from babilong_gen.write.folder import in_this_process
from babilong_gen.write.plan import tokens_of
from babilong_gen.write.shards import Shard, WrittenShard

# As many are made here while another Python starts.
_FEW_TOKENS = 2_000_000


def make_shards(
    context: ShardContext, shards: Sequence[Shard], *, workers: int | None, report: Callable[[int], None]
) -> Iterator[tuple[Shard, WrittenShard]]:
    """Make shards with so many processes; None: one per core, or none besides this one for a small dataset.

    Raises:
        OutputError: a worker process died; finished shards are kept.
    """
    workers = min(workers or _worthwhile(context, shards), len(shards))
    if workers > 1 and not in_this_process(context.out):
        yield from _make_in_processes(context, shards, workers, report)
        return
    for shard in shards:
        yield shard, make_shard(context, shard, report)


def _worthwhile(context: ShardContext, shards: Sequence[Shard]) -> int:
    """Return how many processes make shards soonest."""
    spec = context.prepared.spec
    tokens = sum((shard.last - shard.first) * tokens_of(shard.length, spec) for shard in shards)
    return (os.cpu_count() or 1) if tokens > _FEW_TOKENS else 1


def _make_in_processes(
    context: ShardContext, shards: Sequence[Shard], workers: int, report: Callable[[int], None]
) -> Iterator[tuple[Shard, WrittenShard]]:
    # The longest samples first, so that no worker is left alone with them at the end.
    longest_first = list(reversed(shards))
    try:
        yield from in_processes(_start_worker, context, longest_first, workers=workers, report=report)
    except WorkerDiedError as died:
        raise OutputError(
            f"{died}, perhaps for lack of memory: finished shards are kept; "
            "give the same command again with fewer --workers"
        ) from died


def _start_worker(context: ShardContext) -> Callable[[Shard, Report], WrittenShard]:
    """Return what a worker process does with each shard; it keeps the mapped noise between them."""
    return partial(make_shard, context)
