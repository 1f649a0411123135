"""Shards made from what was prepared, one after the other, in whatever process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from babilong_gen.assemble.assemble import assemble
from babilong_gen.assemble.check import Check, How, check_sample, how_to_check
from babilong_gen.assemble.choose import choose_stories
from babilong_gen.assemble.context import AssemblyContext
from babilong_gen.assemble.sample import Sample
from babilong_gen.lengths import parse_length
from babilong_gen.prepare import Prepared
from babilong_gen.tokenizer import TextTokenizer
from babilong_gen.write.folder import Folder
from babilong_gen.write.schema import dataset_schema
from babilong_gen.write.shards import Shard, WrittenShard, read_written, write_shard

# Samples are checked in batches of so much text: one after the other they go quicker than each between
# two that are made. A batch with one that is read as a whole may take long: it does not hold up the others.
_BATCH_BYTES = 4_000_000
_CHECKED_AT_ONCE = 2
_MOST_UNDER_WAY = 4

# Progress is told each time so much has been made, not for each of a thousand small samples a second.
_REPORT_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardContext:
    """What shards are made from, where, and how they are checked; a process keeps the noise of each task.

    Attributes:
        check: how many finished samples are tokenized again.
    """

    prepared: Prepared
    out: Folder
    check: Check = "some"
    _contexts: dict[str, AssemblyContext] = field(default_factory=dict)

    def assembly(self, task: str) -> AssemblyContext:
        """Return what all samples of a task share."""
        if task not in self._contexts:
            self._contexts[task] = self.prepared.context(task)
        return self._contexts[task]


def make_samples(
    prepared: Prepared, context: AssemblyContext, task: str, length_name: str, first: int, last: int
) -> Iterator[tuple[Sample, int]]:
    """Make samples [first, last) of a cell, each with the number of stories passed over for it."""
    length = parse_length(length_name)
    chosen = choose_stories(
        prepared.stories, context, task, ladder=prepared.ladder(length), first=first, last=last
    )
    for index, story, passed_over in chosen:
        yield assemble(story, context, length=length, index=index), passed_over


def make_shard(context: ShardContext, shard: Shard, report: Callable[[int], None]) -> WrittenShard:
    """Make one shard, or read back what an earlier run finished.

    Args:
        report: called with the number of samples made since it was called last.

    Raises:
        SelfCheckError: a finished sample is not what it says; the shard is not written.
    """
    prepared, out = context.prepared, context.out
    done = read_written(out, shard, fingerprint=prepared.fingerprint)
    if done is not None:
        report(done.counts.rows)
        return done

    def reported() -> Iterator[tuple[Sample, int, How]]:
        samples = tokens = 0
        for sample, passed_over, how in _checked(context, shard):
            yield sample, passed_over, how
            samples, tokens = samples + 1, tokens + sample.n_tokens
            if tokens >= _REPORT_TOKENS:
                report(samples)
                samples = tokens = 0
        report(samples)

    schema = dataset_schema(store_tokens=prepared.spec.store_tokens, tasks=prepared.spec.tasks)
    return write_shard(out, shard, reported(), fingerprint=prepared.fingerprint, schema=schema)


def _checked(context: ShardContext, shard: Shard) -> Iterator[tuple[Sample, int, How]]:
    """Yield a shard's samples, as from `make_samples`, and how each was tokenized again.

    The check runs beside the making: the tokenizer works outside the interpreter's lock. All that were handed
    out have passed when the iterator ends.
    """
    prepared, tokenizer = context.prepared, context.prepared.tokenizer
    made = make_samples(
        prepared, context.assembly(shard.task), shard.task, shard.length, shard.first, shard.last
    )
    beside = ThreadPoolExecutor(_CHECKED_AT_ONCE)
    under_way: set[Future[None]] = set()
    batch: list[tuple[Sample, How]] = []
    size = 0
    try:
        for index, (sample, passed_over) in enumerate(made, start=shard.first):
            how = how_to_check(
                context.check,
                proved=tokenizer.proved,
                n_tokens=sample.n_tokens,
                first_of_shard=index == shard.first,
                first_of_cell=index == 0,
            )
            yield sample, passed_over, how
            batch.append((sample, how))
            size += len(sample.text)
            if size >= _BATCH_BYTES:
                under_way.add(beside.submit(_check, batch, tokenizer))
                batch, size = [], 0
            if len(under_way) > _MOST_UNDER_WAY:
                finished, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                _pass(finished)
        _pass({*under_way, beside.submit(_check, batch, tokenizer)})
    finally:
        beside.shutdown(cancel_futures=True)


def _check(samples: Sequence[tuple[Sample, How]], tokenizer: TextTokenizer) -> None:
    for sample, how in samples:
        # Where composition is not proved, it was read as a whole when it was put together.
        if tokenizer.proved and how != "no":
            check_sample(sample, tokenizer.tokenizer, whole=how == "whole")


def _pass(checks: Iterable[Future[None]]) -> None:
    for check in checks:
        check.result()
