"""`babilong generate`, end to end: spec, sources, shards on a pool of processes, card, manifest.

DatasetSpec -> prepare -> plan (shards) -> make_shard, in any order and process -> card, manifest
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import connection
from pathlib import Path
from typing import Any, Protocol

from babilong_gen.assemble.assemble import assemble
from babilong_gen.assemble.choose import choose_stories
from babilong_gen.assemble.haystack import Haystack
from babilong_gen.assemble.sample import Sample
from babilong_gen.errors import OutputError
from babilong_gen.lengths import parse_length
from babilong_gen.prepare import Prepared, check_reuse, default_cache, prepare
from babilong_gen.spec import DatasetSpec
from babilong_gen.write.card import write_card
from babilong_gen.write.croissant import write_croissant
from babilong_gen.write.manifest import finish_folder, make_manifest, start_folder
from babilong_gen.write.shards import Shard, WrittenShard, read_written, write_shard

# A cell of more text than this is cut into several shards even where one would hold it, so that
# several workers can share it.
_SHARED_TEXT_BYTES = 16_000_000
_SHARED_SHARDS = 8

# Progress is told each time so much has been made, not for each of a thousand small samples a second.
_REPORT_TOKENS = 1_000_000


class Progress(Protocol):
    """What a run tells while it goes on; the command line draws it."""

    def notify(self, line: str) -> None:
        """One line that the user should see."""
        ...

    def noise(self, characters: int) -> None:
        """So many more characters of noise are tokenized."""
        ...

    def planned(self, samples: int) -> None:
        """So many samples are to be made."""
        ...

    def samples(self, count: int) -> None:
        """So many more samples are made."""
        ...


class Silent:
    """Tells nothing."""

    def notify(self, line: str) -> None: ...
    def noise(self, characters: int) -> None: ...
    def planned(self, samples: int) -> None: ...
    def samples(self, count: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where one process makes shards; the mapped noise of each task is kept between them."""

    prepared: Prepared
    out: Path
    _haystacks: dict[str, Haystack] = field(default_factory=dict)

    def haystack(self, task: str) -> Haystack:
        """What all samples of a task share."""
        if task not in self._haystacks:
            self._haystacks[task] = self.prepared.haystack(task)
        return self._haystacks[task]


def generate(
    spec: DatasetSpec,
    out: Path,
    *,
    workers: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Generate a dataset, or what an interrupted run left to do.

    Args:
        workers: processes that make shards; None for one a core. The bytes are the same for any number.
        cache: where tokenized noise is kept; None for the user's cache folder.

    Returns:
        The manifest.

    Raises:
        BabilongError: something of the user's; whole shards that were written stay.
    """
    progress = progress or Silent()
    prepared, source = prepare(
        spec, cache=cache or default_cache(), report=progress.noise, notify=progress.notify
    )
    check_reuse(prepared, progress.notify)
    try:
        start_folder(out, spec, prepared.fingerprint)
        shards = plan_shards(prepared)
        written = _make_all(prepared, out, shards, workers or os.cpu_count() or 1, progress)
        manifest = make_manifest(prepared, source, written)
        write_card(out, manifest)
        write_croissant(out, manifest)
        finish_folder(out, manifest)
    except OSError as broken:
        raise OutputError(
            f"{out} cannot be written ({broken.strerror or broken}): finished shards are kept; "
            "make room or write access there and give the same command again"
        ) from broken
    return manifest


def plan_shards(prepared: Prepared) -> list[Shard]:
    """The dataset's shards, short samples first; a function of the spec and the corpus alone."""
    spec = prepared.spec
    corpus = prepared.corpus()
    bytes_a_token = len(corpus.text) / len(corpus.tokens)
    plan = []
    for length in spec.parsed_lengths:
        tokens = length.input_tokens(question_tokens=0, segment_size=spec.segment_size, reserve=0) or 1_000
        text_bytes = int(tokens * bytes_a_token * spec.samples)
        count = max(
            -(-text_bytes // spec.shard_bytes), min(_SHARED_SHARDS, text_bytes // _SHARED_TEXT_BYTES), 1
        )
        count = min(count, spec.samples)
        cuts = [spec.samples * n // count for n in range(count + 1)]
        plan += [
            Shard(task=task, length=length.name, number=n, of=count, first=cuts[n], last=cuts[n + 1])
            for task in spec.tasks
            for n in range(count)
        ]
    return plan


def make_samples(
    prepared: Prepared, haystack: Haystack, task: str, length_name: str, first: int, last: int
) -> Iterator[tuple[Sample, int]]:
    """Samples [first, last) of a cell, each with the number of stories passed over for it."""
    length = parse_length(length_name)
    chosen = choose_stories(
        prepared.stories, haystack, task, ladder=prepared.ladder(length), first=first, last=last
    )
    for index, story, passed_over in chosen:
        yield assemble(story, haystack, length=length, index=index), passed_over


def make_shard(workshop: Workshop, shard: Shard, report: Callable[[int], None]) -> WrittenShard:
    """Make one shard, or read back what an earlier run finished."""
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


def _make_all(
    prepared: Prepared, out: Path, shards: list[Shard], workers: int, progress: Progress
) -> list[tuple[Shard, WrittenShard]]:
    progress.planned(sum(shard.last - shard.first for shard in shards))
    workers = min(workers, len(shards))
    if workers == 1:
        workshop = Workshop(prepared=prepared, out=out)
        return [(shard, make_shard(workshop, shard, progress.samples)) for shard in shards]
    return _make_in_processes(prepared, out, shards, workers, progress)


def _make_in_processes(
    prepared: Prepared, out: Path, shards: list[Shard], workers: int, progress: Progress
) -> list[tuple[Shard, WrittenShard]]:
    context = multiprocessing.get_context("spawn")
    counts = context.SimpleQueue()
    drain = threading.Thread(
        target=lambda: [progress.samples(n) for n in iter(counts.get, None)], daemon=True
    )
    drain.start()
    # The longest samples first, so that no worker is left alone with them at the end.
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(prepared, out, counts))
    try:
        futures = [pool.submit(_make_in_worker, shard) for shard in reversed(shards)]
        return [(shard, future.result()) for shard, future in zip(shards, reversed(futures), strict=True)]
    except BrokenProcessPool as died:
        raise OutputError(
            "a worker process died, perhaps for lack of memory: finished shards are kept; "
            "give the same command again with fewer --workers"
        ) from died
    finally:
        pool.shutdown(cancel_futures=True)
        counts.put(None)
        drain.join()


_worker: tuple[Workshop, Callable[[int], None]] | None = None


def _start_worker(prepared: Prepared, out: Path, counts: Any) -> None:
    """What a worker process keeps from shard to shard."""
    global _worker
    _worker = Workshop(prepared=prepared, out=out), counts.put
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
