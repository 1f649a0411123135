"""Shards made on a Ray cluster: one task a shard, made again elsewhere when its worker is lost.

`RAY_ADDRESS` names the cluster; without it one is started on this machine, and stopped at the end. Workers
read the tokenized noise from the cache folder that this process prepared, where their machine has it;
elsewhere they prepare it themselves, once a machine.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babilong_gen.errors import OutputError, SourceError, UsageError, first_line
from babilong_gen.make import ShardContext, make_shard
from babilong_gen.prepare import Prepared, default_cache, prepare
from babilong_gen.write.dataset_plan import clear_leftovers
from babilong_gen.write.folder import Folder
from babilong_gen.write.shards import Shard, WrittenShard

if TYPE_CHECKING:
    from ray import ObjectRef

# How often a shard is made again: one that no machine's memory can hold would else be tried for ever.
_RETRIES = 3

# More tasks than any cluster has cores; all of a large dataset's at once would only fill Ray's own memory.
_MOST_UNDER_WAY = 2_000

_SECONDS_BETWEEN_REPORTS = 0.5

_SECONDS_TO_ANSWER = 10

# Ray sends statistics of its use, and says so; and it prints on stdout whatever befalls a worker.
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "."}

# Nothing but counts and names of files goes through the object store, which is /dev/shm: Ray's own choice is
# a third of the memory.
_OBJECT_STORE_BYTES = 100_000_000


def make_shards(
    context: ShardContext, shards: Sequence[Shard], *, workers: int | None, report: Callable[[int], None]
) -> Iterator[tuple[Shard, WrittenShard]]:
    """Make shards on a cluster, so many at a time, or as many as it has cores if None is given.

    Raises:
        OutputError: a shard's worker was lost again and again, or what it wrote cannot be seen from here.
        SourceError: a machine of the cluster has other sources.
        UsageError: no cluster answers.
    """
    with _cluster(workers), _one_line():
        import ray

        materials = ray.put(_absolute(context))
        tally = _start_tally()
        make = ray.remote(num_cpus=1, max_retries=_RETRIES)(_make_in_worker)
        # The longest samples first, so that no worker is left alone with them at the end.
        waiting = list(shards)
        under_way: dict[ObjectRef, Shard] = {}
        told = 0
        while waiting or under_way:
            while waiting and len(under_way) < (workers or _MOST_UNDER_WAY):
                shard = waiting.pop()
                # in lists, references are handed on as they are, to be read once a process
                under_way[make.remote([materials, tally], shard)] = shard
            finished, _ = ray.wait(list(under_way), timeout=_SECONDS_BETWEEN_REPORTS)
            made: Any = ray.get(tally.total.remote())
            told += _tell(report, made - told)
            for one in finished:
                shard, written = under_way.pop(one), ray.get(one)
                _check_seen(context.out, written)
                yield shard, written
        _tell(report, sum(shard.last - shard.first for shard in shards) - told)
    # Of workers that were lost while the others went on; what else there is may be under way elsewhere.
    clear_leftovers(context.out, shards)


def _tell(report: Callable[[int], None], samples: int) -> int:
    """Report so many more samples; a shard that is made again takes some back, which need not be shown."""
    more = max(0, samples)
    report(more)
    return more


class _Tally:
    """How many samples of each shard are made. A shard that is made again is counted anew."""

    def __init__(self) -> None:
        self._made: dict[str, int] = {}

    def made(self, path: str, samples: int) -> None:
        self._made[path] = samples

    def total(self) -> int:
        return sum(self._made.values())


def _start_tally() -> Any:
    """Start a tally in a process of its own, beside this one: it must not be lost with another machine."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    options = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
    return ray.remote(**options)(_Tally).remote()


def _make_in_worker(shared: Sequence[Any], shard: Shard) -> WrittenShard:
    materials, tally = shared
    samples = 0

    def report(count: int) -> None:
        nonlocal samples
        samples += count
        tally.made.remote(shard.path, samples)

    return make_shard(_context(materials), shard, report)


@lru_cache(maxsize=1)
def _context(materials: ObjectRef) -> ShardContext:
    """Read what a worker process keeps from shard to shard."""
    import ray

    context: ShardContext = ray.get(materials)
    return replace(context, prepared=_at_hand(context.prepared))


def _at_hand(prepared: Prepared) -> Prepared:
    """Return the same with noise that lies on this machine."""
    if all(pool.is_dir() for pool in prepared.pools.values()):
        return prepared
    from filelock import FileLock  # Ray's own dependency

    cache = default_cache()
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / ".preparing.lock"):
        again, _ = prepare(prepared.spec, cache=cache, report=lambda _: None, notify=lambda _: None)
    if again.fingerprint != prepared.fingerprint:
        raise SourceError(
            f"{socket.gethostname()} has other noise, stories or tokenizer under the same names: "
            "give all machines of the cluster the same files"
        )
    return again


@contextmanager
def _cluster(workers: int | None) -> Iterator[None]:
    """Connect to Ray, which says nothing itself; use a connection that the calling program has already."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)  # read when Ray is imported
    import ray

    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    if address:
        _check_answers(address)
        where: dict[str, Any] = {"address": address}
    else:
        where = {
            "address": "local",
            "num_cpus": workers or os.cpu_count(),
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
        }
    try:
        ray.init(**where, logging_level=logging.CRITICAL, log_to_driver=False)
    except (ConnectionError, ValueError) as refused:  # nothing there, or no address
        raise _no_cluster(address) from refused
    except Exception as failed:  # bare, where one of its own processes starts too late
        if address:
            raise
        raise UsageError(
            f"Ray could not start on this machine ({first_line(failed)}): try again when it is less busy, "
            "or leave out --executor ray"
        ) from failed
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Check that a cluster answers: Ray itself tries a dead address for many minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():  # `auto`: Ray looks on this machine, and knows at once
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_ANSWER).close()
    except OSError as refused:
        raise _no_cluster(address) from refused


def _no_cluster(address: str | None) -> UsageError:
    return UsageError(
        f"no Ray cluster answers at RAY_ADDRESS={address}: start one there, or unset the variable"
    )


@contextmanager
def _one_line() -> Iterator[None]:
    """Raise here what a worker raised; what Ray itself has to say becomes our error."""
    from ray.exceptions import RayError, RayTaskError

    try:
        yield
    except RayTaskError as failed:
        raise failed.cause from failed
    except RayError as lost:
        raise OutputError(
            f"Ray gave up on a shard after {_RETRIES + 1} workers were lost, perhaps for lack of memory: "
            "finished shards are kept; give the same command again with fewer --workers"
        ) from lost


def _absolute(context: ShardContext) -> ShardContext:
    """Make paths absolute: workers have a working folder of their own."""
    prepared, out = context.prepared, context.out
    pools = {task: pool.absolute() for task, pool in prepared.pools.items()}
    return replace(
        context,
        prepared=replace(prepared, cache=prepared.cache.absolute(), pools=pools),
        out=out.absolute() if isinstance(out, Path) else out,
    )


def _check_seen(out: Folder, written: WrittenShard) -> None:
    if not (out / written.path).exists():
        raise OutputError(
            f"{written.path} was written on another machine, where {out} is another folder: "
            "give a folder that all machines share, or a URL such as s3://…"
        )
