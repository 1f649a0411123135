"""Who makes the shards: an executor is one function, chosen by its name.

All of them call `make_shard`, anywhere and in any order, so that the bytes do not depend on which it was.

local.py  on this machine
ray.py    on a Ray cluster
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Protocol

from babilong_gen.errors import UsageError
from babilong_gen.executors import local, ray
from babilong_gen.make import ShardContext
from babilong_gen.write.shards import Shard, WrittenShard


class Executor(Protocol):
    """Makes shards and hands on each one as it is finished, in any order.

    Args:
        workers: how many are made at a time; None for as many as there are cores for it, or as it pays.
        report: called in this process with the number of samples made since it was called last.

    Raises:
        OutputError: a worker was lost for good; finished shards are kept.
    """

    def __call__(
        self,
        context: ShardContext,
        shards: Sequence[Shard],
        *,
        workers: int | None,
        report: Callable[[int], None],
    ) -> Iterator[tuple[Shard, WrittenShard]]: ...


EXECUTORS: dict[str, Executor] = {"local": local.make_shards, "ray": ray.make_shards}
"""Each but `local` is named after the package that it needs, and after the extra that brings it."""


def find_executor(name: str) -> Executor:
    """Find the executor of a name.

    Raises:
        UsageError: there is none, or what it needs is not installed.
    """
    if name not in EXECUTORS:
        raise UsageError(f"unknown executor {name!r}: expected {' or '.join(EXECUTORS)}")
    if name != "local" and find_spec(name) is None:
        raise UsageError(f"--executor {name} needs a package more: pip install 'babilong-gen[{name}]'")
    return EXECUTORS[name]
