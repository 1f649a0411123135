"""Shards made on this machine: here, or by a pool of processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Any

from babilong_gen.errors import OutputError
from babilong_gen.make import ShardContext, make_shard
from babilong_gen.write.folder import in_this_process
from babilong_gen.write.shards import Shard, WrittenShard


def make_shards(
    workshop: ShardContext, shards: Sequence[Shard], *, workers: int | None, report: Callable[[int], None]
) -> Iterator[tuple[Shard, WrittenShard]]:
    """Make shards with so many processes, one a core if None is given.

    Raises:
        OutputError: a worker process died; finished shards are kept.
    """
    workers = 1 if in_this_process(workshop.out) else min(workers or os.cpu_count() or 1, len(shards))
    if workers > 1:
        yield from _make_in_processes(workshop, shards, workers, report)
        return
    for shard in shards:
        yield shard, make_shard(workshop, shard, report)


def _make_in_processes(
    workshop: ShardContext, shards: Sequence[Shard], workers: int, report: Callable[[int], None]
) -> Iterator[tuple[Shard, WrittenShard]]:
    context = multiprocessing.get_context("spawn")
    counts = context.SimpleQueue()
    drain = threading.Thread(target=lambda: [report(n) for n in iter(counts.get, None)], daemon=True)
    drain.start()
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(workshop, counts))
    try:
        # The longest samples first, so that no worker is left alone with them at the end.
        futures = {pool.submit(_make_in_worker, shard): shard for shard in reversed(shards)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as died:
        raise OutputError(
            "a worker process died, perhaps for lack of memory: finished shards are kept; "
            "give the same command again with fewer --workers"
        ) from died
    finally:
        pool.shutdown(cancel_futures=True)
        counts.put(None)
        drain.join()


_worker: tuple[ShardContext, Callable[[int], None]] | None = None


def _start_worker(workshop: ShardContext, counts: Any) -> None:
    """What a worker process keeps from shard to shard."""
    global _worker
    _worker = workshop, counts.put
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _make_in_worker(shard: Shard) -> WrittenShard:
    assert _worker is not None
    workshop, report = _worker
    return make_shard(workshop, shard, report)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
