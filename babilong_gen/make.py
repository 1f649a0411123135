"""Shards made from what was prepared, one after the other, in whatever process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from babilong_gen.assemble.assemble import assemble
from babilong_gen.assemble.choose import choose_stories
from babilong_gen.assemble.context import AssemblyContext
from babilong_gen.assemble.sample import Sample
from babilong_gen.lengths import parse_length
from babilong_gen.prepare import Prepared
from babilong_gen.write.folder import Folder
from babilong_gen.write.shards import Shard, WrittenShard, read_written, write_shard

# Progress is told each time so much has been made, not for each of a thousand small samples a second.
_REPORT_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardContext:
    """What shards are made from, and where; a process keeps the mapped noise of each task between them."""

    prepared: Prepared
    out: Folder
    _contexts: dict[str, AssemblyContext] = field(default_factory=dict)

    def haystack(self, task: str) -> AssemblyContext:
        """What all samples of a task share."""
        if task not in self._contexts:
            self._contexts[task] = self.prepared.context(task)
        return self._contexts[task]


def make_samples(
    prepared: Prepared, haystack: AssemblyContext, task: str, length_name: str, first: int, last: int
) -> Iterator[tuple[Sample, int]]:
    """Samples [first, last) of a cell, each with the number of stories passed over for it."""
    length = parse_length(length_name)
    chosen = choose_stories(
        prepared.stories, haystack, task, ladder=prepared.ladder(length), first=first, last=last
    )
    for index, story, passed_over in chosen:
        yield assemble(story, haystack, length=length, index=index), passed_over


def make_shard(workshop: ShardContext, shard: Shard, report: Callable[[int], None]) -> WrittenShard:
    """Make one shard, or read back what an earlier run finished.

    Args:
        report: called with the number of samples made since it was called last.
    """
    prepared, out = workshop.prepared, workshop.out
    done = read_written(out, shard, fingerprint=prepared.fingerprint)
    if done is not None:
        report(done.counts.rows)
        return done

    def reported() -> Iterator[tuple[Sample, int]]:
        haystack = workshop.haystack(shard.task)
        samples = tokens = 0
        for sample, passed_over in make_samples(
            prepared, haystack, shard.task, shard.length, shard.first, shard.last
        ):
            yield sample, passed_over
            samples, tokens = samples + 1, tokens + sample.n_tokens
            if tokens >= _REPORT_TOKENS:
                report(samples)
                samples = tokens = 0
        report(samples)

    return write_shard(
        out, shard, reported(), fingerprint=prepared.fingerprint, store_tokens=prepared.spec.store_tokens
    )
